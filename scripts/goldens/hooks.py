"""Golden of hooks: what PyTorch calls, in which order, with which values, and what becomes of what hooks return.

Usage: python scripts/goldens/hooks.py   (torch; writes test/golden/hooks.json)

Each function is a scenario that returns what it has seen. test/hooks.test.mjs has a function of the same name.
"""

import copy
import json
import pathlib
import warnings

import torch
from torch import nn

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "hooks.json"


def shown(value):
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return [shown(each) for each in value] if isinstance(value, (tuple, list)) else value


class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor([float(factor)]))

    def forward(self, x):
        return x * self.factor


class Several(nn.Module):
    def forward(self, a, b, c):
        return a * b + c, a * 2


def leaf(*values):
    return torch.tensor([float(v) for v in values], requires_grad=True)


def forward_order():
    log, layer = [], Scale(2)
    layer.register_forward_pre_hook(lambda m, args: log.append(["pre 1", shown(args)]))
    layer.register_forward_pre_hook(lambda m, args: (log.append(["pre 2", shown(args)]), args[0] + 1)[1])
    layer.register_forward_pre_hook(lambda m, args: (log.append(["pre first", shown(args)]), (args[0] * 10,))[1], prepend=True)
    layer.register_forward_hook(lambda m, args, out: log.append(["after 1", shown(args), shown(out)]))
    layer.register_forward_hook(lambda m, args, out: (log.append(["after 2", shown(out)]), out * 100)[1])
    layer.register_forward_hook(lambda m, args, out: (log.append(["after first", shown(out)]), out - 1)[1], prepend=True)
    return [shown(layer(torch.tensor([1.0, 2.0]))), log]


def removal():
    log, layer = [], Scale(2)
    handles = [layer.register_forward_hook(lambda m, args, out, i=i: log.append(i)) for i in range(3)]
    layer(torch.ones(1))
    handles[1].remove()
    handles[1].remove()
    layer(torch.ones(1))
    for handle in handles:
        handle.remove()
    layer(torch.ones(1))
    return log


def always_called():
    log, layer = [], Scale(2)

    def fails(m, args, out):
        log.append("fails")
        raise RuntimeError("in a hook")

    layer.register_forward_hook(lambda m, args, out: log.append(["before", shown(out)]), always_call=True)
    layer.register_forward_hook(fails)
    layer.register_forward_hook(lambda m, args, out: log.append("not called"))
    layer.register_forward_hook(lambda m, args, out: log.append(["always", shown(out)]), always_call=True)
    try:
        layer(torch.ones(1))
    except RuntimeError as error:
        log.append(str(error))
    return log


def full_backward(requires):
    log, layer = [], Several()
    layer.register_full_backward_pre_hook(lambda m, out: log.append(["pre", shown(out)]))
    layer.register_full_backward_hook(lambda m, inp, out: log.append(["hook", shown(inp), shown(out)]))
    tensors = [torch.full((2,), float(i + 1), requires_grad=wanted) for i, wanted in enumerate(requires)]
    layer(*tensors)[0].sum().backward()
    return [log, [shown(t.grad) for t in tensors]]


def full_backward_one():
    return full_backward([True, False, True])


def full_backward_all():
    return full_backward([True, True, True])


def no_input_gradient():
    log, layer = [], Scale(3)
    layer.register_full_backward_hook(lambda m, inp, out: log.append([shown(inp), shown(out)]))
    layer(torch.ones(2)).sum().backward()
    return [log, shown(layer.factor.grad)]


def replaced_gradients():
    log, layer, x = [], Scale(3), leaf(1, 2)
    layer.register_full_backward_pre_hook(lambda m, out: (out[0] * 10,))
    layer.register_full_backward_hook(lambda m, inp, out: (log.append(["1", shown(inp), shown(out)]), (inp[0] + 1,))[1])
    layer.register_full_backward_hook(lambda m, inp, out: log.append(["2", shown(inp), shown(out)]))
    layer.register_full_backward_hook(lambda m, inp, out: (log.append(["first", shown(inp)]), (inp[0] * 2,))[1], prepend=True)
    layer(x).sum().backward()
    return [log, shown(x.grad), shown(layer.factor.grad)]


