"""Writes test/golden/mixing.json: batches as timm's Mixup mixes them, for given draws.

    python scripts/goldens/mixing.py

Needs torch and timm. timm draws from numpy; its draws are replaced by listed ones.
"""

import json
import pathlib
from unittest import mock

import numpy as np
import torch
from timm.data.mixup import Mixup, mixup_target

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "mixing.json"
N, C, H, W, K = 4, 2, 7, 6, 5

generator = torch.Generator().manual_seed(20261130)
images = torch.randn((N, C, H, W), generator=generator, dtype=torch.float32)
labels = torch.tensor([3, 0, 0, 4])


def mixed(kind, lam, centre, smoothing):
    mixup = Mixup(
        mixup_alpha=1.0 if kind == "mixup" else 0.0,
        cutmix_alpha=1.0 if kind == "cutmix" else 0.0,
        label_smoothing=smoothing,
        num_classes=K,
    )
    x = images.clone()
    with (
        mock.patch.object(np.random, "beta", lambda *_, **__: np.float64(lam)),
        mock.patch.object(np.random, "randint", side_effect=list(centre)),
    ):
        # What Mixup.__call__ does.
        lam = mixup._mix_batch(x)
    return x, lam, mixup_target(labels, K, lam, mixup.label_smoothing)


CASES = [
    ("mixup", 0.3, (0, 0), 0.0),
    ("mixup", 0.85, (0, 0), 0.1),
    ("cutmix", 0.4, (3, 2), 0.0),
    ("cutmix", 0.1, (0, 5), 0.0),
    ("cutmix", 0.95, (6, 0), 0.1),
]

cases = []
for kind, lam, centre, smoothing in CASES:
    x, corrected, target = mixed(kind, lam, centre, smoothing)
    cases.append(
        dict(
            kind=kind,
            lam=lam,
            centre=centre,
            smoothing=smoothing,
            corrected=float(corrected),
            images=x.flatten().tolist(),
            target=target.double().tolist(),
        )
    )

golden = dict(
    shape=[N, C, H, W], classes=K, images=images.flatten().tolist(), labels=labels.tolist(), cases=cases
)
OUT.write_text(json.dumps(golden) + "\n")
