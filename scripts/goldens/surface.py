"""Writes test/golden/surface.json: calls of the typed operations, with their gradients, computed by PyTorch.

Usage: python scripts/goldens/surface.py    (PyTorch 2.13, CPU; the file's `made_with` says which)

ops.py has the operations that networks are made of; this has the rest, and everyday.py what came later.
The cases are described in cases.py. Cases with a seed draw random numbers: those are
made in the dtype given and must come out the same after manualSeed; those with gradients are in float64.
"""
import torch
import torch.nn.functional as F

from cases import INF, NAN, case, ints, r, write

# --- element by element -------------------------------------------------------------------------------------------------
unit = lambda *shape: (torch.rand(*shape) * 1.6 - 0.8).mul(1000).round() / 1000
for name in "tan asin acos atan sinh cosh asinh atanh erfc erfinv exp2 frac".split():
    case(f"t.{name}", [unit(5)], getattr(torch, name))
for name in "acosh lgamma digamma log10".split():
    case(f"t.{name}", [unit(5) + 2], getattr(torch, name))
case("t.logit", [unit(4).abs()], torch.logit)
case("t.logit", [ints(-1, 0, 2) / 2, {"eps": 0.1}], lambda x: torch.logit(x, 0.1))
special = torch.tensor([1.5, NAN, INF, -INF])
case("t.isinf", [special], torch.isinf)
case("t.nanToNum", [special, {"nan": 7, "posinf": 8, "neginf": -9}], lambda x: torch.nan_to_num(x, 7, 8, -9))
case("t.nanToNum_", [special, {"nan": 7, "posinf": 8, "neginf": -9}], lambda x: x.clone().nan_to_num_(7, 8, -9))
# Numbers, not tensors, whose gradients libtorch would compute in float32 if let.
case("t.pow", [r(5).abs(), 0.3], lambda x: x.pow(0.3))
case("t.pow_", [r(5).abs(), 0.3], lambda x: x.clone().pow_(0.3))
case("t.atan2", [r(5), 0.3], lambda x: torch.atan2(x, torch.tensor(0.3)))
case("t.hypot", [r(5), 0.3], lambda x: torch.hypot(x, torch.tensor(0.3)))
case("t.logaddexp", [r(5), 0.3], lambda x: torch.logaddexp(x, torch.tensor(0.3)))
case("t.xlogy", [r(5), 0.3], lambda x: torch.xlogy(x, 0.3))
case("t.div", [r(5), 0.3], lambda x: x.div(0.3))
case("t.remainder", [r(5), 0.3], lambda x: x.remainder(0.3))
case("t.maximum", [r(5), 0.3], lambda x: torch.maximum(x, torch.tensor(0.3)))
for name in "atan2 hypot copysign logaddexp fmod".split():
    case(f"t.{name}", [r(2, 1), r(1, 3)], getattr(torch, name))
case("t.xlogy", [r(3), r(3).abs()], torch.xlogy)
case("t.clampMin", [r(5), 0.2], lambda x: torch.clamp_min(x, 0.2))
case("t.clampMax", [r(5), r(5)], torch.clamp_max)
for name in ("addcmul", "addcdiv"):
    values = [r(2, 3), r(3), r(2, 1) + 3]
    case(f"t.{name}", [*values, {"value": 0.5}], lambda x, a, b: getattr(torch, name)(x, a, b, value=0.5))
    case(f"t.{name}_", [*values, {"value": 0.5}], lambda x, a, b: getattr(x.clone(), name + "_")(a, b, value=0.5))
case("t.lerp", [r(4), r(4), 0.3], lambda x, y: torch.lerp(x, y, 0.3))
case("t.lerp", [r(4), r(4), r(4)], torch.lerp)
case("t.lerp_", [r(4), r(4), r(4)], lambda x, y, w: x.clone().lerp_(y, w))
case("t.bitwiseNot", [ints(1, -5, 12)], torch.bitwise_not)
for js, name in [("And", "and"), ("Or", "or"), ("Xor", "xor"), ("LeftShift", "left_shift"), ("RightShift", "right_shift")]:
    case(f"t.bitwise{js}", [ints(1, -5, 12), ints(3, 2, 1)], getattr(torch, f"bitwise_{name}"))
for name in "and or xor".split():
    case(f"t.bitwise{name.capitalize()}_", [ints(1, -5, 12), ints(3, 2, 1)], lambda x, y: getattr(x.clone(), f"bitwise_{name}_")(y))
