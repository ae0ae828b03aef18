"""Average precision, F1 and thresholds by scikit-learn, losses by PyTorch: test/golden/multi-label.json.

Needs numpy, scikit-learn and torch; `python scripts/goldens/multi_label.py` writes the file.
"""

import json
import pathlib
import warnings

import numpy as np
import torch
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
)
from torch.nn.functional import binary_cross_entropy_with_logits

warnings.filterwarnings("ignore", message="No positive class found")


def threshold(probabilities: np.ndarray, has_label: np.ndarray) -> float:
    """The threshold of the highest F1; of several the highest. In the middle between neighbouring probabilities."""
    if not has_label.any():
        return 0.5
    _, _, candidates = precision_recall_curve(has_label, probabilities)
    values = [f1_score(has_label, probabilities >= each, zero_division=0) for each in candidates]
    best = max(range(len(candidates)), key=lambda i: (values[i], candidates[i]))
    below = candidates[best - 1] if best > 0 else 0
    return float((candidates[best] + below) / 2)


def number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def case(name: str, logits: np.ndarray, targets: np.ndarray, thresholds: list[float] | None = None) -> dict:
    logits = logits.astype(np.float32)
    wide = logits.astype(np.float64)
    probabilities = 1 / (1 + np.exp(-wide))
    classes = range(targets.shape[1])
    used = thresholds or [threshold(probabilities[:, c], targets[:, c]) for c in classes]
    predicted = (probabilities >= np.array(used)).astype(int)
    # Without a positive, scikit-learn gives 0 and a warning.
    average = [float(average_precision_score(targets[:, c], wide[:, c])) if targets[:, c].any() else None for c in classes]
    per_class = {"average": None, "zero_division": np.nan}
    loss = binary_cross_entropy_with_logits(torch.tensor(wide), torch.tensor(targets, dtype=torch.float64))
    return {
        "name": name,
        "logits": logits.tolist(),
        "targets": targets.tolist(),
        "given": thresholds,
        "thresholds": used,
        "averagePrecision": average,
        "f1": [number(value) for value in f1_score(targets, predicted, **per_class)],
        "precision": [number(value) for value in precision_score(targets, predicted, **per_class)],
        "recall": [number(value) for value in recall_score(targets, predicted, **per_class)],
        "mAP": float(np.mean([value for value in average if value is not None])),
        "macroF1": float(f1_score(targets, predicted, average="macro", zero_division=np.nan)),
        "microF1": float(f1_score(targets, predicted, average="micro")),
        "loss": float(loss),
    }


def drawn(seed: int, images: int, classes: int, share: float, step: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that know something of the targets; with `step`, rounded so that many are equal."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((images, classes)) < share).astype(int)
    logits = rng.normal(size=(images, classes)) * 2 + 1.5 * targets - 1
    return (np.round(logits / step) * step if step else logits), targets


def special() -> tuple[np.ndarray, np.ndarray]:
    """By class: one positive, none, all, scores that are all equal, logits whose probabilities are all 1."""
    logits, _ = drawn(3, 12, 5, 0.5)
    targets = np.zeros((12, 5), dtype=int)
    targets[7, 0] = 1
    targets[:, 2] = 1
    targets[::3, 3] = 1
    logits[:, 3] = 0.25
    targets[:5, 4] = 1
    logits[:, 4] = 40 + np.arange(12)
    # The class without positives is not predicted.
    logits[:, 1] = -3
    return logits, targets


def weighted() -> list[dict]:
    """The training loss of bce with weights of the classes and of positives, and its gradient."""
    logits, targets = drawn(5, 6, 4, 0.4)
    weight, pos_weight = [0.5, 1, 2, 1.5], [3, 1, 0.25, 10]
    results = []
    for given in ({}, {"weight": weight}, {"pos_weight": pos_weight}, {"weight": weight, "pos_weight": pos_weight}):
        x = torch.tensor(logits, dtype=torch.float32, requires_grad=True)
        y = torch.tensor(targets, dtype=torch.float32)
        loss = binary_cross_entropy_with_logits(x, y, **{key: torch.tensor(value) for key, value in given.items()})
        loss.backward()
        results.append({**given, "loss": loss.item(), "gradient": x.grad.flatten().tolist()})
    return [{"logits": np.float32(logits).flatten().tolist(), "targets": targets.flatten().tolist(), "cases": results}]


CASES = [
    case("drawn", *drawn(0, 60, 4, 0.3)),
    case("ties", *drawn(1, 80, 3, 0.4, step=1)),
    case("special", *special()),
    case("thresholds of other images", *drawn(2, 40, 3, 0.2), thresholds=[0.3, 0.7, 0.999]),
]

out = pathlib.Path(__file__).parents[2] / "test" / "golden" / "multi-label.json"
out.write_text(json.dumps({"evaluations": CASES, "losses": weighted()}) + "\n")
