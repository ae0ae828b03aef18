"""Goldens of state-dict keys: timm's and torchvision's, as digests of all keys in order, and of their shapes and dtypes.

Usage: python scripts/goldens/keys.py   (torch, torchvision, timm; writes test/golden/keys.json)
"""

import hashlib
import json
import pathlib

import timm
import torch
import torchvision

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"
TIMM = {
    **{f"efficientnet_{v}": f"tf_efficientnet_{v}" for v in ("b0", "b1", "b4", "b7", "b8", "l2", "lite0", "lite3")},
    **{f"efficientnetv2_{v}": f"tf_efficientnetv2_{v}" for v in ("b0", "b3", "s", "m", "xl")},
    **{f"efficientnetv2_rw_{v}": f"efficientnetv2_rw_{v}" for v in ("s", "m")},
    "mobilenet_v1": "mobilenetv1_100",
    "mobilenet_v2": "mobilenetv2_100",
    "mobilenet_v3_small": "mobilenetv3_small_100",
    "mobilenet_v3_large": "mobilenetv3_large_100",
    "mnasnet_b1": "mnasnet_100",
    "mnasnet_a1": "semnasnet_100",
}
TORCHVISION = {
    **{f"efficientnet_{v}": f"efficientnet_{v}" for v in ("b0", "b1", "b4", "b7")},
    **{f"efficientnetv2_{v}": f"efficientnet_v2_{v}" for v in ("s", "m", "l")},
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_small": "mobilenet_v3_small",
    "mobilenet_v3_large": "mobilenet_v3_large",
    "mnasnet_b1": "mnasnet1_0",
    **{name: name for name in ("resnet18", "resnet34", "resnet50", "resnet152", "wide_resnet50_2")},
}


def sha256(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digest(model):
    state = model.state_dict()
    shapes = [f"{key} {str(value.dtype)[6:]} {'x'.join(map(str, value.shape))}" for key, value in state.items()]
    return {"entries": len(state), "sha256": sha256(state), "shapes": sha256(shapes)}


def main():
    with torch.device("meta"):
        golden = {
            "source": f"scripts/goldens/keys.py, timm {timm.__version__}, torchvision {torchvision.__version__}",
            "timm": {own: digest(timm.create_model(name)) for own, name in TIMM.items()},
            "torchvision": {own: digest(getattr(torchvision.models, name)()) for own, name in TORCHVISION.items()},
        }
    (GOLDEN / "keys.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
