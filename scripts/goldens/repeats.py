"""Writes test/golden/repeats.json: the order of an epoch with repeated augmentation, as timm's RepeatAugSampler has it.

    python scripts/goldens/repeats.py   (timm)

The sampler runs as in one process and does not round the epoch's length to 256 images. Without shuffling, its order
tells which place of a shuffled order each place of the epoch takes.
"""

import json
import pathlib

import timm
from timm.data.distributed_sampler import RepeatAugSampler

ROOT = pathlib.Path(__file__).resolve().parents[2]


def order(length: int, repeats: int) -> list[int]:
    sampler = RepeatAugSampler(
        range(length), num_replicas=1, rank=0, shuffle=False, num_repeats=repeats, selected_round=0
    )
    return list(sampler)


def main() -> None:
    cases = [
        {"length": length, "repeats": repeats, "order": order(length, repeats)}
        for length, repeats in [(12, 3), (13, 3), (10, 4), (5, 2), (7, 1), (3, 5)]
    ]
    golden = {"source": f"timm {timm.__version__}", "cases": cases}
    (ROOT / "test/golden/repeats.json").write_text(json.dumps(golden) + "\n")


main()
