"""Golden of seeds: what torch draws after torch.manual_seed, and the seed it says it has.

Usage: python scripts/goldens/seeds.py   (torch; writes test/golden/seeds.json)
"""

import json
import pathlib

import torch

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "seeds.json"
SEEDS = [0, 1, 2**53 - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 12345, 2**64 - 1, -1, -12345, -(2**63)]
REFUSED = [2**64, -(2**63) - 1]

rows = []
for seed in SEEDS:
    generator = torch.manual_seed(seed)
    rows.append({"seed": str(seed), "bits": str(generator.initial_seed()), "uniform": torch.rand(4).tolist()})
for seed in REFUSED:
    try:
        torch.manual_seed(seed)
    except (RuntimeError, ValueError, OverflowError):
        continue
    raise AssertionError(f"torch takes {seed}")
lines = ",\n  ".join(json.dumps(row) for row in rows)
refused = json.dumps([str(seed) for seed in REFUSED])
source = torch.__version__.split("+")[0]
OUT.write_text(f'{{\n "source": "torch {source}",\n "seeds": [\n  {lines}\n ],\n "refused": {refused}\n}}\n')
