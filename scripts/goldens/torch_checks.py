"""Golden of the checks that PyTorch makes in Python, which libtorch does not make for others.

Usage: python scripts/goldens/torch_checks.py   (torch; writes test/golden/torch-checks.json)

Every `raise` and `assert` of the files below is found in their source and must be accounted for: by bad inputs under
CASES, which are tried here (the exception must come from that very line) and refused by this package (the same calls are
in test/torch-checks.test.mjs), or by a reason why it does not apply.
"""

import ast
import json
import pathlib
import traceback
import warnings

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.nn.utils import clip_grad_norm_

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "torch-checks.json"
ROOT = pathlib.Path(torch.__file__).parent
FILES = [
    "nn/functional.py",
    *sorted(f"nn/modules/{path.name}" for path in (ROOT / "nn/modules").glob("*.py")),
    *("nn/init.py", "nn/utils/clip_grad.py", "amp/grad_scaler.py", "functional.py", "_tensor.py"),
    *sorted(f"optim/{path.name}" for path in (ROOT / "optim").glob("*.py")),
]
ones, ints = torch.ones, lambda *shape: torch.zeros(shape, dtype=torch.int64)


def image(*shape):
    return torch.ones(1, 1, *shape)


def leaf(*shape):
    return torch.ones(shape, requires_grad=True)


def scaled(*calls):
    """A gradient of a scaled loss, and calls of the scaler after it."""
    param = leaf(1)
    optimizer = optim.SGD([param], lr=1.0)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(param.sum()).backward()
    for call in calls:
        getattr(scaler, call)(*([] if call == "update" else [optimizer]))


def clipped():
    param = leaf(2)
    param.grad = torch.tensor([float("nan"), 1.0])
    clip_grad_norm_([param], 1.0, error_if_nonfinite=True)


def half():
    param = torch.ones(1, dtype=torch.float16, requires_grad=True)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(param.sum().float()).backward()
    scaler.unscale_(optim.SGD([param], lr=1.0))


def resized(mode, *shape, size=4, **options):
    return lambda: F.interpolate(ones(*shape), size, mode=mode, **options)


