"""The cases of the goldens of operations: calls as JavaScript makes them, with what PyTorch computes.

A case holds the call as JavaScript makes it: `t.x` is a method of the first tensor, `p.x` a property of it, `mb.x`,
`linalg.x`, `fft.x`, `foreach.x` and `F.x` are functions; its arguments, in which {"$": i} stands for input i; and outputs
and gradients. The gradients are those of the sum of all outputs, each multiplied by a ramp. Complex numbers are pairs of
numbers. Cases with a seed draw random numbers.
"""
import json
import math
import pathlib

import torch

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
CASES = []


def ramp(shape):
    n = max(1, torch.Size(shape).numel())
    return (torch.arange(n, dtype=torch.float64) / n - 0.3).reshape(shape)


def number(value):
    if isinstance(value, (bool, int)):
        return int(value)
    return round(value, 15) if math.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")


def parts(tensor):
    """Complex numbers as pairs of real ones."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def numbers(tensor):
    return [number(v) for v in parts(tensor.detach()).flatten().tolist()]


def packed(tensor):
    return {"shape": list(tensor.shape), "data": numbers(tensor), "dtype": str(tensor.dtype)[6:]}


def flat(result):
    return [result] if torch.is_tensor(result) else [t for part in result for t in flat(part)]


def case(call, args, fn, seed=None, grads=None):
    inputs = []

    def pack(value):
        if torch.is_tensor(value):
            inputs.append(value)
            return {"$": len(inputs) - 1}
        if isinstance(value, (list, tuple)):
            return [pack(v) for v in value]
        if isinstance(value, dict):
            return {k: pack(v) for k, v in value.items()}
        return value

    arguments = [pack(a) for a in args]
    grads = seed is None if grads is None else grads
    smooth = [t.is_floating_point() or t.is_complex() for t in inputs]
    leaves = [t.clone().requires_grad_() if s and grads else t.clone() for t, s in zip(inputs, smooth)]
    if seed is not None:
        torch.manual_seed(seed)
    outputs = flat(fn(*leaves))
    differentiable = [o for o in outputs if o.requires_grad]
    if differentiable:
        sum((parts(o) * ramp(parts(o).shape)).sum() for o in differentiable).backward()
    CASES.append({
        "call": call, "args": arguments, **({} if seed is None else {"seed": seed}),
        "inputs": [packed(t) for t in inputs], "outputs": [packed(o) for o in outputs],
        "grads": [numbers(t.grad) if t.grad is not None else None for t in leaves],
    })


def r(*shape):
    return (torch.randn(*shape) * 1000).round() / 1000


def ints(*values):
    return torch.tensor(values)


NAN = float("nan")
INF = float("inf")


def write(name):
    path = pathlib.Path(__file__).parents[2] / "test" / "golden" / name
    path.write_text('{"made_with": ' + json.dumps(f"PyTorch {torch.__version__}") + ', "cases": [\n'
                    + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]}\n")
    print(len(CASES), "cases,", path.stat().st_size, "bytes")