case("t.isin", [ints(1, 5, 2), ints(2, 1)], torch.isin)
positive = r(2, 3).abs() + 0.2
for name in "neg abs exp log sqrt rsqrt square reciprocal sigmoid tanh sin cos floor ceil trunc round relu".split():
    case(f"t.{name}_", [positive], lambda x: getattr(x.clone(), name + "_")())
case("t.silu_", [r(3)], lambda x: F.silu(x.clone(), inplace=True))
case("t.erfinv_", [unit(3)], lambda x: x.clone().erfinv_())
case("t.pow_", [positive, 2.5], lambda x: x.clone().pow_(2.5))
case("t.remainder_", [r(3), 0.7], lambda x: x.clone().remainder_(0.7))
case("t.floorDivide_", [r(3) * 3, 0.7], lambda x: x.detach().clone().floor_divide_(0.7))
case("t.logicalAnd_", [ints(0, 1, 1), ints(1, 0, 1)], lambda x, y: x.clone().logical_and_(y))
case("t.logicalOr_", [ints(0, 1, 0), ints(1, 0, 0)], lambda x, y: x.clone().logical_or_(y))
case("t.tril_", [r(3, 3), -1], lambda x: x.clone().tril_(-1))
case("t.triu_", [r(3, 3), 1], lambda x: x.clone().triu_(1))
case("t.fillDiagonal_", [r(3, 3), 4], lambda x: x.clone().fill_diagonal_(4))

for name in "eq ne lt le gt ge".split():
    case(f"t.{name}", [ints(1, 2, 3), ints(3, 2, 1)], getattr(torch, name))
for js, name in [("And", "and"), ("Or", "or"), ("Xor", "xor")]:
    case(f"t.logical{js}", [ints(0, 1, 1), ints(1, 0, 1)], getattr(torch, f"logical_{name}"))
case("t.logicalNot", [ints(0, 3)], torch.logical_not)
for name in "isnan isfinite".split():
    case(f"t.{name}", [special], getattr(torch, name))
case("t.floorDivide", [ints(-7, 7), 2], lambda x: torch.floor_divide(x, 2))
case("t.clamp", [r(5), {"min": -0.4, "max": 0.5}], lambda x: x.clamp(-0.4, 0.5))

# --- reductions -----------------------------------------------------------------------------------------------------------
holes = torch.tensor([[1.0, NAN, 3.0], [NAN, 0.5, 2.5]])
case("t.nansum", [holes, {"dim": 1}], lambda x: torch.nansum(x, 1))
case("t.nanmean", [holes, {"dim": 0, "keepdim": True}], lambda x: torch.nanmean(x, 0, keepdim=True))
case("t.varMean", [r(3, 4), {"dim": 1, "correction": 0}], lambda x: torch.var_mean(x, 1, correction=0))
case("t.stdMean", [r(3, 4)], torch.std_mean)
case("t.aminmax", [r(3, 4), {"dim": 1}], lambda x: torch.aminmax(x, dim=1))
for name in "max min median".split():
    case(f"t.{name}", [r(3, 4)], getattr(torch, name))
    case(f"t.{name}", [r(3, 4), {"dim": -1, "keepdim": True}], lambda x: getattr(torch, name)(x, -1, keepdim=True))
case("t.nanmedian", [holes], torch.nanmedian)
case("t.nanmedian", [holes, {"dim": 1}], lambda x: torch.nanmedian(x, 1))
case("t.mode", [torch.tensor([[1.0, 2, 2], [3, 1, 1]])], torch.mode)
case("t.kthvalue", [r(3, 4), 2, {"dim": 1}], lambda x: torch.kthvalue(x, 2, 1))
case("t.quantile", [r(3, 4), 0.3], lambda x: torch.quantile(x, 0.3))
case("t.quantile", [r(3, 4), torch.tensor([0.1, 0.8]), {"dim": 1, "interpolation": "midpoint"}],
     lambda x, q: torch.quantile(x, q.detach(), 1, interpolation="midpoint"))
case("t.nanquantile", [holes, 0.4, {"dim": 1}], lambda x: torch.nanquantile(x, 0.4, 1))
case("t.argmin", [r(3, 4), {"dim": 0}], lambda x: x.argmin(0))
case("t.topk", [r(3, 4), 2, {"dim": 0, "largest": False}], lambda x: x.topk(2, 0, False))
for name in ("all", "any"):
    case(f"t.{name}", [torch.tensor([[0, 1], [1, 1]]), {"dim": 1}], lambda x: getattr(torch, name)(x, 1))
