"""Writes test/golden/losses.json: the losses of training as torch, timm and torchvision compute them, with gradients.

    python scripts/goldens/losses.py

Needs torch, timm and torchvision.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from timm.loss import BinaryCrossEntropy, SoftTargetCrossEntropy
from torchvision.ops import sigmoid_focal_loss

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "losses.json"
N, K = 6, 5

generator = torch.Generator().manual_seed(20261130)
logits = 3 * torch.randn((N, K), generator=generator, dtype=torch.float64)
labels = torch.randint(0, K, (N,), generator=generator)
soft = torch.softmax(torch.randn((N, K), generator=generator, dtype=torch.float64), -1)
several = (torch.rand((N, K), generator=generator, dtype=torch.float64) > 0.6).double()
weights = [0.5, 1.0, 2.0, 0.0, 1.5]
weight = torch.tensor(weights, dtype=torch.float64)
hot = F.one_hot(labels, K).double()


def smoothed(target, s):
    return target * (1 - s) + s / K


def focal(target, alpha, gamma, reduction="mean"):
    return lambda x: sigmoid_focal_loss(x, target, alpha=alpha, gamma=gamma, reduction=reduction)


# Each case: configuration, which targets, and the reference.
CASES = [
    (dict(loss="crossEntropy", labelSmoothing=0), "labels", lambda x: F.cross_entropy(x, labels)),
    (dict(loss="crossEntropy", labelSmoothing=0.1), "labels", lambda x: F.cross_entropy(x, labels, label_smoothing=0.1)),
    (dict(loss="crossEntropy", labelSmoothing=0), "soft", lambda x: SoftTargetCrossEntropy()(x, soft)),
    (
        dict(loss="crossEntropy", labelSmoothing=0.2),
        "soft",
        lambda x: SoftTargetCrossEntropy()(x, smoothed(soft, 0.2)),
    ),
    (
        dict(loss="crossEntropy", labelSmoothing=0, classWeights=weights),
        "labels",
        lambda x: F.cross_entropy(x, labels, weight),
    ),
    (
        dict(loss="crossEntropy", labelSmoothing=0.1, classWeights=weights),
        "labels",
        lambda x: F.cross_entropy(x, labels, weight, label_smoothing=0.1),
    ),
    (
        dict(loss="crossEntropy", labelSmoothing=0.1, classWeights=weights),
        "soft",
        lambda x: F.cross_entropy(x, soft, weight, label_smoothing=0.1),
    ),
    (dict(loss="bce", labelSmoothing=0), "labels", lambda x: BinaryCrossEntropy(smoothing=0)(x, labels)),
    (dict(loss="bce", labelSmoothing=0.1), "labels", lambda x: BinaryCrossEntropy(smoothing=0.1)(x, labels)),
    (
        dict(loss="bce", labelSmoothing=0.1, sumClasses=True),
        "labels",
        lambda x: BinaryCrossEntropy(smoothing=0.1, sum_classes=True)(x, labels),
    ),
    (
        dict(loss="bce", labelSmoothing=0, targetThreshold=0.2),
        "soft",
        lambda x: BinaryCrossEntropy(smoothing=0, target_threshold=0.2)(x, soft),
    ),
    (dict(loss="bce", labelSmoothing=0), "several", lambda x: BinaryCrossEntropy(smoothing=0)(x, several)),
    (
        dict(loss="bce", labelSmoothing=0, classWeights=weights),
        "several",
        lambda x: BinaryCrossEntropy(smoothing=0, weight=weight)(x, several),
    ),
    (dict(loss="focal", labelSmoothing=0), "labels", focal(hot, 0.25, 2)),
    (dict(loss="focal", labelSmoothing=0.1), "labels", focal(smoothed(hot, 0.1), 0.25, 2)),
    (dict(loss="focal", labelSmoothing=0, focalAlpha=0.6, focalGamma=1.5), "several", focal(several, 0.6, 1.5)),
    (dict(loss="focal", labelSmoothing=0, focalAlpha=False, focalGamma=0), "labels", focal(hot, -1, 0)),
    (
        dict(loss="focal", labelSmoothing=0, sumClasses=True),
        "labels",
        lambda x: focal(hot, 0.25, 2, "sum")(x) / N,
    ),
]

cases = []
for config, targets, reference in CASES:
    x = logits.clone().requires_grad_()
    loss = reference(x)
    loss.backward()
    cases.append(dict(config=config, targets=targets, loss=loss.item(), gradient=x.grad.tolist()))

golden = dict(
    logits=logits.tolist(), labels=labels.tolist(), soft=soft.tolist(), several=several.tolist(), cases=cases
)
OUT.write_text(json.dumps(golden) + "\n")