# Bad inputs, by what is wrong with them.
CASES = {
    "dropout: p": lambda: F.dropout(ones(2), 1.5),
    "alpha_dropout: p": lambda: F.alpha_dropout(ones(2), -0.5),
    "dropout1d: p": lambda: F.dropout1d(ones(2, 3), 2.0),
    "dropout1d: dimensions": lambda: F.dropout1d(ones(3)),
    "dropout2d: p": lambda: F.dropout2d(ones(2, 3, 4, 4), 2.0),
    "dropout3d: p": lambda: F.dropout3d(ones(2, 3, 4, 4, 4), -1.0),
    "embedding: paddingIdx": lambda: F.embedding(ints(2), ones(3, 2), padding_idx=3),
    "embedding: paddingIdx below 0": lambda: F.embedding(ints(2), ones(3, 2), padding_idx=-4),
    "glu: no dimensions": lambda: F.glu(torch.tensor(1.0)),
    "hardtanh: limits": lambda: F.hardtanh(ones(2), 2.0, 1.0),
    "batch_norm: one value a channel": lambda: F.batch_norm(ones(1, 2, 1, 1), ones(2), ones(2), training=True),
    "group_norm: one value": lambda: F.group_norm(ones(1, 2), 2),
    "batch_norm: eps when training": lambda: F.batch_norm(ones(3, 2), ones(2), ones(2), training=True, eps=0.0),
    "batch_norm: eps": lambda: F.batch_norm(ones(3, 2), ones(2), ones(2), eps=-1.0),
    "instance_norm: one value": lambda: F.instance_norm(ones(3, 2, 1, 1)),
    "group_norm: dimensions": lambda: F.group_norm(ones(3), 1),
    "local_response_norm: dimensions": lambda: F.local_response_norm(ones(2, 3), 2),
    "poisson_nll_loss: reduction": lambda: F.poisson_nll_loss(ones(2), ones(2), reduction="x"),
    "gaussian_nll_loss: negative variance": lambda: F.gaussian_nll_loss(ones(2), ones(2), -ones(2)),
    "gaussian_nll_loss: shape of the variance": lambda: F.gaussian_nll_loss(ones(2, 3), ones(2, 3), ones(3)),
    "gaussian_nll_loss: reduction": lambda: F.gaussian_nll_loss(ones(2), ones(2), ones(2), reduction="x"),
    "binary_cross_entropy: shapes": lambda: F.binary_cross_entropy(ones(2, 3), ones(3)),
    "binary_cross_entropy_with_logits: shapes": lambda: F.binary_cross_entropy_with_logits(ones(3), ones(2, 3)),
    "margin_ranking_loss: dimensions": lambda: F.margin_ranking_loss(ones(2), ones(2, 1), ones(2)),
    "multi_margin_loss: p": lambda: F.multi_margin_loss(ones(2, 3), ints(2), p=3),
    "multi_margin_loss: weight": lambda: F.multi_margin_loss(ones(2, 3), ints(2), weight=ones(3, 1)),
    "interpolate: alignCorners of nearest": resized("nearest", 1, 1, 2, 2, align_corners=True),
    "interpolate: size and factor": resized("bilinear", 1, 1, 2, 2, scale_factor=2.0),
    "interpolate: sizes": resized("bilinear", 1, 1, 2, 2, size=[4]),
    "interpolate: half a pixel": resized("bilinear", 1, 1, 2, 2, size=[2.5, 2]),
    "interpolate: factors": resized("bilinear", 1, 1, 2, 2, size=None, scale_factor=[2.0]),
    "interpolate: neither": resized("bilinear", 1, 1, 2, 2, size=None),
    "interpolate: antialias of nearest": resized("nearest", 1, 1, 2, 2, antialias=True),
    "interpolate: 3 for bilinear": resized("bilinear", 1, 1, 2),
    "interpolate: 3 for trilinear": resized("trilinear", 1, 1, 2),
    "interpolate: 4 for linear": resized("linear", 1, 1, 2, 2),
    "interpolate: 4 for trilinear": resized("trilinear", 1, 1, 2, 2),
    "interpolate: 5 for linear": resized("linear", 1, 1, 2, 2, 2),
    "interpolate: 5 for bilinear": resized("bilinear", 1, 1, 2, 2, 2),
    "interpolate: 2 dimensions": resized("bilinear", 1, 2, size=[]),
    "grid_sample: mode": lambda: F.grid_sample(image(2, 2), ones(1, 2, 2, 2), mode="x"),
    "grid_sample: padding": lambda: F.grid_sample(image(2, 2), ones(1, 2, 2, 2), padding_mode="x"),
    "affine_grid: dtype": lambda: F.affine_grid(ints(1, 2, 3), [1, 1, 2, 2]),
    "affine_grid: maps of the plane": lambda: F.affine_grid(ones(1, 3, 4), [1, 1, 2, 2]),
    "affine_grid: maps of space": lambda: F.affine_grid(ones(1, 2, 3), [1, 1, 2, 2, 2]),
    "affine_grid: dimensions": lambda: F.affine_grid(ones(1, 2, 3), [1, 1, 2]),
    "affine_grid: empty": lambda: F.affine_grid(ones(1, 2, 3), [1, 1, 0, 2]),
    "triplet_margin_loss: margin": lambda: F.triplet_margin_loss(ones(2, 3), ones(2, 3), ones(2, 3), margin=0.0),
    "BatchNorm2d: dimensions": lambda: nn.BatchNorm2d(2)(ones(3, 2)),
    "Conv2d: groups": lambda: nn.Conv2d(4, 4, 3, groups=0),
    "Conv2d: groups of inputs": lambda: nn.Conv2d(3, 4, 3, groups=2),
    "Conv2d: groups of outputs": lambda: nn.Conv2d(4, 3, 3, groups=2),
    "BatchNorm1d: dimensions": lambda: nn.BatchNorm1d(2)(ones(3, 2, 4, 4)),
    "BatchNorm3d: dimensions": lambda: nn.BatchNorm3d(2)(ones(3, 2, 4, 4)),
    "InstanceNorm1d: dimensions": lambda: nn.InstanceNorm1d(2)(ones(1, 2, 4, 4)),
    "InstanceNorm2d: dimensions": lambda: nn.InstanceNorm2d(2)(ones(2, 4)),
    "InstanceNorm2d: channels": lambda: nn.InstanceNorm2d(2, affine=True)(ones(1, 3, 4, 4)),
    "InstanceNorm3d: dimensions": lambda: nn.InstanceNorm3d(2)(ones(2, 4, 4)),
    "GroupNorm: groups": lambda: nn.GroupNorm(2, 3),
    "Hardtanh: limits": lambda: nn.Hardtanh(2.0, 1.0),
    "CircularPad1d: dimensions": lambda: nn.CircularPad1d(1)(ones(4)),
    "CircularPad2d: dimensions": lambda: nn.CircularPad2d(1)(ones(4, 4)),
    "CircularPad3d: dimensions": lambda: nn.CircularPad3d(1)(ones(4, 4, 4)),
    "Embedding: paddingIdx": lambda: nn.Embedding(3, 2, padding_idx=3),
    "Embedding: paddingIdx below 0": lambda: nn.Embedding(3, 2, padding_idx=-4),
    "Unflatten: a size": lambda: nn.Unflatten(1, (2, 2.5)),
    "Unflatten: no list": lambda: nn.Unflatten(1, 4),
    "HuberLoss: delta": lambda: nn.HuberLoss(delta="x"),
    "MultiMarginLoss: p": lambda: nn.MultiMarginLoss(p=3),
    "MultiMarginLoss: weight": lambda: nn.MultiMarginLoss(weight=ones(2, 2)),
    "TripletMarginLoss: margin": lambda: nn.TripletMarginLoss(margin=0.0),
    "Sequential.pop: position": lambda: nn.Sequential().pop(0),
    "Sequential.insert: no module": lambda: nn.Sequential().insert(0, 5),
    "Sequential.insert: position": lambda: nn.Sequential().insert(3, nn.ReLU()),
    "ModuleList.pop: position": lambda: nn.ModuleList().pop(0),
    "ModuleList.extend: no list": lambda: nn.ModuleList().extend(5),
    "ModuleDict.update: no pairs": lambda: nn.ModuleDict().update(5),
    "ModuleDict.update: no pair": lambda: nn.ModuleDict().update([5]),
    "ModuleDict.update: three": lambda: nn.ModuleDict().update([("a", nn.ReLU(), 1)]),
    "Module.registerBuffer: name": lambda: nn.ReLU().register_buffer(5, ones(1)),
    "Module.registerBuffer: dot": lambda: nn.ReLU().register_buffer("a.b", ones(1)),
    "Module.registerBuffer: empty": lambda: nn.ReLU().register_buffer("", ones(1)),
    "Module.registerBuffer: taken": lambda: nn.Linear(1, 1).register_buffer("weight", ones(1)),
    "Module.registerBuffer: no tensor": lambda: nn.ReLU().register_buffer("a", 5),
    "Module.registerParameter: name": lambda: nn.ReLU().register_parameter(5, leaf(1)),
    "Module.registerParameter: dot": lambda: nn.ReLU().register_parameter("a.b", leaf(1)),
    "Module.registerParameter: empty": lambda: nn.ReLU().register_parameter("", leaf(1)),
    "Module.registerParameter: taken": lambda: nn.ReLU().register_parameter("train", leaf(1)),
    "Module.registerParameter: no tensor": lambda: nn.ReLU().register_parameter("a", 5),
    "Module.registerModule: no module": lambda: nn.ReLU().add_module("a", 5),
    "Module.registerModule: name": lambda: nn.ReLU().add_module(5, nn.ReLU()),
    "Module.registerModule: taken": lambda: nn.ReLU().add_module("train", nn.ReLU()),
    "Module.registerModule: dot": lambda: nn.ReLU().add_module("a.b", nn.ReLU()),
    "Module.registerModule: empty": lambda: nn.ReLU().add_module("", nn.ReLU()),
    "Module.getSubmodule: none": lambda: nn.ReLU().get_submodule("a"),
    "Module.getSubmodule: a tensor": lambda: nn.Linear(1, 1).get_submodule("weight"),
    "Module.getParameter: none": lambda: nn.Linear(1, 1).get_parameter("wieght"),
    "Module.getParameter: a number": lambda: nn.Linear(1, 1).get_parameter("in_features"),
    "Module.getBuffer: none": lambda: nn.Linear(1, 1).get_buffer("wieght"),
    "Module.getBuffer: a parameter": lambda: nn.Linear(1, 1).get_buffer("weight"),
    "Module.weight = 5": lambda: setattr(nn.Linear(1, 1), "weight", 5),
    "Module.running_mean = 5": lambda: setattr(nn.BatchNorm2d(1), "running_mean", 5),
    "Conv2d: paddingMode": lambda: nn.Conv2d(4, 4, 3, padding_mode="x"),
    "Conv2d: padding": lambda: nn.Conv2d(4, 4, 3, padding="x"),
    "Dropout: p": lambda: nn.Dropout(1.5),
    "Module.to: dtype": lambda: nn.Linear(2, 2).to(torch.int64),
    "loadStateDict: no dictionary": lambda: nn.Linear(2, 2).load_state_dict(None),
    "loadStateDict: misfits": lambda: nn.Linear(2, 2).load_state_dict({"weight": ones(3, 2)}),
    "Module.train: mode": lambda: nn.Linear(2, 2).train("yes"),
    "calculate_gain: slope": lambda: nn.init.calculate_gain("leaky_relu", "x"),
    "calculate_gain: nonlinearity": lambda: nn.init.calculate_gain("x"),
    "eye_: dimensions": lambda: nn.init.eye_(ones(2, 2, 2)),
    "dirac_: dimensions": lambda: nn.init.dirac_(ones(2, 2)),
    "dirac_: groups": lambda: nn.init.dirac_(ones(3, 2, 1), groups=2),
    "xavier_uniform_: dimensions": lambda: nn.init.xavier_uniform_(ones(2)),
    "kaiming_uniform_: mode": lambda: nn.init.kaiming_uniform_(ones(2, 2), mode="x"),
    "orthogonal_: dimensions": lambda: nn.init.orthogonal_(ones(2)),
    "clip_grad_norm_: not finite": clipped,
    "GradScaler: growth": lambda: torch.amp.GradScaler("cpu", growth_factor=1.0),
    "GradScaler: backoff": lambda: torch.amp.GradScaler("cpu", backoff_factor=1.0),
    "GradScaler: nothing scaled": lambda: torch.amp.GradScaler("cpu").step(optim.SGD([leaf(1)], lr=1.0)),
    "GradScaler.scale: no tensor": lambda: torch.amp.GradScaler("cpu").scale(3),
    "GradScaler.unscale_: float16": half,
    "GradScaler.unscale_: twice": lambda: scaled("unscale_", "unscale_"),
    "GradScaler.unscale_: after step": lambda: scaled("step", "unscale_"),
    "GradScaler.step: twice": lambda: scaled("step", "step"),
    "GradScaler.step: no gradients": lambda: no_gradients(),
    "GradScaler.update: nothing checked": lambda: scaled("update"),
    "GradScaler.loadStateDict: empty": lambda: torch.amp.GradScaler("cpu").load_state_dict({}),
    "einsum: no operands": lambda: torch.einsum("i"),
    "tensordot: negative": lambda: torch.tensordot(ones(2), ones(2), dims=-1),
    "tensordot: too many": lambda: torch.tensordot(ones(2), ones(2), dims=2),
    "tensordot: no number": lambda: torch.tensordot(ones(2), ones(2), dims="x"),
    "unflatten: no sizes": lambda: ones(4).unflatten(0, []),
    "Optimizer: a tensor": lambda: optim.SGD(leaf(2), lr=1.0),
    "Optimizer: no parameters": lambda: optim.SGD([], lr=1.0),
    "Optimizer: names": lambda: optim.SGD([{"params": [("a", leaf(1)), leaf(1)]}], lr=1.0),
    "Optimizer: no tensor": lambda: optim.SGD([1], lr=1.0),
    "Optimizer: not a leaf": lambda: optim.SGD([leaf(1) * 2], lr=1.0),
    "Optimizer: twice": lambda: twice(),
    "Optimizer.loadStateDict: another size": lambda: other_state(),
    "SGD: lr": lambda: optim.SGD([leaf(1)], lr=-1.0),
    "SGD: momentum": lambda: optim.SGD([leaf(1)], lr=1.0, momentum=-0.1),
    "SGD: weightDecay": lambda: optim.SGD([leaf(1)], lr=1.0, weight_decay=-0.1),
    "SGD: nesterov": lambda: optim.SGD([leaf(1)], lr=1.0, nesterov=True),
    "AdamW: lr": lambda: optim.AdamW([leaf(1)], lr=-1.0),
    "AdamW: eps": lambda: optim.AdamW([leaf(1)], lr=1.0, eps=-1.0),
    "AdamW: first beta": lambda: optim.AdamW([leaf(1)], lr=1.0, betas=(1.0, 0.9)),
    "AdamW: second beta": lambda: optim.AdamW([leaf(1)], lr=1.0, betas=(0.9, -0.1)),
    "AdamW: weightDecay": lambda: optim.AdamW([leaf(1)], lr=1.0, weight_decay=-0.1),
    "RMSprop: lr": lambda: optim.RMSprop([leaf(1)], lr=-1.0),
    "RMSprop: eps": lambda: optim.RMSprop([leaf(1)], lr=1.0, eps=-1.0),
    "RMSprop: momentum": lambda: optim.RMSprop([leaf(1)], lr=1.0, momentum=-0.1),
    "RMSprop: weightDecay": lambda: optim.RMSprop([leaf(1)], lr=1.0, weight_decay=-0.1),
    "RMSprop: decay": lambda: optim.RMSprop([leaf(1)], lr=1.0, alpha=-0.1),
    "Ema: decay": lambda: optim.swa_utils.get_ema_avg_fn(1.5),
}