case("t.countNonzero", [ints(0, 3, 0, 1)], torch.count_nonzero)
case("t.countNonzero", [torch.tensor([[0, 1], [1, 1]]), {"dim": 0}], lambda x: torch.count_nonzero(x, 0))
case("t.trace", [r(3, 3)], torch.trace)
for name in "cumprod cummax cummin logcumsumexp".split():
    case(f"t.{name}", [r(2, 4), 1], lambda x: getattr(torch, name)(x, 1))
case("t.diff", [r(2, 4), {"n": 2}], lambda x: torch.diff(x, 2))
case("t.diff", [r(2, 3), {"dim": 0, "prepend": r(1, 3), "append": r(1, 3)}], lambda x, a, b: torch.diff(x, dim=0, prepend=a, append=b))
case("t.sort", [ints(2, 1, 2, 1), {"stable": True}], lambda x: torch.sort(x, stable=True))
case("t.unique", [ints(3, 1, 3, 2)], torch.unique)
case("t.unique", [ints(3, 1, 3, 2), {"inverse": True, "counts": True}], lambda x: torch.unique(x, return_inverse=True, return_counts=True))
case("t.unique", [torch.tensor([[1, 2], [0, 1], [1, 2]]), {"counts": True, "dim": 0}],
     lambda x: torch.unique(x, return_counts=True, dim=0))
case("t.uniqueConsecutive", [ints(1, 1, 2, 1), {"inverse": True, "counts": True}],
     lambda x: torch.unique_consecutive(x, return_inverse=True, return_counts=True))
case("mb.searchsorted", [ints(1, 3, 5), ints(3, 0, 9)], torch.searchsorted)
case("mb.searchsorted", [ints(1, 3, 5), ints(3, 0, 9), {"right": True}], lambda s, v: torch.searchsorted(s, v, right=True))
case("t.bucketize", [ints(3, 0, 9), ints(1, 3, 5), {"right": True}], lambda x, b: torch.bucketize(x, b, right=True))
case("t.histc", [r(20), {"bins": 4, "min": -1, "max": 1}], lambda x: torch.histc(x.detach(), 4, -1, 1))
case("t.bincount", [ints(0, 2, 2), {"weights": r(3), "minLength": 4}], lambda x, w: torch.bincount(x, w.detach(), 4))

# --- shapes and indices ---------------------------------------------------------------------------------------------------
case("t.movedim", [r(2, 3, 4), 0, 2], lambda x: x.movedim(0, 2))
case("t.movedim", [r(2, 3, 4), [0, 1], [1, 2]], lambda x: x.movedim((0, 1), (1, 2)))
case("t.unflatten", [r(2, 6), 1, [2, -1]], lambda x: x.unflatten(1, (2, -1)))
case("t.broadcastTo", [r(2, 1), [3, 2, 2]], lambda x: x.broadcast_to((3, 2, 2)))
case("t.rot90", [r(2, 3), 3, [0, 1]], lambda x: x.rot90(3, (0, 1)))
case("t.tile", [r(2, 2), [2]], lambda x: x.tile((2,)))
case("t.repeatInterleave", [r(2, 2), 2, {"dim": 1}], lambda x: x.repeat_interleave(2, dim=1))
case("t.repeatInterleave", [r(3), ints(2, 0, 1)], lambda x, n: x.repeat_interleave(n))
case("t.unfold", [r(2, 7), 1, 3, 2], lambda x: x.unfold(1, 3, 2))
case("t.diagonal", [r(3, 4), {"offset": 1}], lambda x: x.diagonal(1))
case("t.diag", [r(3), -1], lambda x: x.diag(-1))
case("t.diagEmbed", [r(2, 2), {"offset": 1}], lambda x: x.diag_embed(1))
case("t.tensorSplit", [r(5, 2), 3], lambda x: x.tensor_split(3))
case("t.tensorSplit", [r(5, 2), [1, 4]], lambda x: x.tensor_split((1, 4)))
case("t.nonzero", [ints(0, 3, 0, 1)], torch.nonzero)
case("t.maskedFill", [r(2, 2), torch.tensor([True, False]), 3], lambda x, m: x.masked_fill(m, 3))
case("t.maskedSelect", [r(2, 2), torch.tensor([True, False])], torch.masked_select)
case("t.take", [r(2, 3), ints(5, 0)], torch.take)
case("t.takeAlongDim", [r(2, 3), torch.tensor([[2], [0]]), {"dim": 1}], lambda x, i: torch.take_along_dim(x, i, 1))
where = torch.tensor([[0, 2], [1, 1]])
case("t.scatter_", [r(2, 3), 1, where, r(2, 2)], lambda x, i, s: x.clone().scatter_(1, i, s))
case("t.scatter_", [r(2, 3), 1, where, 9], lambda x, i: x.clone().scatter_(1, i, 9))
case("t.scatterAdd", [r(2, 3), 1, where, r(2, 2)], lambda x, i, s: x.scatter_add(1, i, s))
case("t.scatterAdd_", [r(2, 3), 1, where, r(2, 2)], lambda x, i, s: x.clone().scatter_add_(1, i, s))
for reduce in "sum prod mean amax amin".split():
    case("t.scatterReduce", [r(2, 3), 1, where, r(2, 2), {"reduce": reduce}], lambda x, i, s: x.scatter_reduce(1, i, s, reduce))
