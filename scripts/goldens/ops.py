"""Writes test/golden/ops.json: operations with their gradients, computed by PyTorch.

Usage: python scripts/goldens/ops.py    (PyTorch 2.13, CPU; the file's `made_with` says which)

Every case holds its inputs, so that nothing depends on equal random numbers. Outputs and the gradients of all float
inputs (of the output's product with a fixed ramp) are given for float64; the test checks float32 against them too.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
CASES = []


def ramp(shape):
    """Distinct weights for the output's elements, so that gradients of different elements cannot cancel."""
    n = max(1, torch.Size(shape).numel())
    return (torch.arange(n, dtype=torch.float64) / n - 0.3).reshape(shape)


def numbers(tensor):
    return [round(float(v), 15) if tensor.is_floating_point() else int(v) for v in tensor.detach().flatten()]


def case(op, inputs, fn, **options):
    leaves = [t.clone().requires_grad_() if t.is_floating_point() else t.clone() for t in inputs]
    out = fn(*leaves)
    if out.requires_grad:
        (out * ramp(out.shape)).sum().backward()
    CASES.append({
        "op": op, "options": options,
        "inputs": [{"shape": list(t.shape), "data": numbers(t), "dtype": str(t.dtype)[6:]} for t in inputs],
        "output": {"shape": list(out.shape), "data": numbers(out)},
        "grads": [numbers(t.grad) if t.is_floating_point() and t.grad is not None else None for t in leaves],
    })


def r(*shape):
    return (torch.randn(*shape) * 1000).round() / 1000


