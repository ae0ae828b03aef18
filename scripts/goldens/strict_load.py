"""What timm and torchvision make of files that mbconv saved: they load them strictly, and compute logits.

Usage: python scripts/goldens/strict_load.py FOLDER   (torch, torchvision, timm, safetensors; called by scripts/parity.mjs)

Reads FOLDER/saved.json, a list of {library, name, options, file, size, batch}, and writes FOLDER/loaded.json with the
logits of each. The images are made by the same rule here and there. A file that does not fit ends the program.
"""

import collections
import json
import pathlib
import sys

import safetensors.torch
import timm
import torch
import torchvision

from parity import images


def load(path):
    if path.suffix == ".pth":
        return torch.load(path, weights_only=True)
    # safetensors has no place for the version of a module, which torchvision's MNASNet asks for.
    state = collections.OrderedDict(safetensors.torch.load_file(path))
    state._metadata = {"": {"version": 2}}
    return state


def main():
    folder = pathlib.Path(sys.argv[1])
    results = []
    for case in json.loads((folder / "saved.json").read_text()):
        make = timm.create_model if case["library"] == "timm" else torchvision.models.get_model
        model = make(case["name"], **case["options"]).eval()
        model.load_state_dict(load(folder / case["file"]), strict=True)
        with torch.no_grad():
            found = model(images(case["size"], case["batch"], case["channels"]))
        results.append(found.flatten().tolist())
        print(f"{len(results)}: {case['library']} {case['name']} {case['file']}", file=sys.stderr)
    (folder / "loaded.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