def nested_modules():
    log, net, x = [], nn.Sequential(Scale(2), Scale(3)), leaf(1)
    for name, module in net.named_modules():
        module.register_forward_pre_hook(lambda m, args, name=name: log.append(["pre", name]))
        module.register_forward_hook(lambda m, args, out, name=name: log.append(["after", name, shown(out)]))
        module.register_full_backward_hook(lambda m, inp, out, name=name: log.append(["back", name, shown(inp), shown(out)]))
    net(x).sum().backward()
    return [log, shown(x.grad)]


def used_twice():
    log, layer, x = [], Scale(2), leaf(1)
    layer.register_full_backward_hook(lambda m, inp, out: log.append([shown(inp), shown(out)]))
    layer(layer(x)).sum().backward()
    return [log, shown(x.grad), shown(layer.factor.grad)]


def without_gradients():
    log, layer = [], Scale(2)
    layer.register_full_backward_hook(lambda m, inp, out: log.append("called"))
    with torch.no_grad():
        out = layer(leaf(1))
    return [log, out.requires_grad]


def second_derivative():
    log, layer, x = [], Scale(2), leaf(3)
    layer.register_full_backward_hook(lambda m, inp, out: log.append([shown(inp), shown(out)]))
    (gradient,) = torch.autograd.grad((layer(x) ** 3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), x)
    return [log, shown(gradient), shown(second)]


def patched_forward():
    log, net = [], nn.Sequential(Scale(2), Scale(3))
    net[0].register_forward_hook(lambda m, args, out: log.append(shown(out)))
    net[0].forward = lambda x: x + 1
    return [shown(net(torch.ones(1))), log]


def copied():
    log, layer = [], Scale(2)
    handle = layer.register_forward_hook(lambda m, args, out: log.append([m is layer, shown(out)]))
    other = copy.deepcopy(layer)
    handle.remove()
    layer(torch.ones(1))
    other(torch.ones(1))
    return log


def tensor_order():
    log, x = [], leaf(1, 2)
    x.register_hook(lambda g: log.append(["1", shown(g)]))
    x.register_hook(lambda g: (log.append(["2", shown(g)]), g * 10)[1])
    removed = x.register_hook(lambda g: log.append("removed"))
    x.register_hook(lambda g: log.append(["3", shown(g)]))
    removed.remove()
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    return [log, shown(x.grad)]


def tensor_within():
    log, x = [], leaf(1, 2)
    y = x * 2
    y.register_hook(lambda g: (log.append(shown(g)), g + 1)[1])
    z = y * y
    z.register_hook(lambda g: (log.append(shown(g)), g * 2)[1])
    z.sum().backward()
    return [log, shown(x.grad)]


def tensor_in_place():
    log, x = [], leaf(1, 2)
    y = x * 2
    y.register_hook(lambda g: log.append(["before", shown(g)]))
    y.mul_(3)
    y.register_hook(lambda g: log.append(["after", shown(g)]))
    y.sum().backward()
    return [log, shown(x.grad)]


def retained():
    x = leaf(1, 2)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.retain_grad()
    y.retain_grad()
    before = y.retains_grad
    (y * 3).sum().backward()
    x.retain_grad()
    return [before, shown(y.grad), shown(x.grad), x.retains_grad]


def tensor_grad():
    log, x = [], leaf(2)
    x.register_hook(lambda g: (log.append(shown(g)), g * 5)[1])
    (gradient,) = torch.autograd.grad((x * x).sum(), x)
    return [log, shown(gradient), x.grad is None]


SCENARIOS = [
    forward_order, removal, always_called, full_backward_one, full_backward_all, no_input_gradient, replaced_gradients,
    nested_modules, used_twice, without_gradients, second_derivative, patched_forward, copied, tensor_order,
    tensor_within, tensor_in_place, retained, tensor_grad,
]  # fmt: skip
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    seen = {scenario.__name__: scenario() for scenario in SCENARIOS}
lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(what)}" for name, what in seen.items())
source = torch.__version__.split("+")[0]
OUT.write_text(f'{{\n "source": "torch {source}",\n "scenarios": {{\n{lines}\n }}\n}}\n')