case("t.scatterReduce_", [r(2, 3), 1, where, r(2, 2), {"reduce": "mean", "includeSelf": False}],
     lambda x, i, s: x.clone().scatter_reduce_(1, i, s, "mean", include_self=False))
case("t.indexAdd", [r(3, 2), 0, ints(2, 0, 2), r(3, 2), {"alpha": 2}], lambda x, i, s: x.index_add(0, i, s, alpha=2))
case("t.indexAdd_", [r(3, 2), 0, ints(2, 0, 2), r(3, 2)], lambda x, i, s: x.clone().index_add_(0, i, s))
case("t.indexCopy", [r(3, 2), 0, ints(2, 0), r(2, 2)], lambda x, i, s: x.index_copy(0, i, s))
case("t.indexCopy_", [r(3, 2), 0, ints(2, 0), r(2, 2)], lambda x, i, s: x.clone().index_copy_(0, i, s))
case("t.indexFill", [r(3, 2), 1, ints(1), 5], lambda x, i: x.index_fill(1, i, 5))
case("t.indexFill_", [r(3, 2), 1, ints(1), 5], lambda x, i: x.clone().index_fill_(1, i, 5))
mask = torch.tensor([[True, False], [True, True]])
case("t.maskedFill_", [r(2, 2), mask, -2], lambda x, m: x.clone().masked_fill_(m, -2))
case("t.maskedScatter", [r(2, 2), mask, r(4)], lambda x, m, s: x.masked_scatter(m, s))
case("t.maskedScatter_", [r(2, 2), mask, r(4)], lambda x, m, s: x.clone().masked_scatter_(m, s))
for name in "hstack vstack dstack".split():
    case(f"mb.{name}", [[r(2, 2), r(2, 2)]], lambda *x: getattr(torch, name)(x))
case("mb.blockDiag", [[r(1, 2), r(2, 1)]], torch.block_diag)
case("mb.cartesianProd", [[r(2), r(3)]], torch.cartesian_prod)
case("mb.meshgrid", [[r(2), r(3)]], lambda a, b: torch.meshgrid(a, b, indexing="ij"))
case("mb.meshgrid", [[r(2), r(3)], {"indexing": "xy"}], lambda a, b: torch.meshgrid(a, b, indexing="xy"))
case("mb.broadcastTensors", [[r(2, 1), r(3)]], torch.broadcast_tensors)

# --- linear algebra ---------------------------------------------------------------------------------------------------------
case("t.bmm", [r(2, 2, 3), r(2, 3, 2)], torch.bmm)
case("t.mv", [r(2, 3), r(3)], torch.mv)
case("linalg.mv", [r(2, 3), r(3)], torch.mv)
case("t.dot", [r(3), r(3)], torch.dot)
case("t.outer", [r(2), r(3)], torch.outer)
case("linalg.kron", [r(2, 2), r(1, 3)], torch.kron)
case("linalg.baddbmm", [r(2, 2, 2), r(2, 2, 3), r(2, 3, 2), {"beta": 0.5, "alpha": 2}],
     lambda c, a, b: torch.baddbmm(c, a, b, beta=0.5, alpha=2))
