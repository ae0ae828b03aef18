"""Writes test/golden/optim.json: ten steps of each optimiser as PyTorch and timm take them, and gradient clipping.

    python scripts/goldens/optim.py

Needs torch and timm. RMSProp is timm's RMSpropTF, Lion is timm's, the others are torch.optim's. The learning rate changes from step to
step, because that is where the place of the rate (inside or outside the momentum buffer) shows.
"""

import json
import pathlib

import torch
from timm.optim import Lion, RMSpropTF

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "optim.json"
SHAPES = [(3, 4), (5,), (2, 3, 2, 2)]
STEPS = 10
RECORDED = [1, 2, 5, 10]
RATES = [0.0, 0.01, 0.02, 0.03, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01]

CASES = {
    "rmsprop": ("rmsprop", dict(decay=0.9, momentum=0.9, eps=1e-3, weightDecay=0.0)),
    "rmsprop with weight decay": ("rmsprop", dict(decay=0.95, momentum=0.8, eps=1e-2, weightDecay=0.05)),
    "rmsprop without momentum": ("rmsprop", dict(decay=0.9, momentum=0.0, eps=1e-3, weightDecay=0.0)),
    "sgd": ("sgd", dict(momentum=0.0, nesterov=False, weightDecay=0.0)),
    "sgd with weight decay": ("sgd", dict(momentum=0.0, nesterov=False, weightDecay=0.1)),
    "sgd with momentum": ("sgd", dict(momentum=0.9, nesterov=False, weightDecay=0.01)),
    "sgd with nesterov": ("sgd", dict(momentum=0.9, nesterov=True, weightDecay=0.01)),
    "adamw": ("adamw", dict(betas=[0.9, 0.999], eps=1e-8, weightDecay=0.01)),
    "adamw, other constants": ("adamw", dict(betas=[0.8, 0.95], eps=1e-3, weightDecay=0.2)),
    "lion": ("lion", dict(betas=[0.9, 0.99], weightDecay=0.0)),
    "lion, other constants": ("lion", dict(betas=[0.8, 0.95], weightDecay=0.2)),
}


def make(name, params, o):
    if name == "rmsprop":
        return RMSpropTF(
            params, lr=1.0, alpha=o["decay"], momentum=o["momentum"], eps=o["eps"], weight_decay=o["weightDecay"]
        )
    if name == "sgd":
        return torch.optim.SGD(
            params, lr=1.0, momentum=o["momentum"], nesterov=o["nesterov"], weight_decay=o["weightDecay"]
        )
    if name == "lion":
        return Lion(params, lr=1.0, betas=tuple(o["betas"]), weight_decay=o["weightDecay"])
    return torch.optim.AdamW(params, lr=1.0, betas=tuple(o["betas"]), eps=o["eps"], weight_decay=o["weightDecay"])


def flat(tensors):
    return [t.detach().flatten().tolist() for t in tensors]


generator = torch.Generator().manual_seed(20260101)


def random():
    # Rounded to float32, so that both dtypes start from the same numbers.
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


initial = random()
gradients = [random() for _ in range(STEPS)]
cases = []
for title, (name, options) in CASES.items():
    for dtype in (torch.float64, torch.float32):
        params = [torch.nn.Parameter(p.to(dtype, copy=True)) for p in initial]
        optimizer = make(name, params, options)
        after = {}
        for step in range(STEPS):
            for p, g in zip(params, gradients[step]):
                p.grad = g.to(dtype)
            optimizer.param_groups[0]["lr"] = RATES[step]
            optimizer.step()
            if step + 1 in RECORDED:
                after[step + 1] = flat(params)
        cases.append(
            dict(title=title, optimizer=name, options=options, dtype=str(dtype).removeprefix("torch."), after=after)
        )

clipping = []
for max_norm in (0.5, 100.0):
    params = [torch.nn.Parameter(p.double()) for p in initial]
    for p, g in zip(params, gradients[0]):
        p.grad = g.double()
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm)
    clipping.append(dict(maxNorm=max_norm, norm=norm.item(), gradients=flat([p.grad for p in params])))

golden = dict(
    shapes=SHAPES,
    rates=RATES,
    initial=flat(initial),
    gradients=[flat(g) for g in gradients],
    cases=cases,
    clipping=clipping,
)
OUT.write_text(json.dumps(golden) + "\n")
