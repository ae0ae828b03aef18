"""Golden of what timm does with another number of input channels, and with each kind of global pooling.

Usage: python scripts/goldens/heads.py   (torch, timm; writes test/golden/heads.json)
"""

import json
import pathlib

import timm
import torch
from timm.layers import SelectAdaptivePool2d
from timm.models._manipulate import adapt_input_conv

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"


def numbers(count, *shape):
    return (torch.arange(count, dtype=torch.float64) * 12.9898).sin().float().reshape(shape)


def main():
    weight = numbers(2 * 3 * 2 * 2, 2, 3, 2, 2)
    features = numbers(2 * 3 * 4 * 5, 2, 3, 4, 5)
    golden = {
        "source": f"scripts/goldens/heads.py, timm {timm.__version__}",
        "channels": {n: adapt_input_conv(n, weight.clone()).flatten().tolist() for n in (1, 2, 3, 4, 7)},
        "pools": {
            name: SelectAdaptivePool2d(pool_type=name, flatten=True)(features).flatten().tolist()
            for name in ("avg", "max", "avgmax", "catavgmax")
        },
    }
    (GOLDEN / "heads.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