for stride, padding, dilation, groups in [(1, 0, 1, 1), (2, 1, 1, 1), ([1, 2], [2, 0], [2, 1], 1), (2, 2, 1, 4)]:
    c, k = 4, 5 if groups == 4 else 3
    case("conv2d", [r(2, c, 7, 8), r(4, c // groups, k, k), r(4)],
         lambda x, w, b: F.conv2d(x, w, b, stride, padding, dilation, groups),
         stride=stride, padding=padding, dilation=dilation, groups=groups)
case("conv1d", [r(2, 4, 9), r(6, 2, 3), r(6)], lambda x, w, b: F.conv1d(x, w, b, 2, 1, 1, 2), stride=2, padding=1, groups=2)
case("conv3d", [r(1, 2, 4, 5, 3), r(3, 2, 2, 3, 2), r(3)], lambda x, w, b: F.conv3d(x, w, b, 1, [0, 1, 1]), padding=[0, 1, 1])
case("convTranspose1d", [r(2, 3, 5), r(3, 2, 4), r(2)], lambda x, w, b: F.conv_transpose1d(x, w, b, 2, 1, 1), stride=2, padding=1, outputPadding=1)
case("convTranspose2d", [r(2, 4, 3, 4), r(4, 3, 3, 3), r(6)],
     lambda x, w, b: F.conv_transpose2d(x, w, b, [2, 1], 1, 0, 2), stride=[2, 1], padding=1, groups=2)
case("convTranspose3d", [r(1, 2, 2, 3, 2), r(2, 2, 2, 2, 2), r(2)], lambda x, w, b: F.conv_transpose3d(x, w, b, 2), stride=2)
case("layerNorm", [r(3, 4, 5), r(4, 5), r(4, 5)], lambda x, w, b: F.layer_norm(x, (4, 5), w, b, 1e-3), shape=[4, 5], eps=1e-3)
case("groupNorm", [r(2, 6, 3, 3), r(6), r(6)], lambda x, w, b: F.group_norm(x, 3, w, b), groups=3)
case("instanceNorm", [r(2, 3, 3, 4), r(3), r(3)], lambda x, w, b: F.instance_norm(x, None, None, w, b))
case("linear", [r(3, 5), r(4, 5), r(4)], lambda x, w, b: F.linear(x, w, b))
mean, var = r(3), r(3).abs() + 0.5
for training in (True, False):
    case("batchNorm", [r(4, 3, 2, 5), r(3), r(3)],
         lambda x, w, b: F.batch_norm(x, mean.clone(), var.clone(), w, b, training, 0.01, 1e-3),
         runningMean=numbers(mean), runningVar=numbers(var), training=training, momentum=0.01, eps=1e-3)
for name, fn in [("silu", F.silu), ("relu", F.relu), ("relu6", F.relu6), ("sigmoid", torch.sigmoid),
                 ("hardswish", F.hardswish), ("hardsigmoid", F.hardsigmoid), ("tanh", torch.tanh), ("exp", torch.exp),
                 ("expm1", torch.expm1), ("neg", torch.neg), ("abs", torch.abs), ("square", torch.square), ("sin", torch.sin),
                 ("cos", torch.cos), ("erf", torch.erf), ("floor", torch.floor), ("ceil", torch.ceil), ("round", torch.round),
                 ("trunc", torch.trunc), ("sign", torch.sign)]:
    case(name, [r(3, 7) * 4], fn)
case("gelu", [r(3, 7)], F.gelu)
case("gelu", [r(3, 7)], lambda x: F.gelu(x, approximate="tanh"), approximate="tanh")
case("leakyRelu", [r(3, 7)], lambda x: F.leaky_relu(x, 0.2), slope=0.2)
case("elu", [r(3, 7)], lambda x: F.elu(x, 1.5), alpha=1.5)
case("softplus", [r(3, 7) * 4], lambda x: F.softplus(x, 2, 3), beta=2, threshold=3)
case("mish", [r(3, 7)], F.mish)
for name, fn in [("log", torch.log), ("log1p", torch.log1p), ("log2", torch.log2), ("sqrt", torch.sqrt), ("rsqrt", torch.rsqrt),
                 ("reciprocal", torch.reciprocal)]:
    case(name, [r(3, 7).abs() + 0.1], fn)
for name, fn in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("maximum", torch.maximum), ("minimum", torch.minimum)]:
    case(name, [r(2, 1, 4), r(3, 1)], fn)
for name, fn in [("div", torch.div), ("remainder", torch.remainder), ("pow", torch.pow)]:
    case(name, [r(2, 1, 4).abs() + 0.2, r(3, 1).abs() + 0.3], fn)
case("matmul", [r(2, 3, 4), r(4, 5)], torch.matmul)
case("matmul", [r(4), r(2, 4, 3)], torch.matmul)
case("einsum", [r(2, 3, 4), r(2, 4, 5)], lambda a, b: torch.einsum("bij,bjk->ki", a, b), equation="bij,bjk->ki")
case("bmm", [r(2, 3, 4), r(2, 4, 5)], torch.bmm)
case("addmm", [r(3, 5), r(3, 4), r(4, 5)], lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=2), beta=0.5, alpha=2)
case("outer", [r(3), r(4)], torch.outer)
case("dot", [r(4), r(4)], torch.dot)
spd = r(4, 4)
spd = spd @ spd.T + torch.eye(4)
case("inv", [spd], torch.linalg.inv)
case("det", [spd], torch.linalg.det)
case("solve", [spd, r(4, 2)], torch.linalg.solve)
case("cholesky", [spd], torch.linalg.cholesky)
case("qr.r", [r(4, 3)], lambda a: torch.linalg.qr(a)[1].abs())
case("svd.s", [r(4, 3)], lambda a: torch.linalg.svd(a, full_matrices=False)[1])
case("eigh.values", [spd], lambda a: torch.linalg.eigh(a)[0])
for name, fn in [("sum", torch.sum), ("mean", torch.mean), ("amax", torch.amax), ("amin", torch.amin)]:
    case(name, [r(3, 4, 2)], lambda x: fn(x, dim=(0, 2)), dim=[0, 2])
    case(name, [r(3, 4, 2)], lambda x: fn(x, dim=(-1,), keepdim=True), dim=-1, keepdim=True)
for correction in (0, 1):
    case("var", [r(3, 4)], lambda x: torch.var(x, dim=(1,), correction=correction), dim=1, correction=correction)
    case("std", [r(3, 4)], lambda x: torch.std(x, dim=(1,), correction=correction), dim=1, correction=correction)
