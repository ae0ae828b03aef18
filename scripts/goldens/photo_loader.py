"""Golden of the loader of photographs: JPEG as Pillow decodes it, Pillow's resizing, timm's random crops.

Usage: python scripts/goldens/photo_loader.py   (Pillow, timm, numpy; writes test/golden/photos.json)

Pictures are given by their files, results by the SHA-256 of their RGB bytes. Pictures to resize are given by a formula,
`pattern`, which the test computes, too.
"""

import base64
import hashlib
import io
import json
import math
import pathlib

import numpy as np
import PIL
import timm
import timm.data.transforms as timm_transforms
from PIL import Image, ImageFile, ImageOps

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "photos.json"
WORDS = 2**32
CROP = 18  # PURPOSE.crop in lib/random/philox.ts


def pattern(height, width):
    """Bytes that are coarse and fine at once, by whole numbers only."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    planes = [((x * 5 + y * 3) // (c + 2) + (x * y * (c + 1)) // 16 + (x ^ y) * 7 + c * 85) & 255 for c in range(3)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def picture(height, width, seed=0, channels=3):
    """Waves, an edge and a little noise, as photographs have them."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).integers(-12, 13, (height, width, channels))
    waves = [127 + 90 * np.sin(x / (3 + 2 * c) + y / (5 + seed) + c) for c in range(channels)]
    pixels = np.stack(waves, axis=-1) + noise
    pixels[:, width // 2 :] = 255 - pixels[:, width // 2 :]
    return np.clip(pixels, 0, 255).astype(np.uint8)


def digest(image):
    return hashlib.sha256(np.ascontiguousarray(np.asarray(image.convert("RGB"))).tobytes()).hexdigest()


def jpeg(pixels, mode=None, **options):
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def decoded(data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image.load()
    return image.convert("RGB")


# --- decoding --------------------------------------------------------------------------------------------------------


def decode_case(name, data):
    image = decoded(data)
    return {"name": name, "file": base64.b64encode(data).decode(), "size": [image.height, image.width], "sha256": digest(image)}


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def with_exif(data, orientation, order="big", kind=3):
    """The file with EXIF data of one tag, after the marker of its beginning."""
    number = lambda value, size: value.to_bytes(size, order)  # noqa: E731
    value = number(orientation, 2) + b"\0\0" if kind == 3 else number(orientation, 4)
    entry = number(0x112, 2) + number(kind, 2) + number(1, 4) + value
    mark = b"MM" if order == "big" else b"II"
    tiff = mark + number(42, 2) + number(8, 4) + number(1, 2) + entry + number(0, 4)
    return data[:2] + segment(0xE1, b"Exif\0\0" + tiff) + data[2:]


def decode_cases():
    cases = []
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        for kind, progressive in (("baseline", False), ("progressive", True)):
            data = jpeg(picture(29, 43), subsampling=subsampling, progressive=progressive)
            cases.append(decode_case(f"{kind} {subsampling}", data))
    cases.append(decode_case("optimised tables", jpeg(picture(29, 43, 1), optimize=True)))
    cases.append(decode_case("quality 30", jpeg(picture(29, 43, 2), quality=30)))
    cases.append(decode_case("quality 100", jpeg(picture(15, 17, 3), quality=100)))
    cases.append(decode_case("gray", jpeg(picture(29, 43, 4, 1)[:, :, 0])))
    cases.append(decode_case("gray, progressive", jpeg(picture(29, 43, 4, 1)[:, :, 0], progressive=True)))
    for height, width in ((1, 1), (1, 40), (40, 1), (7, 9), (8, 8), (16, 16), (17, 33), (2, 65)):
        cases.append(decode_case(f"{height} x {width}", jpeg(picture(height, width, height))))
    cases.append(decode_case("restart markers, rows", jpeg(picture(40, 33, 5), restart_marker_rows=1)))
    cases.append(decode_case("restart markers, blocks", jpeg(picture(40, 33, 5), restart_marker_blocks=3)))
    rgb = jpeg(picture(20, 30, 6), keep_rgb=True)
    cases.append(decode_case("RGB, not converted", rgb))

    # Adobe's inks are stored inverted; Pillow inverts them whether or not the marker is there.
    inks = jpeg(picture(21, 26, 7, 4), "CMYK", subsampling=0)
    marker = inks.index(b"\xff\xee\0\x0eAdobe")
    cases.append(decode_case("CMYK of Adobe", inks))
    cases.append(decode_case("CMYK without a marker", inks[:marker] + inks[marker + 16 :]))
    cases.append(decode_case("YCCK", inks[: marker + 15] + b"\2" + inks[marker + 16 :]))

    plain = jpeg(picture(19, 27, 8))
    for orientation in range(1, 9):
        cases.append(decode_case(f"orientation {orientation}", with_exif(plain, orientation)))
    cases.append(decode_case("orientation 6, little-endian", with_exif(plain, 6, "little")))
    cases.append(decode_case("orientation 6 as a long", with_exif(plain, 6, kind=4)))
    cases.append(decode_case("orientation 9, which is none", with_exif(plain, 9)))
    cases.append(decode_case("a comment first", plain[:2] + segment(0xFE, b"a comment") + plain[2:]))
    cases.append(decode_case("bytes after the end", plain + b"more bytes"))
    # Damage that libjpeg only warns of: other pixels, and no error.
    damaged = bytearray(jpeg(picture(48, 64, 9)))
    damaged[len(damaged) * 2 // 3] ^= 0x55
    try:
        cases.append(decode_case("a damaged byte", bytes(damaged)))
    except OSError:
        print("Pillow refuses the damaged byte")
    return cases


def refused_cases():
    """Files that Pillow does not load."""
    whole = jpeg(picture(48, 64, 9))
    progressive = jpeg(picture(48, 64, 9), progressive=True)
    files = {
        "half of a file": whole[: len(whole) // 2],
        "half of a progressive file": progressive[: len(progressive) // 2],
        "without the end marker": whole[:-2],
        "the header alone": whole[: whole.index(b"\xff\xda")],
        "no quantisation table": whole.replace(b"\xff\xdb", b"\xff\xfe"),
    }
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    cases = []
    for name, data in files.items():
        try:
            decoded(data)
            print("Pillow loads", name)
        except (OSError, SyntaxError):
            cases.append({"name": name, "file": base64.b64encode(data).decode()})
    return cases


# --- resizing --------------------------------------------------------------------------------------------------------

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resize_cases():
    shapes = [
        ((28, 28), (14, 14), None),
        ((28, 28), (28, 28), None),
        ((28, 28), (28, 28), (0.5, 0.25, 27.5, 27.75)),
        ((28, 28), (61, 45), None),
        ((28, 30), (28, 15), None),
        ((28, 30), (14, 30), None),
        ((375, 500), (224, 224), None),
        ((375, 500), (224, 224), (37, 21, 402, 340)),
        ((375, 500), (224, 224), (12.375, 8.5, 499.625, 374.25)),
        ((500, 375), (97, 131), (100.1, 200.2, 300.3, 400.4)),
        ((1, 1), (5, 7), None),
        ((1, 1), (1, 1), None),
        ((1, 40), (3, 9), None),
        ((40, 1), (9, 3), None),
        ((3, 2000), (24, 24), None),
        ((2000, 3), (24, 24), (0, 999.5, 3, 1200.25)),
        ((33, 21), (10, 50), (0.3, 0.7, 20.9, 32.1)),
        ((64, 64), (1, 1), None),
        ((50, 70), (49, 71), (10, 10, 10.5, 10.25)),
        # Pillow 13 resizes downwards first where the height shrinks by more than twice what the width does.
        ((100, 100), (50, 75), None),
        ((100, 100), (50, 76), None),
        ((100, 100), (120, 150), None),
        ((60, 50), (20, 30), (3, 4, 40, 50)),
        ((60, 50), (20, 31), (3, 4, 40, 50)),
    ]
    cases = []
    for size, result, box in shapes:
        image = Image.fromarray(pattern(*size))
        for name, method in FILTERS.items():
            resized = image.resize((result[1], result[0]), method, box=box)
            cases.append({"size": size, "result": result, "box": box, "filter": name, "sha256": digest(resized)})
    return cases


# --- random crops ----------------------------------------------------------------------------------------------------


def philox(counter, key):
    """Philox4x32-10."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], WORDS)
        high1, low1 = divmod(0xCD9E8D57 * c[2], WORDS)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % WORDS, (k[1] + 0xBB67AE85) % WORDS]
    return c


class Keyed:
    """Stands for Python's module random, with the numbers of KeyedRandom."""

    def __init__(self, seed, epoch, sample):
        self.key, self.use, self.block, self.words = (seed % WORDS, seed // WORDS), (sample, epoch, CROP), 0, []

    def word(self):
        if not self.words:
            self.words = philox((self.block, *self.use), self.key)
            self.block += 1
        return self.words.pop(0)

    def random(self):
        return self.word() / WORDS

    def uniform(self, low, high):
        return low + (high - low) * self.random()

    def below(self, n):
        word = self.word()
        while word >= WORDS - WORDS % n:
            word = self.word()
        return word % n

    def randint(self, low, high):
        return low + self.below(high - low + 1)

    def choice(self, options):
        return options[self.below(len(options))]


def crop_of(random, size, scale, ratio, interpolation, flip):
    """timm's crop with these random numbers: left, top, width, height, filter, flipped."""
    timm_transforms.random = random
    height, width = size
    image = Image.new("L", (width, height))
    top, left, h, w = timm_transforms.RandomResizedCropAndInterpolation.get_params(image, scale, ratio)
    name = random.choice(["bilinear", "bicubic"]) if interpolation == "random" else interpolation
    flipped = flip > 0 and random.random() < flip
    return [left, top, w, h, int(name == "bicubic"), int(flipped)]


def crop_cases():
    standard = {"scale": [0.08, 1.0], "ratio": [3 / 4, 4 / 3]}
    settings = [
        ((375, 500), {**standard, "interpolation": "bicubic", "flip": 0.5}, 0, 40),
        ((500, 333), {**standard, "interpolation": "random", "flip": 0.5}, 2**63 + 12345, 40),
        ((64, 64), {"scale": [0.9, 1.0], "ratio": [3 / 4, 4 / 3], "interpolation": "bilinear", "flip": 0}, 7, 20),
        # No try fits: the largest centred part of an allowed shape.
        ((20, 900), {**standard, "interpolation": "bilinear", "flip": 1}, 1, 12),
        ((900, 20), {**standard, "interpolation": "bilinear", "flip": 0.25}, 1, 12),
        ((1, 1), {"scale": [0.5, 1], "ratio": [3 / 4, 4 / 3], "interpolation": "bicubic", "flip": 0.5}, 3, 8),
        ((2, 3), {"scale": [0.3, 1], "ratio": [0.5, 2], "interpolation": "random", "flip": 0.5}, 4, 12),
    ]
    cases = []
    for size, options, seed, count in settings:
        crops = []
        for i in range(count):
            epoch, sample = (i * 7919) % 5, (i * 104729) % 2**32
            random = Keyed(seed, epoch, sample)
            crop = crop_of(random, size, **options)
            assert crop[2] > 0 and crop[3] > 0, "timm tries parts without pixels, which torchvision does not"
            crops.append([epoch, sample, *crop])
        cases.append({"size": size, "seed": str(seed), **options, "crops": crops})
    return cases


def batch_cases():
    """Whole images of a batch: crop, resizing and mirroring by Pillow."""
    cases = []
    files = {
        "4:2:0": jpeg(picture(90, 120, 11), subsampling="4:2:0"),
        "4:4:4": jpeg(picture(90, 120, 12), subsampling="4:4:4"),
        "4:2:2, progressive": jpeg(picture(120, 90, 13), subsampling="4:2:2", progressive=True),
        "gray": jpeg(picture(77, 90, 14, 1)[:, :, 0]),
        "CMYK": jpeg(picture(80, 70, 15, 4), "CMYK"),
        "orientation 6": with_exif(jpeg(picture(90, 120, 16), subsampling="4:2:0"), 6),
        "orientation 7": with_exif(jpeg(picture(90, 120, 17), subsampling="4:2:2"), 7),
    }
    size = 64  # more than half of every picture, so that none is decoded at half its size
    for number, (name, data) in enumerate(files.items()):
        image = decoded(data)
        results = []
        for epoch in range(6):
            options = {"scale": [0.08, 1.0], "ratio": [3 / 4, 4 / 3], "interpolation": "random", "flip": 0.5}
            crop = crop_of(Keyed(5, epoch, number), (image.height, image.width), **options)
            left, top, w, h, bicubic, flipped = crop
            method = FILTERS["bicubic" if bicubic else "bilinear"]
            result = image.crop((left, top, left + w, top + h)).resize((size, size), method)
            results.append(digest(ImageOps.mirror(result) if flipped else result))
        cases.append({"name": name, "file": base64.b64encode(data).decode(), "sha256": results})
    return {"seed": 5, "size": size, "files": cases}


def large_files():
    """Pictures whose parts are decoded at a smaller size."""
    y, x = np.mgrid[0:240, 0:320]
    hills = [127 + 60 * np.sin(x / (23 + 5 * c) + y / 31) + 40 * np.cos(y / (11 + 3 * c) - x / 57) for c in range(3)]
    noise = np.random.default_rng(20).integers(-4, 5, (240, 320, 3))
    pixels = np.clip(np.stack(hills, axis=-1) + noise, 0, 255).astype(np.uint8)
    kinds = {
        "4:2:0": {"subsampling": "4:2:0"},
        "4:2:2": {"subsampling": "4:2:2"},
        "4:4:4": {"subsampling": "4:4:4"},
        "4:2:0, progressive": {"subsampling": "4:2:0", "progressive": True},
    }
    files = {name: jpeg(pixels, quality=75, **options) for name, options in kinds.items()}
    files["orientation 8"] = with_exif(files["4:2:0"], 8)
    return [{"name": name, "file": base64.b64encode(data).decode()} for name, data in files.items()]


def main():
    assert math.isclose(Keyed(0, 0, 0).random() * WORDS % 1, 0)
    golden = {
        "source": f"Pillow {PIL.__version__}, timm {timm.__version__}",
        "decode": decode_cases(),
        "refused": refused_cases(),
        "resize": resize_cases(),
        "crops": crop_cases(),
        "batch": batch_cases(),
        "large": large_files(),
    }
    OUT.write_text(json.dumps(golden) + "\n")
    print(OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
