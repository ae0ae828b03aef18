"""Golden of torch.nn's layers and losses: parameters, initial values, text, outputs and gradients.

Usage: python scripts/goldens/layers.py   (torch; writes test/golden/layers.json)

Each case names a class, its arguments, and inputs that are made of whole numbers, so that both sides have the same
ones: element i of input j is ((7 i + 3 j) mod 11 - 5) / 4. test/layers.test.mjs builds the same layers.
"""

import json
import pathlib
import re

import torch
from torch import nn

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "layers.json"


def values(shape, number=0):
    count = 1
    for size in shape:
        count *= size
    return (((torch.arange(count) * 7 + number * 3) % 11 - 5) / 4).reshape(shape)


def camel(name):
    return re.sub(r"_(\w)", lambda m: m.group(1).upper(), name)


L, I, V = [2, 4, 6], [2, 4, 3, 4], [1, 2, 3, 4, 3]
SIGNS = {"signs": [3]}
# class, arguments, options, inputs: a shape, or {"classes": shape, "of": K}, {"signs": shape}, {"unit": shape},
# {"positive": shape}, {"lengths": numbers}
CASES = [
    ("Conv1d", [4, 6, 3], {}, [L]),
    ("Conv1d", [4, 6, 4], {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False}, [L]),
    ("Conv2d", [4, 6, 3], {}, [I]),
    ("Conv2d", [4, 6, [3, 5]], {"padding": [1, 2], "stride": [2, 1]}, [I]),
    ("Conv2d", [4, 4, [3, 1]], {"dilation": [2, 1], "groups": 4, "bias": False, "padding": 1}, [I]),
    ("Conv2d", [4, 2, 3], {"padding": "same", "dilation": 2}, [I]),
    ("Conv2d", [4, 2, 4], {"padding": "same"}, [I]),
    ("Conv2d", [4, 2, [2, 4]], {"padding": "same", "dilation": [1, 2]}, [I]),
    ("Conv2d", [4, 2, 3], {"padding": "valid"}, [I]),
    ("Conv2d", [4, 2, 3], {"padding": [1, 2], "padding_mode": "reflect"}, [I]),
    ("Conv2d", [4, 2, 3], {"padding": 1, "padding_mode": "replicate"}, [I]),
    ("Conv2d", [4, 2, 4], {"padding": "same", "padding_mode": "circular"}, [I]),
    ("Conv3d", [2, 4, [2, 3, 3]], {"padding": [0, 1, 1]}, [V]),
    ("ConvTranspose1d", [4, 2, 3], {"stride": 2, "output_padding": 1}, [L]),
    ("ConvTranspose2d", [4, 6, [2, 3]], {"stride": 2, "padding": [0, 1], "groups": 2}, [I]),
    ("ConvTranspose2d", [4, 2, 3], {"dilation": 2, "bias": False}, [I]),
    ("ConvTranspose3d", [2, 2, 2], {"stride": [1, 2, 2]}, [V]),
    ("Linear", [4, 5], {}, [I]),
    ("Linear", [7, 5], {"bias": False}, [[3, 7]]),
    ("Embedding", [5, 3], {}, [{"classes": [2, 4], "of": 5}]),
    ("Embedding", [5, 3], {"padding_idx": -2}, [{"classes": [2, 4], "of": 5}]),
    ("Identity", [], {}, [I]),
    ("Flatten", [], {}, [I]),
    ("Flatten", [], {"start_dim": 2, "end_dim": 3}, [I]),
    ("Unflatten", [1, [2, 2]], {}, [L]),
    ("BatchNorm1d", [4], {}, [L]),
    ("BatchNorm1d", [6], {"momentum": None}, [[4, 6]]),
    ("BatchNorm2d", [4], {"eps": 0.001, "momentum": 0.01}, [I]),
    ("BatchNorm2d", [4], {"affine": False}, [I]),
    ("BatchNorm2d", [4], {"track_running_stats": False}, [I]),
    ("BatchNorm3d", [2], {}, [V]),
    ("LayerNorm", [4], {}, [I]),
    ("LayerNorm", [[3, 4]], {"eps": 1e-06, "bias": False}, [I]),
    ("LayerNorm", [4], {"elementwise_affine": False}, [I]),
    ("GroupNorm", [2, 4], {}, [I]),
    ("GroupNorm", [4, 4], {"affine": False, "eps": 0.01}, [I]),
    ("InstanceNorm1d", [4], {}, [L]),
    ("InstanceNorm2d", [4], {"affine": True}, [I]),
    ("InstanceNorm3d", [2], {}, [V]),
    ("LocalResponseNorm", [3], {"alpha": 0.5, "k": 2.0}, [I]),
    ("MaxPool1d", [3], {}, [L]),
    ("MaxPool2d", [3], {"stride": 2, "padding": 1}, [I]),
    ("MaxPool2d", [[2, 3]], {"stride": [2, 1], "dilation": [2, 1], "ceil_mode": True}, [I]),
    ("MaxPool3d", [2], {}, [V]),
    ("AvgPool1d", [3], {"stride": 2}, [L]),
    ("AvgPool2d", [3], {"padding": 1, "count_include_pad": False}, [I]),
    ("AvgPool2d", [[2, 3]], {"stride": [1, 2], "ceil_mode": True}, [I]),
    ("AvgPool3d", [2], {}, [V]),
    ("AdaptiveAvgPool1d", [4], {}, [L]),
    ("AdaptiveAvgPool2d", [1], {}, [I]),
    ("AdaptiveAvgPool2d", [[None, 3]], {}, [I]),
    ("AdaptiveAvgPool3d", [[2, 2, 3]], {}, [V]),
    ("AdaptiveMaxPool1d", [4], {}, [L]),
    ("AdaptiveMaxPool2d", [[3, 2]], {}, [I]),
    ("AdaptiveMaxPool3d", [2], {}, [V]),
    *[(name, [0.25], {}, [shape]) for name, shape in
      [("Dropout", I), ("Dropout1d", L), ("Dropout2d", I), ("Dropout3d", V), ("AlphaDropout", I)]],
    *[(name, [], {}, [I]) for name in
      "ReLU ReLU6 SiLU Hardswish Hardsigmoid Sigmoid Tanh Mish SELU Softsign Tanhshrink LogSigmoid GELU LeakyReLU ELU "
      "CELU PReLU Softplus Hardtanh Hardshrink Softshrink".split()],
    ("ReLU", [], {"inplace": True}, [I]),
    ("SiLU", [], {"inplace": True}, [I]),
    ("GELU", [], {"approximate": "tanh"}, [I]),
    ("LeakyReLU", [0.2], {}, [I]),
    ("ELU", [0.5], {}, [I]),
    ("CELU", [0.5], {}, [I]),
    ("PReLU", [4], {"init": 0.1}, [I]),
    ("Softplus", [], {"beta": 2.0, "threshold": 1.5}, [I]),
    ("Threshold", [0.1, 20.0], {}, [I]),
    ("GLU", [1], {}, [I]),
    ("Softmax", [1], {}, [I]),
    ("Softmin", [-1], {}, [I]),
    ("LogSoftmax", [1], {}, [I]),
    *[(f"{kind}{d}d", [2], {}, [shape]) for kind in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad")
      for d, shape in ((1, L), (2, I), (3, [1, 1, 3, 4, 3]))],
    ("ZeroPad2d", [[1, 0, 2, -1]], {}, [I]),
    ("ConstantPad1d", [[1, 2], 0.5], {}, [L]),
    ("ConstantPad2d", [1, 3.5], {}, [I]),
    ("ConstantPad3d", [1, -1.0], {}, [V]),
    ("Upsample", [], {"scale_factor": 2.0}, [I]),
    ("Upsample", [], {"size": [5, 6], "mode": "bilinear", "align_corners": True}, [I]),
    ("PixelShuffle", [2], {}, [I]),
    ("PixelUnshuffle", [2], {}, [[1, 2, 4, 4]]),
    ("ChannelShuffle", [2], {}, [I]),
    *[(name, [], options, [[3, 4], [3, 4]]) for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")
      for options in ({}, {"reduction": "sum"}, {"reduction": "none"})],
    ("SmoothL1Loss", [], {"beta": 0.5}, [[3, 4], [3, 4]]),
    ("HuberLoss", [], {"delta": 0.5}, [[3, 4], [3, 4]]),
    ("CrossEntropyLoss", [], {}, [[3, 4], {"classes": [3], "of": 4}]),
    ("CrossEntropyLoss", [], {"weight": [0.5, 1.0, 2.0, 1.5], "ignore_index": 2, "label_smoothing": 0.1},
     [[3, 4], {"classes": [3], "of": 4}]),
    ("NLLLoss", [], {"weight": [0.5, 1.0, 2.0, 1.5], "ignore_index": 2}, [[3, 4], {"classes": [3], "of": 4}]),
    ("BCELoss", [], {"weight": [0.5, 1.0, 2.0, 1.5]}, [{"unit": [3, 4]}, {"unit": [3, 4]}]),
    ("BCEWithLogitsLoss", [], {}, [[3, 4], {"unit": [3, 4]}]),
    ("BCEWithLogitsLoss", [], {"weight": [1.0, 2.0, 1.0, 2.0], "pos_weight": [0.5, 1.0, 2.0, 1.5]},
     [[3, 4], {"unit": [3, 4]}]),
    ("KLDivLoss", [], {"reduction": "batchmean"}, [[3, 4], {"unit": [3, 4]}]),
    ("KLDivLoss", [], {"reduction": "sum", "log_target": True}, [[3, 4], [3, 4]]),
    ("CosineEmbeddingLoss", [], {"margin": 0.25}, [[3, 4], [3, 4], SIGNS]),
    ("MarginRankingLoss", [], {"margin": 0.5}, [[3], [3], SIGNS]),
    ("TripletMarginLoss", [], {"margin": 0.5, "swap": True}, [[3, 4], [3, 4], [3, 4]]),
    ("HingeEmbeddingLoss", [], {}, [[3], SIGNS]),
    ("SoftMarginLoss", [], {}, [[3], SIGNS]),
    ("MultiMarginLoss", [], {"p": 2, "margin": 0.75, "weight": [0.5, 1.0, 2.0, 1.5]},
     [[3, 4], {"classes": [3], "of": 4}]),
    ("PoissonNLLLoss", [], {}, [[3, 4], {"positive": [3, 4]}]),
    ("PoissonNLLLoss", [], {"log_input": False, "full": True}, [{"positive": [3, 4]}, {"positive": [3, 4]}]),
    ("CTCLoss", [], {"zero_infinity": True, "blank": 1},
     [[5, 2, 4], {"classes": [2, 2], "of": 2}, {"lengths": [5, 4]}, {"lengths": [2, 1]}]),
    ("GaussianNLLLoss", [], {"full": True}, [[3, 4], [3, 4], {"positive": [3, 4]}]),
]


