"""Writes the embedded data set, lib/data/digits/*.idx.gz, and the few images its test compares (test/golden/digits.json).

    python scripts/goldens/digits.py

Needs scikit-learn, whose load_digits() holds the 1,797 images of the test half of UCI's "Optical Recognition of
Handwritten Digits" (Alpaydin and Kaynak, 1998). A second run writes the same bytes.

Pixels. The source counts 0 .. 16 black pixels in each 4 x 4 block. Stored is (255 v + 8) // 16, that is 255 v / 16
rounded half up: 0 stays 0, 16 becomes 255, and all 17 values stay distinct, so (16 p + 127) // 255 gives v back.

Split. 360 images for testing, the rest for training, both in the source's order. Each class gives its share of the
360 (largest remainders, ties to the smaller digit); which of its images go is decided by the SHA-256 of the image's
position in the source, so no random generator of any library version has a say.
"""

import gzip
import hashlib
import json
import pathlib
import struct

import numpy as np
from sklearn.datasets import load_digits

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_IMAGES = 360
# Positions in scikit-learn's order whose raw pixels the test compares: the ends, and one of each digit in between.
WATCHED = [0, 1, 500, 777, 898, 1000, 1234, 1500, 1795, 1796]


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes: two zeros, the type 0x08, the rank, big-endian sizes, then the data."""
    return struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape) + array.tobytes()


def write(path: pathlib.Path, data: bytes) -> None:
    # No file name and no time in the gzip header: the bytes depend on the data alone.
    with open(path, "wb") as raw, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as out:
        out.write(data)


def test_positions(labels: np.ndarray) -> np.ndarray:
    counts = np.bincount(labels)
    share = counts * TEST_IMAGES // len(labels)
    remainder = counts * TEST_IMAGES % len(labels)
    for digit in sorted(range(len(counts)), key=lambda d: (-remainder[d], d))[: TEST_IMAGES - share.sum()]:
        share[digit] += 1
    chosen = []
    for digit, count in enumerate(share):
        members = np.flatnonzero(labels == digit)
        members = sorted(members, key=lambda i: hashlib.sha256(f"digits {i}".encode()).digest())
        chosen += members[:count]
    return np.sort(np.array(chosen))


def main() -> None:
    digits = load_digits()
    values = digits.images.astype(np.int64)
    labels = digits.target.astype(np.uint8)
    pixels = ((values * 255 + 8) // 16).astype(np.uint8)
    assert ((pixels.astype(np.int64) * 16 + 127) // 255 == values).all()

    test = test_positions(labels)
    train = np.setdiff1d(np.arange(len(labels)), test)
    folder = ROOT / "lib/data/digits"
    golden = {"counts": {}, "sha256": {}, "images": []}
    for name, where in (("train", train), ("test", test)):
        for kind, array in (("images", pixels[where]), ("labels", labels[where])):
            data = idx(array)
            write(folder / f"{name}-{kind}.idx.gz", data)
            golden["sha256"][f"{name}-{kind}"] = hashlib.sha256(data).hexdigest()
        golden["counts"][name] = np.bincount(labels[where]).tolist()
        for i in WATCHED:
            if i in where:
                row = int(np.searchsorted(where, i))
                image = values[i].reshape(-1).tolist()
                golden["images"].append({"split": name, "row": row, "label": int(labels[i]), "values": image})

    text = json.dumps(golden, separators=(",", ":"))
    (ROOT / "test/golden/digits.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
