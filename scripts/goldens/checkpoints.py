"""timm's checkpoints for the networks here: lib/models/weights/published-table.ts, and what timm makes of a picture for each.

Usage: python scripts/goldens/checkpoints.py   (torch, torchvision, timm; writes the table and
test/golden/checkpoint-inputs.json)

The numeric profile is read off timm's own modules: convolutions that pad as TensorFlow does, and batch norm's epsilon.
Every field of a configuration is either in the table or the golden, or has the one value here that asks for nothing.
"""

import base64
import dataclasses
import io
import json
import pathlib
import re

import numpy as np
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import get_pretrained_cfg

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "lib" / "models" / "weights" / "published-table.ts"
GOLDEN = ROOT / "test" / "golden" / "checkpoint-inputs.json"
# Name there, name here.
ARCHS = {
    **{f"efficientnet_b{i}": f"efficientnet_b{i}" for i in range(6)},
    **{f"tf_efficientnet_b{i}": f"efficientnet_b{i}" for i in range(9)},
    "tf_efficientnet_l2": "efficientnet_l2",
    "efficientnet_lite0": "efficientnet_lite0",
    **{f"tf_efficientnet_lite{i}": f"efficientnet_lite{i}" for i in range(5)},
    **{f"tf_efficientnetv2_{v}": f"efficientnetv2_{v}" for v in ("b0", "b1", "b2", "b3", "s", "m", "l", "xl")},
    **{f"efficientnetv2_rw_{v}": f"efficientnetv2_rw_{v}" for v in ("t", "s", "m")},
    "mobilenetv1_100": "mobilenet_v1",
    "mobilenetv2_100": "mobilenet_v2",
    "mobilenetv3_large_100": "mobilenet_v3_large",
    "resnet50": "resnet50",
}
NORMALIZATIONS = {
    ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)): "imagenet",
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)): "half",
    ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)): "none",
}
# How timm's crop modes are called in a model card. A third, border, no checkpoint here has.
FITS = {"center": "crop", "squash": "squash"}
# In the table or the golden.
CARRIED = {
    *("url", "hf_hub_id", "architecture", "tag", "input_size", "test_input_size", "interpolation", "crop_pct", "test_crop_pct"),
    *("crop_mode", "mean", "std", "num_classes", "first_conv", "classifier", "license"),
}
# What is told to people alone, and the side of the last map, which follows from the input's.
TOLD = {"origin_url", "paper_name", "paper_ids", "notes", "description", "pool_size", "test_pool_size"}
HEADER = '''/**
 * timm's checkpoints for networks that are here, as timm %s has them. Written by scripts/goldens/checkpoints.py.
 */

/**
 * Name, architecture, numeric profile, classes; side of the input in px and share of the crop in training; the same in
 * evaluation where they differ; how images that are not square are fitted in; interpolation; normalisation; licence; the
 * address of the original `.pth` file, whose name ends with the beginning of its SHA-256, where there is one. All are
 * `model.safetensors` in the hub's repository `timm/NAME`.
 */
export type CheckpointRow = readonly [
  name: string,
  arch: string,
  profile: 'timm' | 'tf',
  classes: number,
  resolution: number,
  cropShare: number,
  evalResolution: number | null,
  evalCropShare: number | null,
  fit: 'crop' | 'squash',
  interpolation: 'bicubic' | 'bilinear',
  normalization: 'imagenet' | 'half' | 'none',
  license: string,
  original: string | null,
]

// biome-ignore format: a table
export const CHECKPOINT_ROWS: readonly CheckpointRow[] = [
'''


def profile_of(name):
    with torch.device("meta"):
        model = timm.create_model(name)
    same = any(type(module).__name__ == "Conv2dSame" for module in model.modules())
    eps = {module.eps for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)}
    assert eps == {1e-3 if same else 1e-5}, (name, eps)
    return "tf" if same else "timm"


def quoted(value):
    return "null" if value is None else f"'{value}'" if isinstance(value, str) else repr(value)


def check(name, cfg):
    """Refuses a configuration that asks for more than the table can say."""
    assert cfg.hf_hub_id == f"timm/{name}" or cfg.hf_hub_id == "timm/", (name, cfg.hf_hub_id)
    for size in (cfg.input_size, cfg.test_input_size):
        assert size is None or (size[0] == 3 and size[1] == size[2]), (name, size)
    for field, value in dataclasses.asdict(cfg).items():
        assert field in CARRIED | TOLD or value in (None, False), (name, field, value)


def picture(width, height):
    """Fine and coarse waves, two edges, each side of another colour: where a pixel came from can be told."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 60 * np.sin(x / (1.3 + c) + y / (2.1 + c)) + 40 * np.cos((x - c * y) / 17) for c in range(3)]
    pixels = np.stack(waves, axis=-1)
    pixels[:, width // 3 :, 0] += 40
    pixels[height // 2 :, :, 2] -= 50
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def digest(tensor):
    """Means of 3 x 3 parts, and 8 pixels: places of the whole picture, then fine detail."""
    _, side, _ = tensor.shape
    at = [((2 * i + 1) * side // 16, (5 * i + 3) % 16 * side // 16) for i in range(8)]
    pixels = [tensor[:, y, x] for y, x in at]
    edges = [side * i // 3 for i in range(4)]
    parts = [
        tensor[:, edges[i] : edges[i + 1], edges[j] : edges[j + 1]].double().mean((1, 2)) for i in range(3) for j in range(3)
    ]
    return [[round(float(v), 4) for v in torch.cat(values)] for values in (parts, pixels)]


def main():
    lines, rows, digests = [], {}, {}
    file = io.BytesIO()
    picture(90, 56).save(file, "PNG", optimize=True)
    image = Image.open(file).convert("RGB")
    for theirs, ours in ARCHS.items():
        profile = profile_of(theirs)
        tags = sorted(name for name in timm.list_pretrained(f"{theirs}.*"))
        for name in tags:
            cfg = get_pretrained_cfg(name)
            if not cfg.hf_hub_id:
                continue
            check(name, cfg)
            side = cfg.input_size[-1]
            test = cfg.test_input_size[-1] if cfg.test_input_size else None
            # Those that PyTorch itself hosts are left to the hub.
            url = cfg.url if re.search(r"(github|fbaipublicfiles)\.com/.*-[0-9a-f]{8}\.pth$", cfg.url or "") else None
            row = [name, ours, profile, cfg.num_classes, side, cfg.crop_pct, test, cfg.test_crop_pct]
            row += [FITS[cfg.crop_mode], cfg.interpolation, NORMALIZATIONS[(tuple(cfg.mean), tuple(cfg.std))]]
            lines.append(f"  [{', '.join(map(quoted, [*row, cfg.license, url]))}],\n")

            config = resolve_data_config({}, pretrained_cfg=cfg.to_dict(), use_test_size=True)
            made = digest(create_transform(**config, is_training=False)(image))
            which = digests.setdefault(json.dumps([config["input_size"][-1], *made]), len(digests))
            rows[name] = [which, side, cfg.num_classes, cfg.license, cfg.url, cfg.first_conv, cfg.classifier, cfg.pool_size[0]]
    TABLE.write_text(HEADER % timm.__version__ + "".join(lines) + "]\n")
    golden = {
        "source": f"timm {timm.__version__}",
        "file": base64.b64encode(file.getvalue()).decode(),
        "inputs": [dict(zip(("side", "parts", "pixels"), json.loads(text))) for text in digests],
        "checkpoints": rows,
    }
    GOLDEN.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(len(lines), "checkpoints,", len(digests), "ways,", GOLDEN.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