def no_gradients():
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(leaf(1).sum())
    scaler.step(optim.SGD([leaf(1)], lr=1.0))


def twice():
    param = leaf(1)
    optim.SGD([{"params": [param]}, {"params": [param]}], lr=1.0)


def other_state():
    one, two = (optim.SGD([leaf(1) for _ in range(n)], lr=1.0, momentum=0.9) for n in (1, 2))
    two.load_state_dict(one.state_dict())


INNER = "follows from a check before it"
FOREACH = "the choice of an implementation, which is made here"
TENSOR_RATE = "rates are numbers here"
OTHER_OPTIMISER = "no such optimiser"
ABSENT = "no such module"
ABSTRACT = "a class of which there are no instances"
PYTHON = "only Python has this operator"


def all_for(reason, names):
    return dict.fromkeys(names.split(), reason)


# By file: a reason for all its checks, or by function a reason for all of it or a list, None where there is a case. The
# function "" stands for all others.
REASONS = {
    "nn/functional.py": {
        **all_for("no such function", "fractional_max_pool2d_with_indices fractional_max_pool3d_with_indices"),
        **all_for("no such function", "_unpool_output_size feature_alpha_dropout embedding_bag linear_cross_entropy"),
        **all_for("no such function", "assert_int_or_pair"),
        **all_for("no such function", "multilabel_soft_margin_loss triplet_margin_with_distance_loss"),
        **all_for("no multi-head attention", "_in_projection _mha_shape_check _canonical_mask _none_or_dtype"),
        **all_for("no multi-head attention", "multi_head_attention_forward"),
        "embedding": [None, None],
        "gaussian_nll_loss": ["the variance is a tensor", None, None, None],
        **all_for("no weight of elements", "huber_loss l1_loss mse_loss"),
        "interpolate": [None, None, INNER, None, None, INNER, None, None, "no recomputed factor", INNER, None]
        + [INNER] * 8
        + ["no Lanczos"] * 2
        + [None] * 7,
    },
    "nn/modules/__init__.py": "of PyTorch's own lists",
    "nn/modules/activation.py": {"Hardtanh.__init__": [None], "": "no multi-head attention, no Softmax2d"},
    "nn/modules/adaptive.py": ABSENT,
    "nn/modules/batchnorm.py": {
        **dict.fromkeys([f"BatchNorm{d}d._check_input_dim" for d in (1, 2, 3)], [None]),
        "_NormBase._check_input_dim": ABSTRACT,
        "": ABSENT,
    },
    "nn/modules/container.py": {
        "Sequential._get_item_by_idx": [None],
        "Sequential.insert": [None, None],
        "ModuleList._get_abs_string_index": [None],
        "ModuleList.extend": [None],
        "ModuleDict.update": [None, None, None],
        **all_for(PYTHON, "Sequential.__add__ Sequential.__iadd__ Sequential.__mul__ Sequential.__imul__"),
        "": ABSENT,
    },
    "nn/modules/conv.py": {
        "_ConvNd.__init__": [None, None, None, None, "padding 'same' is TensorFlow's, with strides", None],
        "": "transposed convolutions have neither padding modes nor output sizes; no lazy ones",
    },
    "nn/modules/module.py": {
        "Module.to": [None],
        "Module.train": [None],
        "Module.load_state_dict": [None, None],
        "Module.register_buffer": ["no scripts", INNER, None, None, None, None, None],
        "Module.register_parameter": [INNER, None, None, None, None, None, "tensors are parameters once registered"],
        "Module.add_module": [None, None, None, None, None],
        "Module.get_submodule": [None, None],
        "Module.get_parameter": [None, None],
        "Module.get_buffer": [None, None],
        "Module.__setattr__": [INNER, None, INNER, "children are plain properties", None, INNER],
        "Module._call_impl.inner": "hooks get no keyword arguments",
        "": "deprecated and global hooks, hooks of state dicts, Python's protocols",
    },
    "nn/modules/flatten.py": {"Unflatten._require_tuple_int": [None, None]},
    "nn/modules/instancenorm.py": {
        **dict.fromkeys([f"InstanceNorm{d}d._check_input_dim" for d in (1, 2, 3)], [None]),
        "_InstanceNorm.forward": [None],
        **all_for(ABSTRACT, "_InstanceNorm._check_input_dim _InstanceNorm._get_no_batch_dim"),
        "": ABSENT,
    },
    "nn/modules/loss.py": {
        "HuberLoss.__init__": [None],
        "MultiMarginLoss.__init__": [None, None],
        "TripletMarginLoss.__init__": [None],
        "": ABSENT,
    },
    "nn/modules/normalization.py": {"GroupNorm.__init__": [None]},
    "nn/modules/padding.py": {
        **dict.fromkeys([f"CircularPad{d}d._check_input_dim" for d in (1, 2, 3)], [None]),
        "": ABSTRACT,
    },
    "nn/modules/sparse.py": {
        "Embedding.__init__": [None, None, "no table is given"],
        "": "no EmbeddingBag, no tables of others",
    },
    **{f"nn/modules/{name}.py": ABSENT for name in "lazy linear pooling".split()},
    **{f"nn/modules/linear_cross_entropy{end}.py": "no such loss" for end in ("", "_options")},
    "nn/modules/rnn.py": "no recurrent networks",
    "nn/modules/transformer.py": "no transformers",
    "nn/modules/_functions.py": "neither batch norm over processes nor its own LRN",
    "nn/modules/utils.py": "adaptive pooling takes all sizes here",
    "nn/init.py": {"sparse_": "no such function"},
    "nn/utils/clip_grad.py": {
        "_get_total_norm": [FOREACH, None],
        "_clip_grads_with_norm_": FOREACH,
        "clip_grad_value_": "no such function",
    },
    "amp/grad_scaler.py": {
        "GradScaler._check_scale_growth_tracker": [None, INNER],
        "GradScaler._lazy_init_scale_growth_tracker": INNER,
        "GradScaler.scale": INNER,
        "GradScaler.scale.apply_scale": [INNER, None],
        "GradScaler._unscale_grads_": [INNER, None],
        "GradScaler.unscale_": [None, None, INNER],
        "GradScaler.step": ["no closures", None, INNER, None],
        "GradScaler.update": [INNER, *["a new scale is a number"] * 3, None],
        "GradScaler.__getstate__": "states are plain objects here",
    },
    "functional.py": {
        "einsum.parse_subscript": "equations only",
        "tensordot": [None, *["dims is a number or two lists"] * 2, None, None],
        "": "no such option or function",
    },
    "_tensor.py": {"Tensor.unflatten": [None], "": "Python's protocols, hooks and sparse tensors"},
    "optim/optimizer.py": {
        "Optimizer.__init__": [None, None],
        "Optimizer.load_state_dict": ["state is kept by parameter", None],
        "Optimizer.add_param_group": [
            *("a group is an object", "sets are no lists", None, None, None),
            *("the constructor asks for what has no default", "each group has its own names", None),
        ],
        "": "hooks, fused steps and graphs of PyTorch's optimisers",
    },
    "optim/sgd.py": {"SGD.__init__": [TENSOR_RATE, None, None, None, None, FOREACH, FOREACH], "": FOREACH},
    "optim/adam.py": {
        "Adam.__init__": [TENSOR_RATE, TENSOR_RATE, None, None, None, None, None, *[TENSOR_RATE] * 5, FOREACH, FOREACH],
        "": FOREACH,
    },
    "optim/rmsprop.py": {"RMSprop.__init__": [TENSOR_RATE, *[None] * 5], "": FOREACH},
    "optim/swa_utils.py": {
        "get_ema_multi_avg_fn": INNER,
        "get_ema_avg_fn": [None],
        "": "averages are exponential here",
    },
    "optim/lr_scheduler.py": "schedules are functions of the step here",
}
for other in FILES:
    if other.startswith("optim/"):
        REASONS.setdefault(other, OTHER_OPTIMISER)


