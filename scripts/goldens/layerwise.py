"""Golden of layer-wise learning rates: the scales that timm gives to the parameters of its networks, in their order.

Usage: python scripts/goldens/layerwise.py   (torch, timm; writes test/golden/layerwise.json)

A row is [number of parameters in a row, distance of their layer from the classifier]; timm's scale is decay ** distance.
"""

import itertools
import json
import math
import pathlib
import re

import timm
import torch
from timm.optim import param_groups_layer_decay

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "layerwise.json"
DECAY = 0.75
NAMES = {"efficientnet_b0": "efficientnet_b0", "efficientnetv2_s": "tf_efficientnetv2_s", "mobilenet_v2": "mobilenetv2_100"}


def distances(name):
    with torch.device("meta"):
        model = timm.create_model(name)
    groups = param_groups_layer_decay(model, weight_decay=0.0, layer_decay=DECAY)
    scales = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    found = [math.log(scales[id(p)], DECAY) for p in model.parameters()]
    assert all(abs(value - round(value)) < 1e-9 for value in found)
    return [[len(list(run)), value] for value, run in itertools.groupby(round(value) for value in found)]


rows = {ours: distances(theirs) for ours, theirs in NAMES.items()}
text = json.dumps({"source": f"timm {timm.__version__}", "models": rows}, indent=1)
OUT.write_text(re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", text) + "\n")
