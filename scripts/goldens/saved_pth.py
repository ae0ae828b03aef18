"""Golden of .pth files that mbconv writes: torch.load takes them, and this is their SHA-256.

Usage: python scripts/goldens/saved_pth.py   (torch; node with mbconv set up; writes test/golden/saved-pth.json)

The files are those of test/helpers/saved-state.mjs. Each is loaded with weights_only=True, once mapped into memory.
"""

import hashlib
import json
import pathlib
import subprocess
import tempfile
import zipfile

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
MATRIX = torch.arange(6.0).view(2, 3)
WANTED = {
    "matrix": MATRIX,
    "tied": MATRIX,
    "transposed": MATRIX.t(),
    "number": torch.tensor(7),
    "empty": torch.zeros(0, 3),
    "naïve/ключ": torch.arange(2, dtype=torch.float64),
    **{name: torch.arange(3).to(getattr(torch, name)) for name in ("float16", "bfloat16", "int32", "int16", "int8", "uint8")},
    "bool": torch.tensor([False, False, True]),
}


def check(path, version):
    assert zipfile.ZipFile(path).testzip() is None
    for mmap in (False, True):
        state = torch.load(path, weights_only=True, mmap=mmap)
        assert list(state) == list(WANTED), list(state)
        for name, wanted in WANTED.items():
            found = state[name]
            assert found.dtype == wanted.dtype and torch.equal(found, wanted), name
        assert state["matrix"].data_ptr() == state["tied"].data_ptr()
        assert state._metadata == {"": {"version": version}}, state._metadata


def main():
    golden = {"source": f"scripts/goldens/saved_pth.py, torch {torch.__version__}"}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["node", ROOT / "test/helpers/saved-state.mjs", folder], check=True)
        for name, version in (("plain", 1), ("zip64", 2)):
            path = pathlib.Path(folder) / f"{name}.pth"
            check(path, version)
            golden[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (ROOT / "test/golden/saved-pth.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
