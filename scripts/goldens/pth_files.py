"""Goldens of PyTorch's files: small ones as torch.save and torch.jit.save write them, with what is in them as JSON.

Usage: python scripts/goldens/pth_files.py   (torch; writes test/golden/pth/)
"""

import json
import pathlib

import torch

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "pth"


def main():
    GOLDEN.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    kinds = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
    dtypes = {name: torch.arange(-3, 5).reshape(2, 4).abs().to(getattr(torch, name)) for name in kinds}
    base = torch.arange(24.0)
    views = {
        "transposed": base.reshape(4, 6).t(),
        "every_second": base[::2],
        "offset": base[5:9],
        "scalar": torch.tensor(7.5),
        "empty": torch.zeros(0, 3),
        "channels_last": torch.arange(48.0).reshape(2, 3, 4, 2).to(memory_format=torch.channels_last),
    }
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    state = model.state_dict()  # an OrderedDict with attributes
    files = {
        "dtypes": (dtypes, dtypes),
        "views": (views, views),
        "module": (state, state),
        "parameters": ({name: p for name, p in model.named_parameters()}, dict(model.named_parameters())),
        "checkpoint": (
            {
                "epoch": 3,
                "best": 0.5,
                "arch": "b0",
                "flags": [True, None, (1, -2), 2**40],
                "size": state["0.weight"].shape,
                "dtype": torch.float32,
                "state_dict": {f"module.{k}": v for k, v in state.items()},
                "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
            },
            state,
        ),
    }
    expected = {}
    for name, (value, tensors) in files.items():
        torch.save(value, GOLDEN / f"{name}.pth")
        expected[name] = {
            key: {
                "dtype": str(t.dtype).removeprefix("torch."),
                "shape": list(t.shape),
                "values": t.detach().double().flatten().tolist(),
            }
            for key, t in tensors.items()
        }
    torch.save(dtypes, GOLDEN / "protocol4.pth", pickle_protocol=4)
    expected["protocol4"] = expected["dtypes"]
    torch.save(views, GOLDEN / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.jit.script(model).save(str(GOLDEN / "torchscript.pth"))
    torch.save(model, GOLDEN / "whole_module.pth")
    source = f"scripts/goldens/pth_files.py, torch {torch.__version__}"
    (GOLDEN / "expected.json").write_text(json.dumps({"source": source, "files": expected}, indent=1) + "\n")


if __name__ == "__main__":
    main()
