"""Golden of loss scaling: what torch.amp.GradScaler makes of programs of two optimisers, right and wrong orders mixed.

Usage: python scripts/goldens/grad_scaler.py   (torch; writes test/golden/grad-scaler.json)

A program is a list of steps [call, argument …] and, for each, what stands afterwards: the scale, the growth tracker, the
parameters, their gradients, and the kind of error that torch raised. Parameters and gradients are float32. A step
"backward" adds the gradients c of Σ c·w, where a list is null for a parameter that takes no part.
"""

import json
import math
import pathlib

import torch

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "grad-scaler.json"
GENERATOR = torch.Generator().manual_seed(0)
PROTOCOL = [["backward", [1.0, -2.0, 0.5], [3.0, 4.0]], ["unscale", 0], ["clip", 0, 1.0, 2.0], ["step", 0], ["step", 1]]
OVERFLOW = [["backward", [1.0, math.inf, 0.5], [3.0, 4.0]], ["step", 0], ["step", 1], ["update"], ["zero"]]
FIXED = {
    "clipped steps that let the scale grow": [*PROTOCOL, ["update"], ["zero"]] * 4,
    "overflows between them": [*PROTOCOL, ["update"], ["zero"], *OVERFLOW, *PROTOCOL, ["update"], ["zero"], *OVERFLOW],
    "no update": [*PROTOCOL, ["step", 0], ["unscale", 1], ["update"], ["update"]],
    "nothing was scaled": [["step", 0], ["unscale", 0], ["update"], ["update", 4.0]],
    "a scale of one's own": [*PROTOCOL, ["update", 3.3], ["zero"], *PROTOCOL, ["update"]],
    "the largest norm": [["backward", [1.0, -2.0, 0.5], None], ["unscale", 0], ["clip", 0, 0.5, math.inf], ["step", 0]],
    "the 1-norm": [["backward", [1.0, -2.0, 0.5], None], ["unscale", 0], ["clip", 0, 0.5, 1.0], ["step", 0]],
}


def choice(values):
    return values[int(torch.randint(len(values), (), generator=GENERATOR))]


def drawn():
    """A program in any order; gradients overflow now and then."""
    number = lambda: choice([1.0, -0.5, 2.0, 3.0, 0.1, -7.0] * 4 + [math.inf, math.nan])
    program = []
    for _ in range(60):
        call = choice(["backward", "backward", "unscale", "step", "step", "step", "update", "update", "zero", "clip"])
        which = choice([0, 1])
        if call == "backward":
            program.append([call, [number() for _ in range(3)], [number() for _ in range(2)]])
        elif call in ("unscale", "step"):
            program.append([call, which])
        elif call == "clip":
            program.append([call, which, 1.0, 2.0])
        elif call == "update" and choice(range(10)) == 0:
            program.append([call, choice([2.0, 1024.0, 0.75])])
        else:
            program.append([call])
    return program


def perform(program):
    params = [torch.nn.Parameter(torch.tensor(v)) for v in ([0.5, -1.0, 2.0], [1.5, -0.25])]
    optimizers = [torch.optim.SGD([p], lr=0.125, momentum=0.0) for p in params]
    scaler = torch.amp.GradScaler("cpu", init_scale=1000.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=3)
    rows = []
    for call, *arguments in program:
        error = None
        try:
            if call == "backward":
                terms = [(p * torch.tensor(c)).sum() for p, c in zip(params, arguments) if c is not None]
                scaler.scale(sum(terms)).backward()
            elif call == "unscale":
                scaler.unscale_(optimizers[arguments[0]])
            elif call == "clip":
                torch.nn.utils.clip_grad_norm_([params[arguments[0]]], arguments[1], arguments[2])
            elif call == "step":
                # torch forgets, on this error, that the optimiser was not unscaled.
                if params[arguments[0]].grad is None:
                    error = "skipped"
                else:
                    scaler.step(optimizers[arguments[0]])
            elif call == "update":
                scaler.update(*arguments)
            else:
                for optimizer in optimizers:
                    optimizer.zero_grad()
        except (RuntimeError, AssertionError) as raised:
            error = type(raised).__name__
        rows.append(
            {
                "call": [call, *arguments],
                "error": error,
                "scale": scaler.get_scale(),
                "tracker": scaler._get_growth_tracker(),
                "params": [p.tolist() for p in params],
                "grads": [None if p.grad is None else p.grad.tolist() for p in params],
            }
        )
    return rows


def finite(value):
    """JSON has no infinity and no NaN."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [finite(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


programs = {**FIXED, **{f"drawn {i}": drawn() for i in range(6)}}
done = {name: [row for row in perform(program) if row["error"] != "skipped"] for name, program in programs.items()}
lines = ",\n".join(
    f"  {json.dumps(name)}: [\n   " + ",\n   ".join(json.dumps(finite(row)) for row in rows) + "\n  ]"
    for name, rows in done.items()
)
OUT.write_text(f'{{\n "source": "torch {torch.__version__.split("+")[0]}",\n "programs": {{\n{lines}\n }}\n}}\n')