case("prod", [r(3, 4)], lambda x: torch.prod(x, dim=0), dim=0)
case("norm", [r(3, 4)], lambda x: torch.norm(x, p=2, dim=[1]), dim=1)
case("logsumexp", [r(3, 4)], lambda x: torch.logsumexp(x, dim=1), dim=1)
case("cumsum", [r(3, 4)], lambda x: torch.cumsum(x, dim=1), dim=1)
case("softmax", [r(3, 4)], lambda x: torch.softmax(x, dim=1), dim=1)
case("logSoftmax", [r(3, 4)], lambda x: torch.log_softmax(x, dim=0), dim=0)
case("argmax", [r(3, 4)], lambda x: torch.argmax(x, dim=1), dim=1)
case("maxPool2d", [r(2, 3, 7, 6)], lambda x: F.max_pool2d(x, 3, 2, 1), kernel=3, stride=2, padding=1)
case("avgPool2d", [r(2, 3, 7, 6)], lambda x: F.avg_pool2d(x, 3, 2, 1), kernel=3, stride=2, padding=1)
case("adaptiveAvgPool2d", [r(2, 3, 7, 6)], lambda x: F.adaptive_avg_pool2d(x, (3, 2)), size=[3, 2])
for mode, antialias in [("nearest", False), ("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True)]:
    corners = {} if mode == "nearest" else {"align_corners": False, "antialias": antialias}
    case("interpolate", [r(1, 2, 4, 5)], lambda x: F.interpolate(x, (7, 3), mode=mode, **corners), size=[7, 3], mode=mode, antialias=antialias)
case("pixelShuffle", [r(1, 8, 2, 3)], lambda x: F.pixel_shuffle(x, 2), factor=2)
case("embedding", [r(5, 3), torch.tensor([[4, 0], [2, 2]])], lambda w, i: F.embedding(i, w))
for mode in ("constant", "reflect", "replicate", "circular"):
    extra = {"value": 1.5} if mode == "constant" else {}
    case("pad", [r(1, 2, 4, 5)], lambda x: F.pad(x, (1, 2, 0, 3), mode=mode, **extra), amounts=[1, 2, 0, 3], mode=mode, **extra)
labels = torch.tensor([1, 0, 4, 2])
for smoothing in (0.0, 0.1):
    for reduction in ("mean", "sum", "none"):
        case("crossEntropy", [r(4, 5), labels],
             lambda x, y: F.cross_entropy(x, y, reduction=reduction, label_smoothing=smoothing),
             reduction=reduction, labelSmoothing=smoothing)
case("nllLoss", [torch.log_softmax(r(4, 5), 1), labels], F.nll_loss)
unit = torch.sigmoid(r(3, 4))
case("binaryCrossEntropy", [torch.sigmoid(r(3, 4)), unit], lambda x, y: F.binary_cross_entropy(x, y.detach()), detach=True)
case("binaryCrossEntropyWithLogits", [r(3, 4) * 5, unit], lambda x, y: F.binary_cross_entropy_with_logits(x, y))
for name, fn in [("mseLoss", F.mse_loss), ("l1Loss", F.l1_loss)]:
    case(name, [r(3, 4), r(3, 4)], lambda x, y: fn(x, y, reduction="sum"), reduction="sum")
case("smoothL1Loss", [r(3, 4), r(3, 4)], lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), beta=0.5)
case("huberLoss", [r(3, 4), r(3, 4)], lambda x, y: F.huber_loss(x, y, delta=0.7), delta=0.7)
case("klDiv", [torch.log_softmax(r(3, 4), 1), torch.softmax(r(3, 4), 1)], lambda x, y: F.kl_div(x, y, reduction="batchmean"), reduction="batchmean")
case("crossEntropy", [r(4, 5), torch.softmax(r(4, 5), 1)], lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1),
     reduction="mean", labelSmoothing=0.1)
case("flip", [r(2, 3, 4)], lambda x: x.flip([0, 2]), dims=[0, 2])
case("roll", [r(2, 3, 4)], lambda x: x.roll([1, -1], [1, 2]), shifts=[1, -1], dims=[1, 2])
case("gather", [r(3, 4), torch.tensor([[0, 3], [1, 1], [2, 0]])], lambda x, i: x.gather(1, i), dim=1)
case("indexSelect", [r(3, 4), torch.tensor([2, 0, 2])], lambda x, i: x.index_select(1, i), dim=1)

path = pathlib.Path(__file__).parents[2] / "test" / "golden" / "ops.json"
made = {"made_with": f"PyTorch {torch.__version__}", "cases": CASES}
path.write_text('{"made_with": ' + json.dumps(made["made_with"]) + ', "cases": [\n'
                + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]}\n")
print(len(CASES), "cases,", path.stat().st_size, "bytes")
