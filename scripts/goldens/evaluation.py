"""Writes test/golden/evaluation.json: precision and recall by scikit-learn, and the calibration error by its formula.

    python scripts/goldens/evaluation.py

Needs numpy and scikit-learn.
"""

import json
import pathlib

import numpy as np
from sklearn.metrics import confusion_matrix, precision_score, recall_score

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "evaluation.json"
N, K, BINS = 60, 6, 15

random = np.random.default_rng(20261130)
labels = random.integers(0, K - 1, N)  # no image of the last class
logits = random.normal(size=(N, K)) * 2
logits[np.arange(N), labels] += random.uniform(0, 4, N)
logits[:, 1] -= 50  # a class that is never predicted

predicted = logits.argmax(1)
probabilities = np.exp(logits - logits.max(1, keepdims=True))
probabilities /= probabilities.sum(1, keepdims=True)
confidence = probabilities.max(1)
right = predicted == labels

# Guo et al., equation 3: intervals that are open below and closed above.
edges = np.linspace(0, 1, BINS + 1)
ece = 0.0
for low, high in zip(edges[:-1], edges[1:]):
    inside = (confidence > low) & (confidence <= high)
    if inside.any():
        ece += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())

classes = list(range(K))
options = dict(labels=classes, average=None, zero_division=np.nan)
named = lambda values: [None if np.isnan(value) else float(value) for value in values]
golden = dict(
    logits=logits.tolist(),
    labels=labels.tolist(),
    precision=named(precision_score(labels, predicted, **options)),
    recall=named(recall_score(labels, predicted, **options)),
    images=np.bincount(labels, minlength=K).tolist(),
    confusion=confusion_matrix(labels, predicted, labels=classes).tolist(),
    ece=float(ece),
)
OUT.write_text(json.dumps(golden) + "\n")
