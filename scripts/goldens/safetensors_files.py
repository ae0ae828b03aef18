"""Writes test/golden/safetensors/*.safetensors with the reference implementation, and what the files hold as JSON.

    python scripts/goldens/safetensors_files.py

Needs torch and safetensors. A second run writes the same bytes.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "safetensors"

# Values that show a wrong width, sign, byte order or rounding: extremes, subnormals, odd lengths, no elements, no
# dimensions, and names that JSON has to escape.
TENSORS = {
    "float64": torch.tensor([[0.0, -0.0, 1 / 3], [5e-324, 1.7976931348623157e308, -2.5]], dtype=torch.float64),
    "float32": torch.tensor([[1.0, 2**-149, 3.4028234663852886e38], [-0.1, 16777217.0, 0.5]], dtype=torch.float32),
    "float16": torch.tensor([1.0, -2.0, 65504.0, 2**-24, 0.1], dtype=torch.float16),
    "bfloat16": torch.tensor([1.0, -2.0, 3.3895e38, 0.1, 9.2e-41], dtype=torch.bfloat16),
    "int64": torch.tensor([[-(2**63), 2**63 - 1, 0]], dtype=torch.int64),
    "int32": torch.tensor([-(2**31), 2**31 - 1, 7], dtype=torch.int32),
    "int16": torch.tensor([[[-32768], [32767]], [[1], [-1]]], dtype=torch.int16),
    "int8": torch.tensor([-128, 127, 5], dtype=torch.int8),
    "uint8": torch.arange(0, 256, 51, dtype=torch.uint8),
    "bool": torch.tensor([True, False, True], dtype=torch.bool),
    "scalar": torch.tensor(42.0),
    "empty": torch.zeros(0, 3),
    'layer."0"/ä\n': torch.tensor([1.5]),
}
METADATA = {"format": "pt", "note": 'Größe "1"\n'}


def values(tensor):
    """The elements as JSON can hold them: 64-bit integers as text, 16-bit floats widened (exactly) to double."""
    flat = tensor.flatten().tolist()
    return [str(v) for v in flat] if tensor.dtype == torch.int64 else flat


FOLDER.mkdir(parents=True, exist_ok=True)
save_file(TENSORS, FOLDER / "dtypes.safetensors", metadata=METADATA)
save_file({}, FOLDER / "nothing.safetensors")
save_file({"weight": torch.arange(6.0).reshape(2, 3)}, FOLDER / "plain.safetensors")
expected = {
    "metadata": METADATA,
    "tensors": {
        name: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "values": values(t)}
        for name, t in TENSORS.items()
    },
}
(FOLDER / "dtypes.json").write_text(json.dumps(expected, indent=1) + "\n")
