"""Writes test/golden/operator-names.json: the names of torch that timm and torchvision use most, with their counts.

Usage: python scripts/goldens/operator_names.py    (timm 1.0.29, torchvision 0.28; the file's `made_with` says which)

The sources of both packages are parsed, not run. A name is counted once for each place that uses it:

- `torch.x`, `torch.nn.functional.x`, `torch.linalg.x` …: every reference to a callable of torch, by the file's own
  imports. A name that torch exports from several modules counts under the shortest.
- `Tensor.x`: every call `value.x(…)` of a public method of Tensor, and every `value.x` of a public property, where
  `value` is not a module. The type of a value is unknown to a parser. So a name that Python's own types, pathlib or
  argparse have as well (`split`, `add`, `index`, …) is counted only where the call names the argument `dim`.
  `self.x` is a layer or an attribute of the class that is defined, and not counted.
- `Module.x`: the same for methods of Module that Tensor does not have.

Annotations of types are not uses. EXCLUDED lists what is no part of a library of tensors and networks, and why.
"""

import argparse
import ast
import importlib
import json
import pathlib
from collections import Counter

import timm
import torch
import torch.fft
import torch.nn.functional
import torch.utils.checkpoint
import torchvision

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNT = 310

# What is left out, by the beginning of the name, and why.
EXCLUDED = {
    "torch.jit": "compiler of Python source",
    "torch.fx": "tracer of Python source",
    "torch.compile": "compiler of Python source",
    "torch.compiler": "compiler of Python source",
    "torch.export": "tracer of Python source",
    "torch.onnx": "exporter of Python modules",
    "torch.ao": "quantisation of Python modules",
    "torch.quantization": "quantisation of Python modules",
    "torch.distributed": "several processes",
    "torch.nn.parallel": "several processes",
    "torch.hub": "downloads Python source",
    "torch.library": "registration of operators from Python",
    "torch.ops": "operators of extensions",
    "torch.classes": "classes of extensions",
    "torch.overrides": "protocol of Python's subclasses of Tensor",
    "torch.package": "archives of Python source",
    "torch.multiprocessing": "processes of Python",
    "torch.backends": "settings of kernels",
    "torch.utils.data": "loading of data, not tensors",
    "torch.utils.tensorboard": "logging, not tensors",
    "torch.utils.model_zoo": "downloads",
    "torch.testing": "tests of Python",
    "torch.profiler": "measurement of Python programs",
    "torch.mps": "devices that libtorch for Linux lacks",
    "torch.xpu": "devices that libtorch for Linux lacks",
    "torch.npu": "devices that libtorch for Linux lacks",
    "torch.nn.quantized": "quantisation of Python modules",
    "torch.device": "a description of values: mbconv has strings in its place",
    "torch.dtype": "a description of values: mbconv has strings in its place",
    "torch.Size": "a description of values: mbconv has arrays of numbers in its place",
    "Tensor.as_subclass": "protocol of Python's subclasses of Tensor",
    "Tensor.int_repr": "quantisation of Python modules",
    "Tensor.is_quantized": "quantisation of Python modules",
    "Tensor.q_scale": "quantisation of Python modules",
    "Tensor.q_zero_point": "quantisation of Python modules",
    "Tensor.resize": "deprecated by PyTorch; the calls are of Pillow's images",
    "Module.compile": "compiler of Python source",
}

PYTHON = {
    name
    for kind in (str, bytes, list, tuple, dict, set, frozenset, int, float, complex, pathlib.Path, argparse.ArgumentParser)
    for name in dir(kind)
}
TENSOR = {name for name in dir(torch.Tensor) if not name.startswith("_")}
TENSOR_METHODS = {name for name in TENSOR if callable(getattr(torch.Tensor, name))}
TENSOR_PROPERTIES = TENSOR - TENSOR_METHODS
MODULE_METHODS = {name for name in dir(torch.nn.Module) if not name.startswith("_")} - TENSOR


def resolve(dotted):
    """The object of a dotted name that begins with torch, or None."""
    parts = dotted.split(".")
    value = torch
    for i, part in enumerate(parts[1:], 1):
        if not hasattr(value, part):
            try:
                importlib.import_module(".".join(parts[: i + 1]))
            except ImportError:
                return None
        value = getattr(value, part, None)
    return value


