"""Golden of names: what timm and torchvision call the networks of this package, with their sizes.

Usage: python scripts/goldens/names.py   (torch, torchvision, timm; writes test/golden/names.json)

Every model of theirs that is called like one of these families is built on the meta device, which takes no memory. One
whose parameters and state dict are as large as one of ours is that network, but for those listed below, which differ in
parts without parameters.
"""

import json
import pathlib
import re

import timm
import torch
import torchvision

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"
FAMILIES = re.compile(r"(tf_)?(efficientnet|mobilenet|mnasnet|semnasnet|resnet|wide_resnet|alexnet)")
# Pooling against aliasing, group norm.
OTHERS = re.compile(r"blur|resnetaa|_gn$")

LIBRARIES = {
    "timm": (timm.list_models(), timm.create_model),
    "torchvision": (
        torchvision.models.list_models(torchvision.models),
        lambda name: torchvision.models.get_model(name, weights=None),
    ),
}


def size(make, name):
    with torch.device("meta"):
        model = make(name)
    return [sum(p.numel() for p in model.parameters()), len(model.state_dict())]


def main():
    published = json.loads((GOLDEN / "variants.json").read_text())["published"]
    families = json.loads((GOLDEN / "families.json").read_text())
    rows = [*published.values(), *families["models"].values(), *families["references"].values()]
    ours = {row["params"] for row in rows}
    found = {"source": f"timm {timm.__version__}, torchvision {torchvision.__version__.split('+')[0]}: parameters, state dict entries"}
    for library, (names, make) in LIBRARIES.items():
        names = [name for name in names if FAMILIES.match(name) and not OTHERS.search(name)]
        sizes = {name: size(make, name) for name in names}
        found[library] = {name: pair for name, pair in sizes.items() if pair[0] in ours}
    lines = json.dumps(found, indent=1)
    lines = re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", lines)
    (GOLDEN / "names.json").write_text(lines + "\n")


main()
