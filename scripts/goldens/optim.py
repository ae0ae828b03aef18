"""Writes test/golden/optim.json: ten steps of each optimiser as PyTorch and timm take them, gradient clipping, and
averages of weights.

    python scripts/goldens/optim.py

Needs torch and timm. RMSProp is timm's RMSpropTF, Lion and LAMB are timm's, the others are torch.optim's. The learning rate changes from step to
step, because that is where the place of the rate (inside or outside the momentum buffer) shows.
"""

import json
import pathlib

import torch
from timm.optim import Lamb, Lion, RMSpropTF
from timm.utils import ModelEmaV3
from timm.utils.agc import adaptive_clip_grad

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
    "lamb": ("lamb", dict(betas=[0.9, 0.999], eps=1e-6, weightDecay=0.01)),
    "lamb without weight decay": ("lamb", dict(betas=[0.9, 0.999], eps=1e-6, weightDecay=0.0, maxGradNorm=None)),
    "lamb, always adapted": ("lamb", dict(betas=[0.8, 0.95], eps=1e-3, weightDecay=0.0, alwaysAdapt=True)),
    "lamb, trust clipped": ("lamb", dict(betas=[0.9, 0.999], eps=1e-6, weightDecay=0.2, trustClip=True, maxGradNorm=3.0)),
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
    if name == "lamb":
        return Lamb(
            params,
            lr=1.0,
            betas=tuple(o["betas"]),
            eps=o["eps"],
            weight_decay=o["weightDecay"],
            max_grad_norm=o.get("maxGradNorm", 1.0),
            trust_clip=o.get("trustClip", False),
            always_adapt=o.get("alwaysAdapt", False),
        )
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
                p.grad = g.to(dtype, copy=True)  # LAMB scales it in place
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

def clipped(clip):
    params = [torch.nn.Parameter(p.double()) for p in initial]
    # Rows whose weights are small, and 0, count as having the least norm.
    params[0].data[0] *= 1e-4
    params[0].data[1] = 0
    for p, g in zip(params, gradients[0]):
        p.grad = g.double()
    clip(params)
    return dict(initial=flat(params), gradients=flat([p.grad for p in params]))


by_value = [
    dict(limit=limit, **clipped(lambda params: torch.nn.utils.clip_grad_value_(params, limit))) for limit in (0.3, 10.0)
]
adaptive = [
    dict(factor=factor, **clipped(lambda params: adaptive_clip_grad(params, factor))) for factor in (0.01, 0.5, 1e5)
]

averages = []
for options in (dict(decay=0.9, warmup=False), dict(decay=0.9, warmup=True), dict(decay=0.3, warmup=True)):
    model = torch.nn.Linear(3, 2).double()
    model.weight.data = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    model.bias.data = torch.ones(2, dtype=torch.float64)
    ema = ModelEmaV3(model, decay=options["decay"], use_warmup=options["warmup"])
    after = []
    for step in range(1, 9):
        model.weight.data = model.weight.data * 0.5 + step
        model.bias.data = model.bias.data - step / 4
        ema.update(model, step=step)
        after.append(flat(ema.module.parameters()))
    averages.append(dict(options=options, after=after))

golden = dict(
    shapes=SHAPES,
    rates=RATES,
    initial=flat(initial),
    gradients=[flat(g) for g in gradients],
    cases=cases,
    clipping=clipping,
    byValue=by_value,
    adaptive=adaptive,
    averages=averages,
)
OUT.write_text(json.dumps(golden) + "\n")