SPACES = ["torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.linalg", "torch.fft", "torch.special",
          "torch.optim", "torch.optim.lr_scheduler", "torch.autograd", "torch.amp", "torch.cuda", "torch.random",
          "torch.utils.checkpoint", "torch.nn.utils", "torch.nn.utils.parametrizations"]
PUBLIC = {}
for space in SPACES:
    module = importlib.import_module(space)
    for name in dir(module):
        value = getattr(module, name)
        if not name.startswith("_") and callable(value):
            PUBLIC.setdefault(id(value), f"{space}.{name}")


def canonical(dotted):
    value = resolve(dotted)
    if value is None or not callable(value):
        return None
    return PUBLIC.get(id(value), dotted).replace("torch.Tensor.", "Tensor.").replace("torch.nn.Module.", "Module.")


def excluded(name):
    """Also what PyTorch marks as its own by an underscore."""
    begins = any(name == prefix or name.startswith(prefix + ".") for prefix in EXCLUDED)
    return begins or any(part.startswith("_") for part in name.split("."))


def is_self(node):
    return isinstance(node, ast.Name) and node.id == "self"


def is_super(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


class Uses(ast.NodeVisitor):
    def __init__(self, tree):
        self.aliases = {}  # local name -> dotted name of a module or an object
        self.found = Counter()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for item in node.names:
                    self.aliases[item.asname or item.name.split(".")[0]] = item.name if item.asname else item.name.split(".")[0]
            elif isinstance(node, ast.ImportFrom):
                for item in node.names:
                    module = node.module if node.level == 0 else "." + (node.module or "")
                    self.aliases[item.asname or item.name] = f"{module}.{item.name}"
        self.visit(tree)

    def dotted(self, node):
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return base and f"{base}.{node.attr}"
        return None

    def torch_name(self, node):
        dotted = self.dotted(node)
        return dotted if dotted and (dotted == "torch" or dotted.startswith("torch.")) else None

    def count(self, name):
        if name and not excluded(name):
            self.found[name] += 1

    def refer(self, dotted):
        if not excluded(dotted):
            self.count(canonical(dotted))

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and self.torch_name(node):
            self.refer(self.torch_name(node))

    def visit_Attribute(self, node):
        name = self.torch_name(node)
        if name:
            self.refer(name)
        elif self.dotted(node) is None:  # an attribute of a value
            if node.attr in TENSOR_PROPERTIES - PYTHON and not is_self(node.value):
                self.count(f"Tensor.{node.attr}")
            self.visit(node.value)

    def visit_Call(self, node):
        function = node.func
        if isinstance(function, ast.Attribute) and self.dotted(function) is None:
            by_dim = any(keyword.arg == "dim" for keyword in node.keywords)
            if function.attr not in PYTHON or by_dim:
                if function.attr in TENSOR_METHODS and not is_self(function.value):
                    self.count(f"Tensor.{function.attr}")
                elif function.attr in MODULE_METHODS and not is_super(function.value):
                    self.count(f"Module.{function.attr}")
        self.generic_visit(node)

    # What stands in annotations is not used.
    def visit_AnnAssign(self, node):
        if node.value:
            self.visit(node.value)

    def visit_arg(self, node):
        pass

    def function(self, node):
        for part in [*node.decorator_list, node.args, *node.body]:
            self.visit(part)

    visit_FunctionDef = visit_AsyncFunctionDef = function


counts = {}
for package in (timm, torchvision):
    total = counts[package.__name__] = Counter()
    folder = pathlib.Path(package.__file__).parent
    for file in sorted(folder.rglob("*.py")):
        total.update(Uses(ast.parse(file.read_text())).found)
both = counts["timm"] + counts["torchvision"]
most = sorted(both, key=lambda name: (-both[name], name))[:COUNT]

report = {
    "made_with": f"torch {torch.__version__.split('+')[0]}, timm {timm.__version__}, torchvision {torchvision.__version__.split('+')[0]}",
    "distinct": len(both),
    "excluded": EXCLUDED,
    "names": [[name, counts["timm"][name], counts["torchvision"][name]] for name in most],
}
rows = ",\n".join("    " + json.dumps(row) for row in report.pop("names"))
text = json.dumps(report, indent=2)[:-2] + ',\n  "names": [\n' + rows + "\n  ]\n}\n"
(ROOT / "test/golden/operator-names.json").write_text(text)
print(f"{len(both)} names, the last of the {COUNT} is used {both[most[-1]]} times")
