"""Writes test/golden/augment.json: augmented images as Pillow, timm and torchvision compute them, and their policies.

    python scripts/goldens/augment.py

Images are made by a formula that the test repeats. Results are kept as the beginnings of SHA-256 sums, a few as bytes.
The oracle is Pillow throughout: torchvision's functions for tensors round differently.
"""

import base64
import hashlib
import json
import math
import pathlib
from unittest import mock

try:
    import tv_cpu_shim  # noqa: F401  declares two operators where torchvision's extension does not fit torch
except ImportError:
    pass
import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from timm.data import auto_augment as timm_aa
from timm.data import random_erasing as timm_erasing
from torchvision.transforms import InterpolationMode
from torchvision.transforms import autoaugment as tv_aa
from torchvision.transforms import functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]

# height, width, kind of content, seed
IMAGES = [
    (28, 28, "noise", 1),
    (33, 21, "smooth", 2),
    (24, 24, "dull", 3),
    (1, 1, "noise", 4),
    (1, 9, "noise", 5),
    (9, 1, "noise", 6),
    (2, 2, "noise", 7),
    (3, 3, "noise", 8),
    (3, 90, "smooth", 9),
    (6, 5, "flat", 10),
    (17, 16, "two", 11),
]
FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
MODES = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}


def picture(height: int, width: int, kind: str, seed: int) -> Image.Image:
    values = np.zeros((height, width, 3), dtype=np.uint8)
    state = seed
    for y in range(height):
        for x in range(width):
            for c in range(3):
                state = (state * 1664525 + 1013904223) % 2**32
                byte = state >> 24
                values[y, x, c] = {
                    "noise": byte,
                    "smooth": (5 * x + 3 * y + 40 * c + (byte >> 4)) % 256,
                    "dull": 90 + 7 * c + (byte >> 3),
                    "flat": 60 + 70 * c,
                    "two": 30 if byte < 100 else 200,
                }[kind]
    return Image.fromarray(values)


def digest(image: Image.Image) -> str:
    return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()[:12]


def posterize(image: Image.Image, bits: int, known=ImageOps.posterize) -> Image.Image:
    """As before Pillow 13, which refuses less than one bit. timm's ranges begin with 0 bits, a black image."""
    return known(image, bits) if bits >= 1 else Image.new("RGB", image.size)


ImageOps.posterize = posterize


def operation_cases():
    """(steps of a program, function of a Pillow image)"""
    yield [["flip"]], ImageOps.mirror
    yield [["invert"]], ImageOps.invert
    yield [["autocontrast"]], ImageOps.autocontrast
    yield [["equalize"]], ImageOps.equalize
    yield [["grayscale"]], lambda image: F.to_grayscale(image, 3)
    for bits in range(9):
        yield [["posterize", bits]], lambda image, b=bits: ImageOps.posterize(image, b)
    for threshold in (0, 1, 64, 127.5, 128, 255, 256):
        yield [["solarize", threshold]], lambda image, t=threshold: ImageOps.solarize(image, t)
    for addition in (0, 1, 50, 110, 128, 255):
        yield [["solarizeAdd", addition, 128]], lambda image, a=addition: timm_aa.solarize_add(image, a)
    for name in ("Color", "Contrast", "Brightness", "Sharpness"):
        for factor in (0, 0.1, 0.37, 0.5, 0.9, 1, 1.3, 1.63, 1.9, 3.7, 20):
            enhance = getattr(ImageEnhance, name)
            yield [[name.lower(), factor]], lambda image, e=enhance, f=factor: e(image).enhance(f)
    for shift in (-0.5, -0.31, -0.1, -0.003, 0, 0.05, 0.25, 0.4999, 0.5):
        yield [["hue", shift]], lambda image, s=shift: F.adjust_hue(image, s)
    for radius in (0, 0.1, 0.5, 1, 1.37, 2, 7.3, 40):
        yield [["gaussianBlur", radius]], lambda image, r=radius: image.filter(ImageFilter.GaussianBlur(r))
    fill = (124, 116, 104)
    for name, resample in FILTERS.items():
        for degrees in (0, 0.001, -3, 11.7, 45, 90, -90, 180, 270, 359.5, 400, -761.3):
            yield (
                [["rotate", degrees, int(resample), *fill]],
                lambda image, d=degrees, r=resample: image.rotate(d, resample=r, fillcolor=fill),
            )
        for matrix in (
            (1, 0.27, 0, 0, 1, 0),
            (1, -0.3, 0, 0, 1, 0),
            (1, 0, 0, 0.123456789, 1, 0),
            (1, 0, 3, 0, 1, -2),
            (1, 0, 3.5, 0, 1, -2.25),
            (1, 0, -0.5, 0, 1, 0.49),
            (1, 0, 1000, 0, 1, 0),
            (0.7, 0, 1.3, 0, 1.9, -4),
            (-1, 0, 21, 0, 1, 0),
            (0, 1, 0, 1, 0, 0),
            (0.8, 0.3, -2, -0.4, 1.1, 3),
            (9000, 7, -40000, 3, 8000, -30000),
            (1e-6, 1e-6, 4, -1e-6, 1e-6, 4),
            (0, 0, 2.5, 0, 0, 1.5),
        ):
            yield (
                [["affine", *matrix, int(resample), *fill]],
                lambda image, m=matrix, r=resample: image.transform(
                    image.size, Image.Transform.AFFINE, m, resample=r, fillcolor=fill
                ),
            )