def made(spec, number):
    if isinstance(spec, list):
        return values(spec, number).requires_grad_()
    if "classes" in spec:
        shape = spec["classes"]
        count = torch.Size(shape).numel()
        return ((torch.arange(count) * 3 + 1) % spec["of"]).reshape(shape)
    if "lengths" in spec:
        return tuple(spec["lengths"])
    if "signs" in spec:
        return torch.tensor([1.0, -1.0, 1.0])
    if "unit" in spec:
        return (values(spec["unit"], number) / 3 + 0.5).requires_grad_(number == 0)
    return (values(spec["positive"], number).abs() + 0.25).requires_grad_(number == 0)


def numbers(tensor):
    return [float(f"{value:.6g}") for value in tensor.detach().double().flatten().tolist()]


def argument(value):
    return tuple(value) if isinstance(value, list) and all(not isinstance(v, float) for v in value) else value


def case(name, args, options, inputs):
    given = {key: torch.tensor(value) if key in ("weight", "pos_weight") else argument(value) for key, value in options.items()}
    torch.manual_seed(5)
    layer = getattr(nn, name)(*[argument(arg) for arg in args], **given)
    entry = {
        "class": name,
        "args": args,
        "options": {camel(key): value for key, value in options.items()},
        "inputs": inputs,
        "text": str(layer),
        # The first elements of each entry: the same random numbers show in them.
        "state": {key: {"shape": list(t.shape), "first": numbers(t.flatten()[:4])} for key, t in layer.state_dict().items()},
    }
    tensors = [made(spec, number) for number, spec in enumerate(inputs)]
    torch.manual_seed(6)
    # A layer that works in place cannot change a leaf.
    output = layer(*[t * 1 if options.get("inplace") else t for t in tensors])
    entry["output"] = {"shape": list(output.shape), "values": numbers(output)}
    floats = [t for t in [*tensors, *layer.parameters()] if isinstance(t, torch.Tensor) and t.requires_grad]
    if output.requires_grad:
        upstream = values(list(output.shape), 4)
        grads = torch.autograd.grad(output, floats, upstream)
        entry["gradients"] = [numbers(g) for g in grads]
    entry["after"] = {key: numbers(b) for key, b in layer.named_buffers() if key.startswith(("running", "num"))}
    layer.eval()
    evaluated = numbers(layer(*[t.detach() * 1 if isinstance(t, torch.Tensor) else t for t in tensors]))
    if evaluated != entry["output"]["values"]:
        entry["evaluated"] = evaluated
    return entry


cases = [case(*each) for each in CASES]
lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in cases)
source = torch.__version__.split("+")[0]
OUT.write_text(f'{{"source":"torch {source}","cases":[\n{lines}\n]}}\n')
print(len(cases), OUT.stat().st_size)
