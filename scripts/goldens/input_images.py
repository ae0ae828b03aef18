"""Golden of images on their way into a network: torchvision's Resize and CenterCrop on Pillow's images.

Usage: python scripts/goldens/input_images.py   (torch, torchvision, Pillow; writes test/golden/input-images.json)

Each case has the file, the way (side, share of the crop, interpolation, channels), and the planes of bytes that come out.
torchvision's transforms of Pillow's images are what timm evaluates its models with.
"""

import base64
import io
import json
import math
import pathlib

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, Grayscale, InterpolationMode, Resize

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "input-images.json"


def picture(width, height, seed):
    """Waves, an edge and a little noise: fine and coarse at once."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).integers(-20, 21, (height, width, 3))
    waves = [127 + 100 * np.sin(x / (2 + c) + y / (3 + seed)) for c in range(3)]
    pixels = np.stack(waves, axis=-1) + noise
    pixels[:, width // 2 :] = 255 - pixels[:, width // 2 :]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(image, format):
    file = io.BytesIO()
    image.save(file, format, **({"quality": 90, "subsampling": 0} if format == "JPEG" else {"optimize": True}))
    return file.getvalue()


def case(size, format, resolution, share, interpolation, channels=3, seed=0):
    data = encoded(picture(*size, seed), format)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = int(math.floor(resolution / share + 1e-6))
    steps = [Resize(side, InterpolationMode(interpolation)), CenterCrop(resolution)]
    image = Compose(([Grayscale()] if channels == 1 else []) + steps)(image)
    planes = np.asarray(image).reshape(resolution, resolution, channels).transpose(2, 0, 1)
    return {
        "size": size,
        "format": format,
        "resolution": resolution,
        "cropShare": share,
        "interpolation": interpolation,
        "channels": channels,
        "file": base64.b64encode(data).decode(),
        "planes": base64.b64encode(np.ascontiguousarray(planes).tobytes()).decode(),
    }


cases = [
    case((61, 40), "PNG", 24, 0.875, "bicubic", seed=1),
    case((61, 40), "PNG", 24, 0.875, "bilinear", seed=1),
    case((31, 57), "PNG", 20, 0.9, "bicubic", seed=2),
    case((33, 33), "PNG", 24, 1.0, "bilinear", seed=3),
    case((20, 15), "PNG", 32, 0.875, "bicubic", seed=4),
    case((40, 61), "PNG", 24, 0.875, "bicubic", channels=1, seed=5),
    case((96, 72), "JPEG", 32, 0.875, "bicubic", seed=6),
    case((96, 71), "JPEG", 31, 0.95, "bilinear", seed=7),
]
source = f"torchvision {torchvision.__version__.split('+')[0]}, Pillow {PIL.__version__}"
OUT.write_text(json.dumps({"source": source, "cases": cases}, indent=1) + "\n")
print(OUT.stat().st_size)