def jitter(image: Image.Image, steps) -> Image.Image:
    functions = {"brightness": F.adjust_brightness, "contrast": F.adjust_contrast, "color": F.adjust_saturation, "hue": F.adjust_hue}
    for name, value in steps:
        image = functions[name](image, value)
    return image


def sequence_cases():
    for steps in (
        [["brightness", 1.31], ["contrast", 0.66], ["color", 1.2], ["hue", 0.07]],
        [["hue", -0.2], ["color", 0.61], ["brightness", 0.8], ["contrast", 1.4]],
    ):
        yield steps, lambda image, s=steps: jitter(image, s)


def mixed(image: Image.Image, weights, share, chains) -> Image.Image:
    """timm's AugMix with these weights and operations."""
    mix = timm_aa.AugMixAugment(ops=[], depth=1)
    with mock.patch.object(timm_aa.np.random, "choice", side_effect=chains):
        return mix._apply_basic(image, np.float32(weights), np.float32(share))


def mix_cases():
    chains = [[ImageOps.invert, ImageOps.equalize], [ImageOps.autocontrast], [lambda image: ImageOps.solarize(image, 90)]]
    steps = [[["invert"], ["equalize"]], [["autocontrast"]], [["solarize", 90]]]
    for weights, share in (([0.2, 0.5, 0.3], 0.4), ([0.97, 0.02, 0.01], 0.83), ([0, 1, 0], 1), ([0.3, 0.3, 0.4], 0)):
        program = [["mixStart"]]
        for weight, chain in zip(weights, steps):
            program += [*chain, ["mixAdd", weight]]
        program.append(["mixEnd", share])
        yield program, lambda image, w=weights, s=share: mixed(image, w, s, chains)


def operations(pictures):
    cases = []
    for steps, function in (*operation_cases(), *sequence_cases()):
        cases.append({"steps": steps, "sums": [digest(function(image)) for image in pictures]})
    for steps, function in mix_cases():
        # timm confuses height and width, so only square images.
        square = [digest(function(image)) if image.height == image.width else None for image in pictures]
        cases.append({"steps": steps, "sums": square})
    return cases


LEVELS = [0, 1, 2.5, 5, 6, 9, 10, 17]
TIMM = {"translate_const": 250, "img_mean": (128, 128, 128), "magnitude_max": 20}


def timm_operations(image):
    """Each operation at each level with both signs: its argument, and the sum of the image for each filter."""
    table = {}
    for name in timm_aa.NAME_TO_OP:
        if name == "GaussianBlur":
            continue  # in none of the policies here
        rows = []
        for level in LEVELS:
            for sign in (1, -1):
                with mock.patch.object(timm_aa, "_randomly_negate", lambda value, s=sign: s * value):
                    to_argument = timm_aa.LEVEL_TO_ARG[name]
                    argument = None if to_argument is None else to_argument(level, TIMM)[0]
                    sums = []
                    for resample in FILTERS.values():
                        op = timm_aa.AugmentOp(name, prob=1, magnitude=level, hparams=dict(TIMM, interpolation=resample))
                        # Only GaussianBlurRand draws its radius.
                        with mock.patch.object(timm_aa.random, "uniform", lambda low, high: low + (high - low) * 0.5):
                            sums.append(digest(op(image)))
                rows.append({"level": level, "sign": sign, "argument": argument, "sums": sums})
        table[name] = rows
    return table


def timm_policies():
    def steps(policy):
        return [[[op.name, op.prob, op.magnitude] for op in ops] for ops in policy]

    tables = {name: steps(timm_aa.auto_augment_policy(name)) for name in ("v0", "v0r", "original", "originalr", "3a")}
    rand = timm_aa.rand_augment_transform("rand-m9-mstd0.5", {})
    increasing = timm_aa.rand_augment_transform("rand-m9-mstd0.5-inc1", {})
    mix = timm_aa.augment_and_mix_transform("augmix-m3-w3", {"translate_pct": 0.3})
    return {
        "tables": tables,
        "rand": {
            "operations": [op.name for op in rand.ops],
            "increasing": [op.name for op in increasing.ops],
            "probability": rand.ops[0].prob,
            "deviation": rand.ops[0].magnitude_std,
            "layers": rand.num_layers,
        },
        "mix": {
            "operations": [op.name for op in mix.ops],
            "width": mix.width,
            "alpha": mix.alpha,
            "uniform": math.isinf(mix.ops[0].magnitude_std),
        },
    }


