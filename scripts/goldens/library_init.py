"""Golden of initial weights: the spread and the largest value of each tensor in new networks of torchvision and timm.

Usage: python scripts/goldens/library_init.py   (torch, torchvision, timm; writes test/golden/library-init.json)

Each row is [standard deviation, largest absolute value] of a tensor, in the order of the state dict; a tensor that is the
same everywhere is that number. Batch counters and running statistics are left out.
"""

import json
import pathlib

import timm
import torch
import torchvision

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"
TORCHVISION = ("efficientnet_b0", "efficientnet_v2_s", "mobilenet_v2", "mobilenet_v3_small", "mnasnet1_0", "resnet18", "resnet50")
TIMM = ("efficientnet_b0", "tf_efficientnetv2_b0", "mobilenetv1_100", "mobilenetv3_small_100", "semnasnet_100", "resnet18", "resnet50")
CLASSES = 100


def row(value):
    if bool((value == value.flatten()[0]).all()):
        return value.flatten()[0].item()
    return [float(f"{number:.4g}") for number in (value.std(correction=0).item(), value.abs().max().item())]


def rows(model):
    return [row(value) for _, value in model.named_parameters()]


def main():
    torch.manual_seed(0)
    golden = {
        "source": f"scripts/goldens/library_init.py, timm {timm.__version__}, torchvision {torchvision.__version__}",
        "classes": CLASSES,
        "torchvision": {n: rows(torchvision.models.get_model(n, weights=None, num_classes=CLASSES)) for n in TORCHVISION},
        "timm": {n: rows(timm.create_model(n, num_classes=CLASSES)) for n in TIMM},
    }
    (GOLDEN / "library-init.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
