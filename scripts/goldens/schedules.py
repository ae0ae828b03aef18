"""Writes test/golden/schedules.json: learning rates as the schedulers of torch and timm compute them.

    python scripts/goldens/schedules.py

Needs torch and timm. A unit of time is an update; an epoch has STEPS_PER_EPOCH of them.
"""

import json
import pathlib

import torch
from timm.scheduler import CosineLRScheduler, PlateauLRScheduler, PolyLRScheduler, StepLRScheduler
from torch.optim.lr_scheduler import MultiStepLR, OneCycleLR, PolynomialLR, ReduceLROnPlateau, StepLR

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "schedules.json"
LR = 0.3
STEPS_PER_EPOCH = 4
EPOCHS = 15
TOTAL = EPOCHS * STEPS_PER_EPOCH


def sgd():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


def of_torch(make, steps=TOTAL):
    optimizer = sgd()
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def of_timm(make, steps=TOTAL):
    """The rate of each update, from a scheduler in updates."""
    optimizer = sgd()
    scheduler = make(optimizer)
    rates = []
    for step in range(steps):
        scheduler.step_update(step)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def of_timm_epochs(make):
    """The rate of each update, from a scheduler in epochs."""
    optimizer = sgd()
    scheduler = make(optimizer)
    rates = []
    for epoch in range(EPOCHS):
        scheduler.step(epoch)
        rates += STEPS_PER_EPOCH * [optimizer.param_groups[0]["lr"]]
    return rates


UPDATES = dict(t_in_epochs=False, warmup_prefix=True)
WARM = dict(warmup_t=8, warmup_lr_init=0, **UPDATES)
# In epochs the warm-up begins above 0: with this initial rate it is the line that skips the rate 0.
WARM_EPOCHS = dict(warmup_t=3, warmup_lr_init=LR / 4, warmup_prefix=True)

CASES = [
    (dict(name="step", decayEpochs=2), of_torch(lambda o: StepLR(o, 2 * STEPS_PER_EPOCH))),
    (
        dict(name="step", decayEpochs=[1.5, 5, 12], decayRate=0.4),
        of_torch(lambda o: MultiStepLR(o, [6, 20, 48], gamma=0.4)),
    ),
    (
        dict(name="step", decayEpochs=3, decayRate=0.5, warmupEpochs=2),
        of_timm(lambda o: StepLRScheduler(o, decay_t=12, decay_rate=0.5, **WARM)),
    ),
    (
        dict(name="step", decayEpochs=4, decayRate=0.5, warmupEpochs=3, every="epoch"),
        of_timm_epochs(lambda o: StepLRScheduler(o, decay_t=4, decay_rate=0.5, **WARM_EPOCHS)),
    ),
    (dict(name="polynomial"), of_torch(lambda o: PolynomialLR(o, TOTAL))),
    (dict(name="polynomial", power=2.5), of_torch(lambda o: PolynomialLR(o, TOTAL, power=2.5))),
    (
        dict(name="polynomial", power=0.5, minLr=0.02, warmupSteps=8),
        of_timm(lambda o: PolyLRScheduler(o, t_initial=TOTAL - 8, power=0.5, lr_min=0.02, **WARM)),
    ),
    (
        dict(name="cosine", minLr=0.01, warmupEpochs=3, every="epoch"),
        of_timm_epochs(lambda o: CosineLRScheduler(o, t_initial=EPOCHS - 3, lr_min=0.01, **WARM_EPOCHS)),
    ),
    (
        dict(name="cosine", minLr=0.01, cycles=3, cycleDecay=0.5),
        of_timm(lambda o: CosineLRScheduler(o, t_initial=20, lr_min=0.01, cycle_decay=0.5, cycle_limit=3, **UPDATES)),
    ),
    (
        dict(name="cosine", warmupEpochs=1, cycles=3, cycleMul=2),
        of_timm(
            lambda o: CosineLRScheduler(
                o, t_initial=8, cycle_mul=2, cycle_limit=3, warmup_t=4, warmup_lr_init=0, **UPDATES
            )
        ),
    ),
    (dict(name="oneCycle"), of_torch(lambda o: OneCycleLR(o, LR, total_steps=TOTAL))),
    (
        dict(name="oneCycle", pctStart=0.4, divFactor=10, finalDivFactor=100, anneal="linear"),
        of_torch(
            lambda o: OneCycleLR(
                o,
                LR,
                total_steps=TOTAL,
                pct_start=0.4,
                div_factor=10,
                final_div_factor=100,
                anneal_strategy="linear",
            )
        ),
    ),
    (
        dict(name="oneCycle", threePhase=True),
        of_torch(lambda o: OneCycleLR(o, LR, total_steps=TOTAL, three_phase=True)),
    ),
]

TOP1 = [0.1, 0.3, 0.30001, 0.29, 0.3, 0.5, 0.4, 0.4, 0.5, 0.5, 0.45, 0.6, 0.6, 0.6, 0.6]
LOSS = [2.0, 1.5, 1.6, 1.5, 1.4999, 1.2, 1.3, 1.25, 1.21, 1.2, 1.19, 1.19, 1.19, 1.18, 1.17]


def plateau(values, make):
    """The rate after each evaluation; one evaluation an epoch."""
    optimizer = sgd()
    scheduler = make(optimizer)
    rates = []
    for value in values:
        scheduler.step(value)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def plateau_of_timm(values):
    optimizer = sgd()
    scheduler = PlateauLRScheduler(
        optimizer, decay_rate=0.5, patience_t=1, mode="max", threshold=1e-3, warmup_t=3, warmup_lr_init=0
    )
    rates = []
    for epoch, value in enumerate(values):
        scheduler.step(epoch + 1, value)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


PLATEAUS = [
    (
        dict(name="plateau", metric="top1", patience=2, factor=0.5),
        plateau(TOP1, lambda o: ReduceLROnPlateau(o, "max", factor=0.5, patience=2)),
    ),
    (
        dict(name="plateau", metric="loss", patience=1, factor=0.2, threshold=0.01, thresholdMode="abs", cooldown=2),
        plateau(
            LOSS,
            lambda o: ReduceLROnPlateau(
                o, "min", factor=0.2, patience=1, threshold=0.01, threshold_mode="abs", cooldown=2
            ),
        ),
    ),
    (
        dict(name="plateau", metric="loss", patience=0, factor=0.1, minLr=0.005, threshold=0.05),
        plateau(LOSS, lambda o: ReduceLROnPlateau(o, "min", patience=0, min_lr=0.005, threshold=0.05)),
    ),
    (
        dict(name="plateau", metric="top1", patience=1, factor=0.5, threshold=1e-3, warmupEpochs=3),
        plateau_of_timm(TOP1),
    ),
]

golden = dict(
    lr=LR,
    stepsPerEpoch=STEPS_PER_EPOCH,
    epochs=EPOCHS,
    cases=[dict(config=config, rates=rates) for config, rates in CASES],
    top1=TOP1,
    loss=LOSS,
    plateaus=[dict(config=config, rates=rates) for config, rates in PLATEAUS],
)
OUT.write_text(json.dumps(golden) + "\n")
