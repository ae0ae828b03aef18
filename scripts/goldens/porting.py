"""Writes test/golden/porting.json: what the left column of README's table "Coming from PyTorch" computes.

Usage: python scripts/goldens/porting.py    (torch, torchvision, timm, safetensors, onnx)

The code of each row is taken from README, and run with the values that ROWS gives it; where the cell leaves something out
or is no code, ROWS has the code. test/porting.test.mjs runs the right column with the same values. Every row has an entry.
"""
import ast
import hashlib
import json
import math
import pathlib
import re
import tempfile
import warnings
import weakref

import onnx
import timm
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import load_file, save_file
from timm.optim import RMSpropTF

ROOT = pathlib.Path(__file__).resolve().parents[2]
warnings.filterwarnings("ignore")
folder = tempfile.mkdtemp()


def cells():
    """The left cells of the table."""
    section = (ROOT / "README.md").read_text().split("## Coming from PyTorch")[1].lstrip("\n").split("\n\n")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [row[2:].split(" | ")[0] for row in rows]


def lively(state):
    """Numbers for a state dict that make every layer matter, by a formula that the test repeats."""
    for k, name in enumerate(sorted(state)):
        t = state[name]
        if name.endswith("num_batches_tracked"):
            continue
        i = torch.arange(t.numel(), dtype=torch.float64)
        wave = torch.sin(i * 0.37 + k)
        if name.endswith("running_var"):
            wave = wave * 0.1 + 1
        elif t.dim() > 1:
            wave = wave * math.sqrt(2 / (t.numel() / t.shape[0]))
        elif name.endswith("weight"):
            wave = wave * 0.1 + 1
        else:
            wave = wave * 0.1
        state[name] = wave.reshape(t.shape).to(torch.float32)
    return state


def picture(*shape):
    return torch.cos(torch.arange(math.prod(shape), dtype=torch.float64) * 0.01).reshape(shape).to(torch.float32)


def network():
    model = torchvision.models.efficientnet_b0(num_classes=10).eval()
    model.load_state_dict(lively(model.state_dict()))
    return model


def collected():
    x = torch.ones(2)
    ref = weakref.ref(x)
    del x
    return ref() is None


X = torch.tensor([[0.5, -1, 2], [3, 0.25, -2]])
W = torch.tensor([[1, -0.5], [0.25, 2], [-1, 1.5]])
LINEAR = {"weight": W.T.contiguous(), "bias": torch.tensor([0.1, -0.2])}
IMAGE = torch.arange(12.0).reshape(1, 2, 2, 3) / 7
SQUARE = torch.tensor([[2.0, 0.5], [-1, 1.5]])