def space(table):
    return {
        name: {"magnitudes": None if bins.ndim == 0 else bins.tolist(), "signed": signed}
        for name, (bins, signed) in table.items()
    }


def torchvision_policies():
    policies = {
        "imagenet": tv_aa.AutoAugmentPolicy.IMAGENET,
        "cifar10": tv_aa.AutoAugmentPolicy.CIFAR10,
        "svhn": tv_aa.AutoAugmentPolicy.SVHN,
    }
    size = (200, 224)  # height, width
    return {
        "size": size,
        "tables": {name: tv_aa.AutoAugment(policy).policies for name, policy in policies.items()},
        "auto": space(tv_aa.AutoAugment()._augmentation_space(10, size)),
        "rand": {bins: space(tv_aa.RandAugment()._augmentation_space(bins, size)) for bins in (31, 9)},
        "wide": {bins: space(tv_aa.TrivialAugmentWide()._augmentation_space(bins)) for bins in (31, 13)},
        "defaults": {"layers": tv_aa.RandAugment().num_ops, "magnitude": tv_aa.RandAugment().magnitude},
    }


def torchvision_operations(image):
    """Each operation at some of its magnitudes with both signs, for each filter."""
    size = (image.height, image.width)
    table = {}
    for name, (bins, signed) in {
        **tv_aa.AutoAugment()._augmentation_space(31, size),
        **tv_aa.TrivialAugmentWide()._augmentation_space(31),
    }.items():
        rows = []
        for at in (0, 7, 30) if bins.ndim else (0,):
            for sign in (1, -1) if signed else (1,):
                magnitude = sign * float(bins[at].item()) if bins.ndim else 0.0
                sums = [digest(tv_aa._apply_op(image, name, magnitude, mode, None)) for mode in MODES.values()]
                rows.append({"bin": at, "sign": sign, "sums": sums})
        table[name] = rows
    return table


class Scripted:
    """Stands for the module `random`: takes uniform numbers from a list."""

    def __init__(self, numbers):
        self.numbers = list(numbers)

    def random(self):
        return self.numbers.pop(0)

    def uniform(self, low, high):
        return low + (high - low) * self.random()

    def randint(self, low, high):
        return low + int(self.random() * (high - low + 1))


def erasing():
    """The rectangles that timm erases for given uniform numbers."""
    generator = np.random.default_rng(3)
    cases = []
    for height, width, probability, most in ((32, 32, 1, 1), (20, 48, 0.5, 1), (7, 5, 1, 1), (40, 30, 0.8, 3), (1, 1, 1, 1)):
        for _ in range(6):
            numbers = [round(float(u), 6) for u in generator.random(80)]
            eraser = timm_erasing.RandomErasing(probability, mode="const", max_count=most, device="cpu")
            # Each erasure adds one to its pixels, which tells overlapping ones apart in their sums.
            image = torch.zeros(3, height, width)
            rectangles = []

            def pixels(_per_pixel, _rand, patch, **_options):
                rectangles.append(list(patch[1:]))
                return torch.full(patch, float(len(rectangles)))

            scripted = Scripted(numbers)
            with mock.patch.object(timm_erasing, "random", scripted), mock.patch.object(timm_erasing, "_get_pixels", pixels):
                eraser(image)
            used = 80 - len(scripted.numbers)
            cases.append({
                "size": [height, width], "probability": probability, "most": most, "numbers": numbers[:used],
                "rectangles": rectangles,
                "sum": hashlib.sha256(image[0].to(torch.uint8).numpy().tobytes()).hexdigest()[:12],
            })
    return cases


def main() -> None:
    pictures = [picture(*image) for image in IMAGES]
    whole = pictures[1].rotate(11.7, resample=Image.Resampling.BICUBIC, fillcolor=(124, 116, 104))
    golden = {
        "images": [{"image": image, "sum": digest(made)} for image, made in zip(IMAGES, pictures)],
        "filters": {name: int(resample) for name, resample in FILTERS.items()},
        "whole": {
            "image": 1,
            "steps": [["rotate", 11.7, int(Image.Resampling.BICUBIC), 124, 116, 104]],
            "bytes": base64.b64encode(np.asarray(whole).tobytes()).decode(),
        },
        "operations": operations(pictures),
        "timm": {"image": 1, "operations": timm_operations(pictures[1]), **timm_policies()},
        "torchvision": {"image": 1, "operations": torchvision_operations(pictures[1]), **torchvision_policies()},
        "erasing": erasing(),
    }
    text = json.dumps(golden, separators=(",", ":"))
    (ROOT / "test/golden/augment.json").write_text(text + "\n")
    print(f"test/golden/augment.json: {len(text)} bytes")


if __name__ == "__main__":
    main()