case("linalg.multiDot", [[r(2, 3), r(3, 4), r(4, 2)]], lambda *m: torch.linalg.multi_dot(m))
case("linalg.tensordot", [r(2, 3, 4), r(3, 4, 2)], torch.tensordot)
case("linalg.tensordot", [r(2, 3), r(3, 2), {"dims": [[0], [1]]}], lambda a, b: torch.tensordot(a, b, ([0], [1])))
case("linalg.cross", [r(2, 3), r(2, 3)], torch.linalg.cross)
case("linalg.cdist", [r(3, 2), r(4, 2)], torch.cdist)
case("linalg.cdist", [r(3, 2), r(4, 2), {"p": 1}], lambda a, b: torch.cdist(a, b, 1))
case("linalg.vectorNorm", [r(2, 3), {"ord": 3, "dim": 1}], lambda a: torch.linalg.vector_norm(a, 3, 1))
for order in ("fro", "nuc", 1, 2):
    case("linalg.matrixNorm", [r(3, 2), {"ord": order}], lambda a: torch.linalg.matrix_norm(a, order))
square = r(3, 3) + 2 * torch.eye(3)
case("linalg.pinv", [r(4, 2)], torch.linalg.pinv)
case("linalg.matrixRank", [torch.tensor([[1.0, 2], [2, 4]])], lambda a: torch.linalg.matrix_rank(a))
case("linalg.slogdet", [square], torch.linalg.slogdet)
case("linalg.matrixPower", [square, 3], lambda a: torch.linalg.matrix_power(a, 3))
case("linalg.matrixExp", [square], torch.linalg.matrix_exp)
case("linalg.solveTriangular", [square, r(3, 2), {"upper": True}], lambda a, b: torch.linalg.solve_triangular(a, b, upper=True))
case("linalg.lstsq", [r(4, 2), r(4, 1)], lambda a, b: torch.linalg.lstsq(a, b)[0])
case("linalg.svdvals", [r(3, 2)], torch.linalg.svdvals)
case("linalg.eigvalsh", [square + square.T], torch.linalg.eigvalsh)

# --- lists ------------------------------------------------------------------------------------------------------------------
a, b, c = [r(2, 2), r(3)], [r(2, 2), r(3)], [r(2, 2) + 3, r(3) + 3]
each = lambda fn: lambda *t: [fn(*(t[i] for i in range(k, len(t), 2))) for k in range(2)]
here = lambda fn: each(lambda x, *rest: fn(x.clone(), *rest))
# PyTorch has no derivative of these in place.
unrecorded = lambda fn: lambda *t: fn(*(x.detach().clone() for x in t))
for name in "neg abs exp log sqrt rsqrt reciprocal sign".split():
    case(f"foreach.{name}", [c], each(getattr(torch, name)))
    case(f"foreach.{name}_", [c], here(lambda x: getattr(x, name + "_")()))
case("foreach.zero_", [a], here(lambda x: x.zero_()))
case("foreach.norm", [a, {"p": 1}], each(lambda x: torch.linalg.vector_norm(x, 1)))
for name in "add sub mul div pow maximum minimum".split():
    fn = getattr(torch, name)
    inplace = (lambda x, y: fn(x, y)) if name in ("maximum", "minimum") else (lambda x, y: getattr(x, name + "_")(y))
    case(f"foreach.{name}", [c, b], each(fn))
    case(f"foreach.{name}", [c, 2], each(lambda x: fn(x, torch.tensor(2.0))))
    pair = lambda x, y: [inplace(x.clone(), torch.tensor(0.5)), inplace(y.clone(), torch.tensor(3.0))]
    case(f"foreach.{name}_", [c, [0.5, 3]], unrecorded(pair) if name in ("maximum", "minimum") else pair)
    case(f"foreach.{name}", [c, torch.tensor(1.5)], lambda x, y, o: [fn(x, o), fn(y, o)])