# The cell, the values it gets, and the code (None: the cell itself).
ROWS = {
    "`torch.tensor([[1., 2.]])`": ({}, None),
    "`torch.zeros(2, 3, device='cuda')`": ({}, "torch.zeros(2, 3)"),
    "`x[0, :, 1:3]`": ({"x": torch.arange(24.0).reshape(2, 3, 4)}, None),
    "`x.sum(dim=1, keepdim=True)`": ({"x": X}, None),
    "`x @ w + b`": ({"x": X, "w": W, "b": torch.tensor([0.1, -0.2])}, None),
    "`x.add_(1)`": ({"x": X}, None),
    "`x.numpy()`": ({"x": X}, None),
    "`loss.item()`": ({"loss": torch.tensor(0.75)}, None),
    "`loss.backward(); w.grad`": ({"w": W, "x": X}, "w.requires_grad_(); loss = (x @ w).square().sum(); loss.backward(); w.grad"),
    "`with torch.no_grad():`": ({"w": W}, "w.requires_grad_()\nwith torch.no_grad(): y = w * 2\n[y, y.requires_grad]"),
    "`with torch.autocast('cpu', torch.bfloat16):`":
        ({"x": X, "w": W}, "with torch.autocast('cpu', torch.bfloat16): y = x @ w\n[y.float(), str(y.dtype)[6:]]"),
    "`torch.amp.GradScaler()`": ({}, "torch.amp.GradScaler('cpu').scale(torch.tensor(1.0))"),
    "`class F(torch.autograd.Function)`": ({"x": X}, """
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3
    @staticmethod
    def backward(ctx, gradient):
        return gradient * 3 * ctx.saved_tensors[0] ** 2
x.requires_grad_()
y = Cube.apply(x)
y.sum().backward()
[y, x.grad]"""),
    "`torch.utils.checkpoint.checkpoint(f, x)`":
        ({"x": X}, "x.requires_grad_()\nf = lambda x: x.sin() * x\ny = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False)\ny.sum().backward()\n[y, x.grad]"),
    "`torch.einsum('ij,jk->ik', a, b)`": ({"a": SQUARE, "b": W.T[:, :2]}, "[torch.einsum('ij,jk->ik', a, b), torch.linalg.solve(a, b)]"),
    "`torch.max(x, dim=1)`": ({"x": X}, None),
    "`torch._foreach_add_(ps, gs, alpha=-lr)`":
        ({"p": X, "g": X}, "lr = 0.5; ps = [p, p * 2]; gs = [g.clone(), g + 1]\ntorch._foreach_add_(ps, gs, alpha=-lr)\nps"),
    "`torch.nn.init.kaiming_normal_(w)`": ({"w": W}, "torch.manual_seed(3)\ntorch.nn.init.kaiming_normal_(w)"),
    "`F.interpolate(x, scale_factor=2)`": ({"x": IMAGE}, None),
    "`F.conv2d(x, w, b, stride=2)`":
        ({"x": IMAGE, "w": torch.arange(8.0).reshape(1, 2, 2, 2) / 5 - 0.6, "b": torch.tensor([0.3])}, None),
    "`torch.ops.aten.polygamma(2, x)`": ({"x": X.abs()}, None),
    "`torchvision.models.efficientnet_b0(num_classes=10)`": ({}, """
model = torchvision.models.efficientnet_b0(num_classes=10)
keys = ' '.join(sorted(model.state_dict()))
[sum(p.numel() for p in model.parameters()), hashlib.sha256(keys.encode()).hexdigest()]"""),
    "`model.load_state_dict(load_file(p))`": ({**LINEAR, "x": X}, """
p = folder + '/linear.safetensors'
save_file({'weight': weight, 'bias': bias}, p)
model = torch.nn.Linear(3, 2)
model.load_state_dict(load_file(p))
model(x)"""),
    "`load_state_dict` from a file of timm or torchvision, or from a `.pth` file": ({}, "network()(picture(1, 3, 32, 32))"),
    "`timm.create_model('tf_efficientnet_b0.ns_jft_in1k', pretrained=True)`":
        ({}, "sum(p.numel() for p in timm.create_model('tf_efficientnet_b0.ns_jft_in1k', pretrained=False).parameters())"),
    "`torch.save(model.state_dict(), 'b0.pth')`": ({}, """
path = folder + '/b0.pth'
torch.save(timm.create_model('efficientnet_b0', num_classes=10).state_dict(), path)
names = ' '.join(sorted(torch.load(path)))
[hashlib.sha256(names.encode()).hexdigest()]"""),
    "`timm.create_model('efficientnet_b0', num_classes=0, in_chans=1, global_pool='max')`": ({}, """
model = timm.create_model('efficientnet_b0', num_classes=0, in_chans=1, global_pool='max').eval()
[sum(p.numel() for p in model.parameters()), *model(picture(2, 1, 64, 64)).shape]"""),
    "`torch.onnx.export(model, x, 'b0.onnx')`": ({}, """
path = folder + '/b0.onnx'
torch.onnx.export(network(), picture(1, 3, 224, 224), path, dynamo=False)
graph = onnx.load(path).graph
[[d.dim_value for d in value.type.tensor_type.shape.dim][1:] for value in (graph.input[0], graph.output[0])]"""),
    "`model.to(memory_format=torch.channels_last)`":
        ({}, "model = torch.nn.Conv2d(3, 4, 3)\nmodel.to(memory_format=torch.channels_last)\nlist(model.weight.stride())"),
    "`torch.nn.utils.clip_grad_norm_(params, 1)`":
        ({"w": W}, "w.requires_grad_()\nw.square().sum().backward()\nparams = [w]\n[torch.nn.utils.clip_grad_norm_(params, 1), w.grad]"),
    "`torch.use_deterministic_algorithms(True)`":
        ({}, "torch.use_deterministic_algorithms(True)\n[torch.are_deterministic_algorithms_enabled(), torch.use_deterministic_algorithms(False)][0]"),
    "`x.share_memory_()`, a queue": ({"x": X}, "y = x.share_memory_()\ny.fill_(5)\n[x, y.is_shared()]"),
    "timm's `RMSpropTF`": ({"w": W, "g": W}, """
w.requires_grad_()
optimizer = RMSpropTF([w], lr=0.1, alpha=0.9, eps=1e-3, momentum=0.9)
for _ in range(3):
    w.grad = g.clone()
    optimizer.step()
w.detach()"""),
    "`torch.manual_seed(0)`": ({}, "torch.manual_seed(0)\ntorch.rand(4)"),
    "`del x`": ({}, "collected()"),
}


def run(code, values):
    tree = ast.parse(code.strip())
    last = ast.Expression(tree.body.pop().value)
    names = {**globals(), **values}
    exec(compile(tree, "row", "exec"), names)
    return eval(compile(last, "row", "eval"), names)


def flat(value):
    """Numbers and texts."""
    if torch.is_tensor(value):
        return value.detach().flatten().tolist()
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        value = value.tolist() if hasattr(value, "tolist") else value
        return [one for part in value for one in flat(part)]
    return [int(value) if isinstance(value, bool) else value]


found = cells()
assert set(found) == set(ROWS), (set(found) ^ set(ROWS), "README has other rows than ROWS")
rows = []
for cell in found:
    values, code = ROWS[cell]
    given = {name: {"shape": list(t.shape), "data": t.flatten().tolist()} for name, t in values.items()}
    outputs = flat(run(code or cell.strip("`"), {name: t.clone() for name, t in values.items()}))
    rows.append({"python": cell, "given": given, "outputs": outputs})
text = ",\n".join(json.dumps(row) for row in rows)
(ROOT / "test/golden/porting.json").write_text(f'{{"made_with": "torch {torch.__version__.split("+")[0]}", "rows": [\n{text}\n]}}\n')
print(len(rows), "rows")
