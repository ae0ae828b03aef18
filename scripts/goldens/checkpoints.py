"""The table of timm's checkpoints for the networks here: lib/models/checkpoint-table.ts.

Usage: python scripts/goldens/checkpoints.py   (torch, torchvision, timm; writes the table)

The numeric profile is read off timm's own modules: convolutions that pad as TensorFlow does, and batch norm's epsilon.
"""

import json
import pathlib
import re

import timm
import torch
from timm.models import get_pretrained_cfg

TABLE = pathlib.Path(__file__).resolve().parents[2] / "lib" / "models" / "checkpoint-table.ts"
# Name there, name here.
ARCHS = {
    **{f"efficientnet_b{i}": f"efficientnet_b{i}" for i in range(6)},
    **{f"tf_efficientnet_b{i}": f"efficientnet_b{i}" for i in range(9)},
    "tf_efficientnet_l2": "efficientnet_l2",
    "efficientnet_lite0": "efficientnet_lite0",
    **{f"tf_efficientnet_lite{i}": f"efficientnet_lite{i}" for i in range(5)},
    **{f"tf_efficientnetv2_{v}": f"efficientnetv2_{v}" for v in ("b0", "b1", "b2", "b3", "s", "m", "l", "xl")},
    "efficientnetv2_rw_t": "efficientnetv2_rw_t",
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
HEADER = '''/**
 * timm's checkpoints for networks that are here, as timm %s has them. Written by scripts/goldens/checkpoints.py.
 */

/**
 * Name, architecture, numeric profile, classes; side of the input in px and share of the crop in training; the same in
 * evaluation where they differ; interpolation; normalisation; the address of the original `.pth` file, whose name ends with
 * the beginning of its SHA-256, where there is one. All are `model.safetensors` in the hub's repository `timm/NAME`.
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
  interpolation: 'bicubic' | 'bilinear',
  normalization: 'imagenet' | 'half' | 'none',
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


def main():
    lines = []
    for theirs, ours in ARCHS.items():
        profile = profile_of(theirs)
        tags = sorted(name for name in timm.list_pretrained(f"{theirs}.*"))
        for name in tags:
            cfg = get_pretrained_cfg(name)
            if not cfg.hf_hub_id:
                continue
            assert cfg.hf_hub_id == f"timm/{name}" or cfg.hf_hub_id == "timm/", (name, cfg.hf_hub_id)
            side = cfg.input_size[-1]
            test = cfg.test_input_size[-1] if cfg.test_input_size else None
            # Those that PyTorch itself hosts are left to the hub.
            url = cfg.url if re.search(r"(github|fbaipublicfiles)\.com/.*-[0-9a-f]{8}\.pth$", cfg.url or "") else None
            row = [name, ours, profile, cfg.num_classes, side, cfg.crop_pct, test, cfg.test_crop_pct, cfg.interpolation]
            row += [NORMALIZATIONS[(tuple(cfg.mean), tuple(cfg.std))], url]
            lines.append(f"  [{', '.join(map(quoted, row))}],\n")
    TABLE.write_text(HEADER % timm.__version__ + "".join(lines) + "]\n")
    print(len(lines), "checkpoints")


if __name__ == "__main__":
    main()