case("foreach.add", [a, b, {"alpha": 3}], each(lambda x, y: torch.add(x, y, alpha=3)))
case("foreach.sub_", [a, b, {"alpha": 3}], here(lambda x, y: x.sub_(y, alpha=3)))
case("foreach.clampMin", [a, 0.1], each(lambda x: x.clamp_min(0.1)))
case("foreach.clampMin_", [a, b], unrecorded(each(lambda x, y: x.clamp_min(y))))
case("foreach.clampMax", [a, 0.1], each(lambda x: x.clamp_max(0.1)))
case("foreach.clampMax_", [a, [0.1, 0.2]], unrecorded(lambda x, y: [x.clamp_max(0.1), y.clamp_max(0.2)]))
case("foreach.copy_", [a, b], unrecorded(each(lambda x, y: x.copy_(y))))
case("foreach.lerp", [a, b, 0.25], each(lambda x, y: torch.lerp(x, y, 0.25)))
case("foreach.lerp_", [a, b, c], here(lambda x, y, w: x.lerp_(y, w)))
for name in ("addcmul", "addcdiv"):
    case(f"foreach.{name}", [a, b, c, {"value": 0.5}], each(lambda x, y, z: getattr(torch, name)(x, y, z, value=0.5)))
    case(f"foreach.{name}_", [a, b, c, {"value": [2, 2]}], here(lambda x, y, z: getattr(x, name + "_")(y, z, value=2)))

# --- neural networks ----------------------------------------------------------------------------------------------------------
case("F.selu", [r(5)], F.selu)
case("F.celu", [r(5), 1.5], lambda x: F.celu(x, 1.5))
case("F.prelu", [r(2, 3, 2), torch.tensor([0.1, 0.2, 0.3])], F.prelu)
case("F.glu", [r(2, 4), {"dim": 1}], lambda x: F.glu(x, 1))
case("F.logSigmoid", [r(5)], F.logsigmoid)
case("F.softsign", [r(5)], F.softsign)
case("F.hardtanh", [r(5), {"min": -0.5, "max": 0.7}], lambda x: F.hardtanh(x, -0.5, 0.7))
case("F.threshold", [r(5), 0.2, 7], lambda x: F.threshold(x, 0.2, 7))
case("F.hardshrink", [r(5), 0.4], lambda x: F.hardshrink(x, 0.4))
case("F.softshrink", [r(5), 0.4], lambda x: F.softshrink(x, 0.4))
case("F.softmin", [r(2, 3), 1], lambda x: F.softmin(x, 1))
image = {1: r(2, 2, 6), 2: r(1, 2, 5, 6), 3: r(1, 2, 4, 4, 5)}
for n in (1, 2, 3):
    case(f"F.maxPool{n}d", [image[n], 2, {"stride": 1, "ceilMode": True}], lambda x: getattr(F, f"max_pool{n}d")(x, 2, 1, ceil_mode=True))
    case(f"F.avgPool{n}d", [image[n], 3, {"stride": 2, "padding": 1, "countIncludePad": False}],
         lambda x: getattr(F, f"avg_pool{n}d")(x, 3, 2, 1, count_include_pad=False))
    case(f"F.adaptiveAvgPool{n}d", [image[n], 2], lambda x: getattr(F, f"adaptive_avg_pool{n}d")(x, 2))
    case(f"F.adaptiveMaxPool{n}d", [image[n], 2], lambda x: getattr(F, f"adaptive_max_pool{n}d")(x, 2))
    for mode in ("nearest", "nearest-exact", "area"):
        case("F.interpolate", [image[n], 3, {"mode": mode}], lambda x: F.interpolate(x, 3, mode=mode))
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[n]
    case("F.interpolate", [image[n], None, {"mode": mode, "scaleFactor": 1.3}], lambda x: F.interpolate(x, scale_factor=1.3, mode=mode))
    case("F.interpolate", [image[n], 7, {"mode": mode, "alignCorners": True}],
         lambda x: F.interpolate(x, 7, mode=mode, align_corners=True))
case("F.interpolate", [image[2], None, {"mode": "area", "scaleFactor": [0.5, 0.4]}], lambda x: F.interpolate(x, scale_factor=(0.5, 0.4), mode="area"))
case("F.unfold", [r(1, 2, 4, 5), [2, 3], {"padding": 1, "stride": 2}], lambda x: F.unfold(x, (2, 3), padding=1, stride=2))
case("F.fold", [r(1, 8, 6), [3, 4], 2], lambda x: F.fold(x, (3, 4), 2))
theta = torch.tensor([[[0.9, 0.2, 0.1], [-0.1, 1.1, 0.05]]])
case("F.affineGrid", [theta, [1, 2, 3, 4]], lambda t: F.affine_grid(t, [1, 2, 3, 4], align_corners=False))
for mode, padding in [("bilinear", "zeros"), ("bicubic", "border"), ("nearest", "reflection")]:
    case("F.gridSample", [r(1, 2, 4, 4), unit(1, 3, 2, 2), {"mode": mode, "paddingMode": padding}],
         lambda x, g: F.grid_sample(x, g, mode, padding, align_corners=False))
