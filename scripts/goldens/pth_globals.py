"""What torch.load(weights_only=True) takes beside weights, item by item, and which entry of a file timm takes.

Usage: python -P scripts/goldens/pth_globals.py   (torch, timm, numpy; writes test/golden/pth/globals.json)
"""

import argparse
import base64
import collections
import datetime
import io
import json
import pathlib
import tempfile
import warnings
import zipfile
import zlib

import numpy
import timm
import torch
from timm.models import clean_state_dict, load_state_dict
from torch._weights_only_unpickler import _get_allowed_globals

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "pth" / "globals.json"
WEIGHTS = {"w": torch.tensor([1.0, 2.0])}


def takes(data):
    """Whether PyTorch reads it, and what it makes of it."""
    try:
        return True, torch.load(io.BytesIO(data), weights_only=True)
    except Exception:  # noqa: BLE001 (any refusal is one)
        return False, None


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def handmade(pickle):
    """The weights' archive with another pickle in it."""
    source = zipfile.ZipFile(io.BytesIO(saved(WEIGHTS)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            target.writestr(name, pickle if name.endswith("data.pkl") else source.read(name))
    return file.getvalue()


def described(value):
    """A value as JSON can hold it, the same way as test/pth-globals.test.mjs."""
    if isinstance(value, torch.Tensor):
        kind = {"tensor": str(value.dtype).removeprefix("torch.")}
        plain = value.layout == torch.strided and not value.is_quantized and not value.is_meta and not value.is_nested
        known = kind["tensor"] in ("float32", "float64", "int64", "complex64", "complex128")
        if not plain or not known:
            return {"tensor": "not read"}
        value = value.detach().resolve_conj().resolve_neg()
        numbers = torch.view_as_real(value) if value.is_complex() else value
        return {**kind, "shape": list(value.shape), "values": numbers.flatten().tolist()}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": list(value)}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(value)}
    if isinstance(value, complex):
        return {"re": value.real, "im": value.imag}
    if isinstance(value, bool) or value is None or isinstance(value, (str, float)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"integer": str(value)}
    if isinstance(value, (torch.dtype, torch.layout, torch.device, torch.qscheme)):
        return str(value) if isinstance(value, torch.layout) else str(value).removeprefix("torch.")
    if isinstance(value, dict):
        return {"dict": [[described(k), described(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [described(each) for each in value]
    return {"other": type(value).__name__}


def items():
    linear = torch.nn.Linear(2, 2)
    sgd = torch.optim.SGD(linear.parameters(), lr=0.1, momentum=0.9)
    steps = torch.optim.lr_scheduler.MultiStepLR(sgd, [3, 5])
    attributed = torch.tensor([1.0])
    attributed.note = "mine"
    parameter = torch.nn.Parameter(torch.tensor([3.0]))
    parameter.note = "mine"
    x = torch.tensor([1 + 2j, 3 - 4j])
    return {
        "Counter in a scheduler's state": steps.state_dict(),
        "optimiser's state": sgd.state_dict(),
        "Counter": collections.Counter("aab"),
        "OrderedDict": collections.OrderedDict(a=1, b=2.5),
        "set": {1, 2, 3},
        "empty set": set(),
        "bytes": bytes(range(0, 256, 5)),
        "bytearray": bytearray(b"ab\xff"),
        "2^53": 2**53,
        "2^70": 2**70,
        "-2^70": -(2**70),
        "2^2000": 2**2000,
        "complex number": 1.5 - 2j,
        "nothing, yes, no": [None, True, False],
        "text": "Größe \U0001f600",
        "text with half a surrogate": "a\udcffb",
        "size": torch.Size([2, 3]),
        "device": [torch.device("cpu"), torch.device("cuda", 1)],
        "dtypes": [torch.float32, torch.complex64, torch.uint16, torch.float8_e4m3fn, torch.quint8],
        "layout": torch.strided,
        "quantisation scheme": torch.per_tensor_affine,
        "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        "parameter with an attribute": parameter,
        "tensor with an attribute": attributed,
        "complex64": x.clone(),
        "complex128": x.to(torch.complex128),
        "conjugated": x.clone().conj(),
        "negated": torch._neg_view(torch.tensor([1.0, -2.0])),
        "strided complex": torch.tensor([[1 + 1j, 2], [3, 4 - 1j]]).t(),
        "sparse COO": torch.tensor([1.0, 0]).to_sparse(),
        "sparse CSR": torch.eye(2).to_sparse_csr(),
        "float8": torch.zeros(2).to(torch.float8_e4m3fn),
        "uint16": torch.zeros(2, dtype=torch.uint16),
        "complex32": torch.zeros(2, dtype=torch.complex32),
        "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8),
        "quantised by channel": torch.quantize_per_channel(
            torch.ones(2, 2), torch.ones(2), torch.zeros(2), 0, torch.qint8
        ),
        "nested": torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
        "meta": torch.zeros(2, 3, device="meta"),
        "numpy scalar": numpy.float64(1.5),
        "numpy array": numpy.ones(2),
        "argparse.Namespace": argparse.Namespace(lr=0.1),
        "optimiser": sgd,
        "scheduler": steps,
        "module": linear,
        "function": torch.nn.functional.relu,
        "class": collections.OrderedDict,
        "path": pathlib.PurePosixPath("/a"),
        "date": datetime.datetime(2020, 1, 1),
        "defaultdict": collections.defaultdict(list, a=[1]),
        "deque": collections.deque([1, 2]),
        "frozenset": frozenset([1, 2]),
        "no bytes": b"",
    }


def table():
    for name, extra in items().items():
        beside = {"x": extra} if isinstance(extra, torch.Tensor) else extra
        data = saved({"model": WEIGHTS, "extra": beside})
        good, value = takes(data)
        yield {
            "item": name,
            "torch": good,
            "extra": described(value["extra"]) if good else None,
            "file": base64.b64encode(zlib.compress(data, 9)).decode(),
        }


def globals_alone():
    """Each name of the allow-list as a value beside weights, as test/pth-globals.test.mjs writes it, too."""
    for name in sorted(_get_allowed_globals()):
        module, _, own = name.rpartition(".")
        pickle = b"\x80\x02}X\x05\x00\x00\x00extrac" + f"{module}\n{own}\n".encode() + b"s."
        yield [name, takes(handmade(pickle))[0]]


def entries():
    """Which of a file's entries timm takes: all sets of those that it knows, and averaged ones that are None."""
    names = ["state_dict_ema", "model_ema", "state_dict", "model"]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a.pth"
        for chosen in range(1, 16):
            for none in (False, True):
                present = [name for i, name in enumerate(names) if chosen >> i & 1]
                value = {name: {"w": torch.tensor([float(i)])} for i, name in enumerate(names) if name in present}
                if none:
                    if not {"state_dict", "model"} & set(present):
                        continue
                    value = {k: None if k == "state_dict_ema" else v for k, v in value.items()}
                torch.save({"epoch": 3, **value}, path)
                took = {
                    ema: names[int(load_state_dict(path, use_ema=ema)["w"].item())]
                    for ema in (True, False)
                    if ema or {"state_dict", "model"} & set(present)
                }
                keys = [[name, value[name] is not None] for name in present]
                yield {"keys": keys, "timm": took[True], "withoutAverage": took.get(False)}


def main():
    warnings.simplefilter("ignore")
    wrapped = ["module.a", "_orig_mod.b", "module._orig_mod.c", "d"]
    golden = {
        "source": f"scripts/goldens/pth_globals.py, torch {torch.__version__}, timm {timm.__version__}",
        "items": list(table()),
        "globals": list(globals_alone()),
        "entries": list(entries()),
        "names": list(zip(wrapped, clean_state_dict(dict.fromkeys(wrapped)))),
    }
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
    torch.export.save(
        torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),)), GOLDEN.with_name("exported.pt2")
    )


if __name__ == "__main__":
    main()
