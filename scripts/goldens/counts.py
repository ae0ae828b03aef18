"""Golden of counts: rows of test/golden/families.json for networks that only timm has.

Usage: python scripts/goldens/counts.py   (torch, timm; writes their rows into the file, and leaves the others)

Parameters, multiply-adds of convolutions and linear layers, and the length of the state dict, of a model on the meta device.
"""

import json
import pathlib

import timm
import torch

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "families.json"
# Name in timm and here, side of the input in evaluation, px.
MODELS = {"efficientnetv2_rw_s": 384, "efficientnetv2_rw_m": 416}
# Inputs that are no squares: [height, width], px.
RECTANGLES = {"efficientnet_b0": [97, 384], "mobilenetv2_100": [160, 90], "resnet18": [65, 130]}


def row(name, resolution):
    macs = 0

    def add(module, _, output):
        nonlocal macs
        macs += module.weight.numel() * (output.shape[2] * output.shape[3] if output.ndim == 4 else 1)

    with torch.device("meta"):
        model = timm.create_model(name).eval()
        for module in model.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                module.register_forward_hook(add)
        model(torch.zeros(1, 3, *([resolution] * 2 if isinstance(resolution, int) else resolution)))
    params = sum(p.numel() for p in model.parameters())
    return {"resolution": resolution, "params": params, "macs": macs, "stateDictEntries": len(model.state_dict())}


def main():
    golden = json.loads(GOLDEN.read_text())
    # The same walk gives a row that was there before.
    assert row("tf_efficientnetv2_s", 384) == golden["models"]["efficientnetv2_s"]
    golden["models"].update({name: row(name, resolution) for name, resolution in MODELS.items()})
    golden["rectangles"] = {name: row(name, resolution) for name, resolution in RECTANGLES.items()}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