case("F.pixelUnshuffle", [r(1, 2, 4, 2), 2], lambda x: F.pixel_unshuffle(x, 2))
case("F.channelShuffle", [r(1, 4, 1, 2), 2], lambda x: F.channel_shuffle(x, 2))
case("F.normalize", [r(2, 3)], F.normalize)
case("F.normalize", [r(2, 3), {"p": 1, "dim": 0}], lambda x: F.normalize(x, 1, 0))
for size in (3, 4):
    case("F.localResponseNorm", [r(1, 5, 2, 2), size, {"alpha": 0.5, "beta": 0.6, "k": 2}], lambda x: F.local_response_norm(x, size, 0.5, 0.6, 2))
case("F.cosineSimilarity", [r(2, 3), r(2, 3)], F.cosine_similarity)
case("F.pairwiseDistance", [r(2, 3), r(2, 3), {"p": 1, "keepdim": True}], lambda x, y: F.pairwise_distance(x, y, 1, keepdim=True))
q, k, v = r(2, 3, 4), r(2, 5, 4), r(2, 5, 2)
case("F.scaledDotProductAttention", [q, k, v], F.scaled_dot_product_attention)
case("F.scaledDotProductAttention", [q, k, v, {"causal": True, "scale": 0.3}],
     lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3))
case("F.scaledDotProductAttention", [q, k, v, {"mask": r(3, 5) > -0.5}], lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m))

# --- losses -------------------------------------------------------------------------------------------------------------------
signs = torch.tensor([1, -1, 1])
for reduction in ("mean", "none"):
    o = {"reduction": reduction}
    case("F.cosineEmbeddingLoss", [r(3, 4), r(3, 4), signs, {"margin": 0.1, **o}],
         lambda x, y, t: F.cosine_embedding_loss(x, y, t, 0.1, reduction=reduction))
    case("F.marginRankingLoss", [r(3), r(3), signs, {"margin": 0.1, **o}], lambda x, y, t: F.margin_ranking_loss(x, y, t, 0.1, reduction=reduction))
    case("F.tripletMarginLoss", [r(3, 4), r(3, 4), r(3, 4), {"margin": 2, "swap": True, **o}],
         lambda x, y, z: F.triplet_margin_loss(x, y, z, 2, swap=True, reduction=reduction))
    case("F.hingeEmbeddingLoss", [r(3), signs, o], lambda x, t: F.hinge_embedding_loss(x, t, reduction=reduction))
    case("F.softMarginLoss", [r(3), signs, o], lambda x, t: F.soft_margin_loss(x, t, reduction=reduction))
    case("F.multiMarginLoss", [r(3, 4), ints(1, 0, 3), {"p": 2, "margin": 0.7, "weight": torch.ones(4) * 2, **o}],
         lambda x, t, w: F.multi_margin_loss(x, t, 2, 0.7, w.detach(), reduction=reduction))
    case("F.poissonNllLoss", [r(3), ints(1, 4, 0).double(), {"full": True, **o}], lambda x, t: F.poisson_nll_loss(x, t.detach(), full=True, reduction=reduction))
    case("F.gaussianNllLoss", [r(4), r(4), torch.tensor([0.5, 2.0, 1e-9, 1.0]), {"full": True, "eps": 1e-3, **o}],
         lambda x, t, s: F.gaussian_nll_loss(x, t, s, full=True, eps=1e-3, reduction=reduction))
    logs = torch.log_softmax(r(5, 2, 3), -1)
    case("F.ctcLoss", [logs, torch.tensor([[1, 2], [2, 1]]), [5, 4], [2, 1], o],
         lambda x, t: F.ctc_loss(x, t, (5, 4), (2, 1), reduction=reduction))
case("F.poissonNllLoss", [r(3).abs(), ints(1, 4, 0).double(), {"logInput": False}], lambda x, t: F.poisson_nll_loss(x, t.detach(), log_input=False))

