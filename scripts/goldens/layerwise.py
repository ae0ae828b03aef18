"""Golden of layer-wise learning rates: the scales that timm gives to the parameters of its networks, in their order.

Usage: python scripts/goldens/layerwise.py   (torch, timm; writes test/golden/layerwise.json)

A row is [number of parameters in a row, distance of their layer from the classifier]; timm's scale is decay ** distance.
"""

import itertools
import json
import math
import pathlib

import timm
import torch
from timm.optim import param_groups_layer_decay

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "layerwise.json"
DECAY = 0.75
EFFICIENTNETS = [f"efficientnet_{size}" for size in (*(f"b{i}" for i in range(9)), "l2", *(f"lite{i}" for i in range(5)))]
V2 = [f"efficientnetv2_{size}" for size in ("b0", "b1", "b2", "b3", "s", "m", "l", "xl")]
RESNETS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2"]
NAMES = {
    **{name: f"tf_{name}" for name in EFFICIENTNETS + V2},
    **{f"efficientnetv2_rw_{size}": f"efficientnetv2_rw_{size}" for size in ("s", "m")},
    **{f"mobilenet_{size}": f"mobilenet{size.replace('_', '')}_100" for size in ("v1", "v2")},
    **{f"mobilenet_v3_{size}": f"mobilenetv3_{size}_100" for size in ("small", "large")},
    **{"mnasnet_b1": "mnasnet_100", "mnasnet_a1": "semnasnet_100"},
    **{name: name for name in RESNETS},
}


def distances(name):
    with torch.device("meta"):
        model = timm.create_model(name)
    groups = param_groups_layer_decay(model, weight_decay=0.0, layer_decay=DECAY)
    scales = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    found = [math.log(scales[id(p)], DECAY) for p in model.parameters()]
    assert all(abs(value - round(value)) < 1e-9 for value in found)
    return [[len(list(run)), value] for value, run in itertools.groupby(round(value) for value in found)]


rows = {ours: distances(theirs) for ours, theirs in NAMES.items()}
lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
OUT.write_text(f'{{\n "source": "timm {timm.__version__}",\n "models": {{\n{lines}\n }}\n}}\n')