def checks_of(file):
    """[function, line, what is raised] of every check of a file, in order."""
    found = []

    def visit(node, names):
        for child in ast.iter_child_nodes(node):
            inner = [*names, child.name] if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else names
            if isinstance(child, ast.Assert) or (isinstance(child, ast.Raise) and child.exc is not None):
                raised = ast.unparse(child.exc if isinstance(child, ast.Raise) else child)
                found.append([".".join(inner), child.lineno, child.end_lineno, raised])
            visit(child, inner)

    visit(ast.parse((ROOT / file).read_text()), [])
    return found


def tried(call):
    """What torch raises, and the file and line of PyTorch's that did."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except Exception as error:  # noqa: BLE001 whatever it is, it is recorded
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return {"error": type(error).__name__, "at": (frame.filename, frame.lineno)}
    raise AssertionError("torch takes this")


def shortened(entries):
    """A function none of whose checks applies is one entry: how many there are, and why."""
    whole = isinstance(entries[0], str) and all(entry == entries[0] for entry in entries)
    return {"checks": len(entries), "why": entries[0]} if whole else entries


raised = {name: tried(call) for name, call in CASES.items()}
files, faults, accounted = {}, [], set()
for file in FILES:
    rows, seen, reasons = {}, {}, REASONS.get(file, {})
    for function, first, last, what in checks_of(file):
        order = seen[function] = seen.get(function, -1) + 1
        names = [n for n, r in raised.items() if r["at"][0] == str(ROOT / file) and first <= r["at"][1] <= last]
        given = reasons if isinstance(reasons, str) else reasons.get(function, reasons.get("") if not names else None)
        reason = given[order] if isinstance(given, list) else given
        if bool(names) == bool(reason):
            faults.append(f"{file} {function} {order} {what}: cases {names}, reason {reason}")
        accounted.update(names)
        entry = {"raises": what[:90], "cases": names} if names else reason
        rows.setdefault(function, []).append(entry)
    files[file] = {name: shortened(entries) for name, entries in rows.items()}
if faults:
    raise AssertionError("\n".join(faults))
stray = {name: result for name, result in raised.items() if name not in accounted}
if stray:
    raise AssertionError(f"not at a check: {stray}")
lines = []
for file, rows in files.items():
    inner = ",\n".join(f"   {json.dumps(name)}: {json.dumps(entries)}" for name, entries in rows.items())
    if rows:
        lines.append(f"  {json.dumps(file)}: {{\n{inner}\n  }}")
cases = ",\n".join(f"  {json.dumps(name)}: {json.dumps(result['error'])}" for name, result in raised.items())
body = ",\n".join(lines)
source = torch.__version__.split("+")[0]
OUT.write_text(f'{{\n "source": "torch {source}",\n "cases": {{\n{cases}\n }},\n "files": {{\n{body}\n }}\n}}\n')