# --- random numbers -------------------------------------------------------------------------------------------------------------
init = torch.nn.init
for dtype in (torch.float64, torch.float32):
    z = torch.zeros(3, 7, dtype=dtype)
    grads = dtype == torch.float64
    case("t.exponential_", [z, 2], lambda x: x.exponential_(2), seed=1)
    case("t.geometric_", [z, 0.3], lambda x: x.geometric_(0.3), seed=2)
    case("t.cauchy_", [z, 1, 0.5], lambda x: x.cauchy_(1, 0.5), seed=3)
    case("t.logNormal_", [z, 0, 0.5], lambda x: x.log_normal_(0, 0.5), seed=4)
    case("t.bernoulli_", [z, 0.3], lambda x: x.bernoulli_(0.3), seed=5)
    case("t.bernoulli_", [z, torch.linspace(0, 1, 21, dtype=dtype).reshape(3, 7)], lambda x, p: x.bernoulli_(p), seed=6)
    case("t.random_", [z], lambda x: x.random_(), seed=7)
    w = torch.tensor([[0.1, 0.5, 3, 0], [1, 1, 1, 2]], dtype=dtype)
    case("mb.multinomial", [w, 3], lambda p: torch.multinomial(p, 3), seed=8)
    case("mb.multinomial", [w, 6, {"replacement": True}], lambda p: torch.multinomial(p, 6, True), seed=9)
    case("mb.poisson", [w * 4], torch.poisson, seed=10)
    case("mb.standardGamma", [w + 0.2], torch._standard_gamma, seed=11, grads=grads)
    case("mb.normal", [w, 0.5], lambda m: torch.normal(m, 0.5), seed=12)
    case("mb.normal", [2, w], lambda s: torch.normal(2, s), seed=13)
    case("mb.normal", [w, w], torch.normal, seed=14)
    f = torch.linspace(-1, 1, 24, dtype=dtype).reshape(2, 3, 2, 2)
    case("F.featureDropout", [f, 0.4], lambda x: F.dropout2d(x, 0.4), seed=15, grads=grads)
    case("F.alphaDropout", [f, 0.4], lambda x: F.alpha_dropout(x, 0.4, training=True), seed=16, grads=grads)
    case("F.gumbelSoftmax", [w, {"tau": 0.7}], lambda x: F.gumbel_softmax(x, 0.7), seed=17, grads=grads)
    case("F.gumbelSoftmax", [w, {"hard": True}], lambda x: F.gumbel_softmax(x, hard=True), seed=18, grads=grads)
    case("F.scaledDotProductAttention", [q.to(dtype), k.to(dtype), v.to(dtype), {"dropout": 0.3, "causal": True}],
         lambda q, k, v: F.scaled_dot_product_attention(q, k, v, dropout_p=0.3, is_causal=True), seed=19, grads=grads)
    case("init.truncNormal_", [z, {"mean": 0.1, "std": 0.5, "low": -0.6, "high": 1}], lambda x: init.trunc_normal_(x, 0.1, 0.5, -0.6, 1), seed=20)
    g = torch.zeros(4, 3, 2, 2, dtype=dtype)
    case("init.kaimingUniform_", [g, {"a": 0.2, "mode": "fanOut"}], lambda x: init.kaiming_uniform_(x, 0.2, "fan_out"), seed=21)
    case("init.kaimingNormal_", [g, {"nonlinearity": "relu"}], lambda x: init.kaiming_normal_(x, nonlinearity="relu"), seed=22)
    case("init.xavierUniform_", [g, {"gain": 2}], lambda x: init.xavier_uniform_(x, 2), seed=23)
    case("init.xavierNormal_", [g], lambda x: init.xavier_normal_(x), seed=24)
    case("init.orthogonal_", [torch.zeros(3, 5, dtype=dtype), {"gain": 1.5}], lambda x: init.orthogonal_(x, 1.5), seed=25)
    case("init.orthogonal_", [torch.zeros(5, 3, dtype=dtype)], lambda x: init.orthogonal_(x), seed=26)
case("t.random_", [torch.zeros(9, dtype=torch.int64), -5, 20], lambda x: x.random_(-5, 20), seed=27)
case("t.random_", [torch.zeros(9, dtype=torch.uint8), 10], lambda x: x.random_(10), seed=28)
case("init.dirac_", [torch.ones(4, 2, 3, 3), {"groups": 2}], lambda x: init.dirac_(x, 2), seed=29)
case("init.eye_", [torch.ones(2, 3)], lambda x: init.eye_(x), seed=30)

write("surface.json")
