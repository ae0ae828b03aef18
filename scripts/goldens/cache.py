"""Writes test/golden/cache.json: the pixels of a cache of test/photographs, as Pillow and torchvision make them.

    python scripts/goldens/cache.py   (torch, torchvision, Pillow)

Of each class the first image: rows of red, green and blue, as base64 of zlib.
"""

import base64
import json
import pathlib
import zlib

import PIL
import torchvision
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTOGRAPHS = ROOT / "test/photographs"


def pixels(size: int, interpolation: str) -> dict[str, str]:
    steps = Compose([Resize(size, InterpolationMode(interpolation)), CenterCrop(size)])
    made = {}
    for folder in sorted(PHOTOGRAPHS.glob("train/*")):
        path = sorted(folder.glob("*.jpg"))[0]
        image = steps(Image.open(path).convert("RGB"))
        made[str(path.relative_to(PHOTOGRAPHS))] = base64.b64encode(zlib.compress(image.tobytes(), 9)).decode()
    return made


def main() -> None:
    size = 40
    golden = {
        "source": f"Pillow {PIL.__version__}, torchvision {torchvision.__version__}",
        "size": size,
        "bicubic": pixels(size, "bicubic"),
        "bilinear": pixels(size, "bilinear"),
    }
    (ROOT / "test/golden/cache.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
