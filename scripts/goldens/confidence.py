"""Temperatures and quantiles of the largest probability, by SciPy and NumPy: test/golden/confidence.json.

Needs numpy and scipy; `python scripts/goldens/confidence.py` writes the file.
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax


def case(seed: int, images: int, classes: int, spread: float, right: float) -> dict:
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(images, classes)) * spread).astype(np.float32)
    labels = rng.integers(0, classes, images)
    # The class gets a bonus in a share of the images, so that the network is partly right.
    logits[np.arange(images), labels] += np.where(rng.random(images) < right, 2 * spread, 0).astype(np.float32)
    wide = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(wide / np.exp(log_temperature), axis=1)
        return -scaled[np.arange(images), labels].mean()

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-10})
    temperature = float(np.exp(found.x))
    largest = softmax(wide / temperature, axis=1).max(axis=1)
    return {
        "classes": classes,
        "logits": logits.flatten().tolist(),
        "labels": labels.tolist(),
        "temperature": temperature,
        "quantiles": np.quantile(largest, np.arange(101) / 100, method="weibull").tolist(),
    }


CASES = [case(0, 60, 3, 1.0, 0.7), case(1, 40, 10, 8.0, 0.5), case(2, 30, 5, 0.1, 0.9)]

out = pathlib.Path(__file__).parents[2] / "test" / "golden" / "confidence.json"
out.write_text(json.dumps(CASES) + "\n")
