"""Golden of images on their way into a network: crops of torchvision and timm, padding and stretching of Pillow.

Usage: python scripts/goldens/input_images.py   (torch, torchvision, timm, Pillow; writes test/golden/input-images.json)

Each case has the file, the way (resolution, fit, share of the crop, interpolation, channels), and the planes of bytes
that come out. torchvision's transforms of Pillow's images are what timm evaluates its models with; for rectangles timm
has its own resizing before the crop.
"""

import base64
import io
import json
import math
import pathlib

import numpy as np
import PIL
import timm
import torchvision
from PIL import Image, ImageOps
from timm.data.transforms import ResizeKeepRatio
from torchvision.transforms import CenterCrop, Compose, FiveCrop, Grayscale, InterpolationMode, Resize

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


FILL = [124, 116, 104]


def prepared(image, fit, resolution, share, interpolation):
    """The image in the network's input: what the fit means in torchvision, timm and Pillow."""
    height, width = (resolution, resolution) if isinstance(resolution, int) else resolution
    filter = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}[interpolation]
    if fit == "pad":
        return ImageOps.pad(image, (width, height), filter, color=tuple(FILL) if image.mode == "RGB" else FILL[0])
    if fit == "stretch":
        return image.resize((width, height), filter)
    scaled = [int(math.floor(side / share + 1e-6)) for side in (height, width)]
    mode = InterpolationMode(interpolation)
    if fit == "squash":
        resize = Resize(scaled, mode)
    elif scaled[0] == scaled[1]:
        resize = Resize(scaled[0], mode)
    else:
        resize = ResizeKeepRatio(scaled, longest=0, interpolation=interpolation)
    return Compose([resize, CenterCrop((height, width))])(image)


def case(size, format, resolution, share, interpolation, channels=3, seed=0, fit="crop"):
    data = encoded(picture(*size, seed), format)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image = prepared(Grayscale()(image) if channels == 1 else image, fit, resolution, share, interpolation)
    planes = np.asarray(image).reshape(image.height, image.width, channels).transpose(2, 0, 1)
    return {
        "size": size,
        "format": format,
        "resolution": resolution,
        "fit": fit,
        "cropShare": share,
        "fill": FILL[:channels] if fit == "pad" else None,
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
    case((61, 40), "PNG", [16, 28], 0.875, "bicubic", seed=8),
    case((70, 29), "PNG", [18, 25], 0.9, "bilinear", seed=9),
    case((50, 20), "PNG", [12, 21], 0.875, "bicubic", seed=10, fit="squash"),
    case((50, 20), "PNG", [12, 21], None, "bicubic", seed=10, fit="stretch"),
]


def pad(size, resolution, interpolation="bicubic", channels=3, seed=0):
    return case(size, "PNG", resolution, None, interpolation, channels, seed, "pad")


# Shapes that Pillow resizes across first and downwards first; sides of 1 px; 1:200; odd rests; halves that round to even.
cases += [
    pad((61, 40), 24, seed=1),
    pad((40, 61), 24, "bilinear", seed=2),
    pad((20, 80), 24, seed=3),
    pad((20, 80), [17, 40], seed=3),
    pad((80, 20), [40, 17], "bilinear", seed=4),
    pad((33, 33), [21, 36], seed=5),
    pad((32, 16), [12, 24], seed=6),
    pad((9, 6), 31, seed=7),
    pad((40, 61), [24, 35], channels=1, seed=8),
    pad((1, 1), [6, 9]),
    pad((1, 200), [101, 9], seed=9),
    pad((200, 1), [9, 101], "bilinear", seed=10),
    pad((8, 5), [9, 12], seed=11),
    pad((7, 4), [10, 14], "bilinear", seed=12),
]


def five(size, resolution, share, interpolation, seed):
    """The five parts of torchvision's FiveCrop, one after the other."""
    image = picture(*size, seed)
    scaled = int(math.floor(resolution / share + 1e-6))
    parts = FiveCrop(resolution)(Resize(scaled, InterpolationMode(interpolation))(image))
    planes = b"".join(np.ascontiguousarray(np.asarray(part).transpose(2, 0, 1)).tobytes() for part in parts)
    return {
        "size": size,
        "format": "PNG",
        "resolution": resolution,
        "fit": "crop",
        "cropShare": share,
        "interpolation": interpolation,
        "channels": 3,
        "file": base64.b64encode(encoded(image, "PNG")).decode(),
        "planes": base64.b64encode(planes).decode(),
    }


corners = [five((61, 40), 16, 0.75, "bicubic", 1), five((31, 44), 17, 0.9, "bilinear", 2)]
source = f"torchvision {torchvision.__version__.split('+')[0]}, timm {timm.__version__}, Pillow {PIL.__version__}"
OUT.write_text(json.dumps({"source": source, "cases": cases, "five": corners}, indent=1) + "\n")
print(OUT.stat().st_size)
