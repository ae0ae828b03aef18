"""Writes test/golden/everyday.json: more calls of typed operations, with their gradients, computed by PyTorch.

Usage: python scripts/goldens/everyday.py    (PyTorch 2.13, CPU; the file's `made_with` says which)

Complex numbers and Fourier transforms, other names of shapes and products, and special functions. The cases are
described in cases.py.
"""
import torch
import torch.nn.functional as F

from cases import INF, NAN, case, ints, r, write


def c(*shape):
    return torch.complex(r(*shape), r(*shape))


# --- to another tensor's shape and kind ---------------------------------------------------------------------------------
case("t.viewAs", [r(2, 6), r(3, 4)], lambda x, y: x.view_as(y))
case("t.reshapeAs", [r(2, 6), r(3, 4)], lambda x, y: x.reshape_as(y))
case("t.expandAs", [r(3, 1), r(2, 3, 2)], lambda x, y: x.expand_as(y))
case("t.typeAs", [r(3) * 4, ints(1)], lambda x, y: x.type_as(y))
case("t.newZeros", [r(2), [2, 3]], lambda x: x.new_zeros(2, 3))
case("t.newOnes", [ints(1), [2]], lambda x: x.new_ones(2))
case("t.newFull", [r(2), [2, 1], 0.5], lambda x: x.new_full((2, 1), 0.5))
case("t.newFull", [ints(1), [2], 7, {"dtype": "int32"}], lambda x: x.new_full((2,), 7, dtype=torch.int32))
case("t.newEmpty", [r(2), [0, 3]], lambda x: x.new_empty(0, 3))

# --- shapes and products ------------------------------------------------------------------------------------------------
case("t.swapaxes", [r(2, 3, 4), 0, 2], lambda x: x.swapaxes(0, 2))
case("t.swapdims", [r(2, 3, 4), -1, 1], lambda x: x.swapdims(-1, 1))
case("t.ravel", [r(2, 3)], lambda x: x.ravel())
case("t.unsqueeze_", [r(2, 3), 1], lambda x: x.clone().unsqueeze_(1))
case("t.squeeze_", [r(1, 3, 1)], lambda x: x.clone().squeeze_())
case("t.squeeze_", [r(1, 3, 1), -1], lambda x: x.clone().squeeze_(-1))
case("t.transpose_", [r(2, 3), 0, 1], lambda x: x.clone().transpose_(0, 1))
case("p.T", [r(2, 3)], lambda x: x.T)
case("p.mT", [r(2, 2, 3)], lambda x: x.mT)
case("p.H", [c(2, 3)], lambda x: x.H)
case("p.mH", [c(2, 2, 3)], lambda x: x.mH)
case("t.mm", [r(2, 3), r(3, 4)], torch.mm)
case("linalg.mm", [r(2, 3), r(3, 4)], torch.mm)
case("linalg.matmul", [r(2, 2, 3), r(3, 4)], torch.linalg.matmul)
case("t.addmm", [r(2, 4), r(2, 3), r(3, 4), {"beta": 0.5, "alpha": 2}], lambda x, a, b: torch.addmm(x, a, b, beta=0.5, alpha=2))
case("t.baddbmm", [r(2, 1, 4), r(2, 2, 3), r(2, 3, 4), {"beta": 0.5}], lambda x, a, b: torch.baddbmm(x, a, b, beta=0.5))
case("mb.columnStack", [[r(3), r(3, 2)]], lambda x, y: torch.column_stack([x, y]))
case("t.toDense", [r(3)], lambda x: x.to_dense())

# --- element by element -------------------------------------------------------------------------------------------------
special = torch.tensor([1.5, NAN, INF, -INF, -0.0])
case("t.isclose", [torch.tensor([1.0, 1.1, NAN]), torch.tensor([1.0 + 1e-6, 1.0, NAN])], torch.isclose)
case("t.isclose", [torch.tensor([1.0, 1.1, NAN]), torch.tensor([1.0, 1.0, NAN]), {"rtol": 0.2, "equalNan": True}],
     lambda x, y: torch.isclose(x, y, rtol=0.2, equal_nan=True))
case("t.isclose", [r(3), 0.5, {"atol": 0.4, "rtol": 0}], lambda x: torch.isclose(x, torch.tensor(0.5), rtol=0, atol=0.4))
case("t.clip", [r(5), {"min": -0.4, "max": 0.5}], lambda x: x.clip(-0.4, 0.5))
case("t.clip_", [r(5), {"max": 0.5}], lambda x: x.clone().clip_(max=0.5))
for name in "sinc i0 deg2rad rad2deg".split():
    case(f"t.{name}", [r(4)], getattr(torch, name))
for name in "signbit isposinf isneginf".split():
    case(f"t.{name}", [special], getattr(torch, name))
for name in "fmax fmin logaddexp2".split():
    case(f"t.{name}", [r(2, 1), r(1, 3)], getattr(torch, name))
    case(f"t.{name}", [r(4), 0.3], lambda x: getattr(torch, name)(x, torch.tensor(0.3)))
case("t.fmax", [special, torch.tensor([NAN, 2.0, NAN, 1.0, 0.0])], torch.fmax)
case("t.nextafter", [ints(1, 2, 3).to(torch.float64), torch.tensor(9.0)], torch.nextafter, grads=False)
case("t.gcd", [ints(12, 18, -4), ints(8, 27, 6)], torch.gcd)
case("t.gcd", [ints(12, 18), 4], lambda x: torch.gcd(x, torch.tensor(4)))
case("t.lcm", [ints(12, 18, -4), ints(8, 27, 6)], torch.lcm)
# Its result is float64 also for float32, so only integers are the same in both precisions of the test.
case("t.floatPower", [ints(2, 3), ints(3, 2)], torch.float_power)
case("t.heaviside", [torch.tensor([-1.5, 0.0, 2.0]), torch.tensor(0.5)], torch.heaviside, grads=False)
case("t.ldexp", [r(3), ints(1, 2, -3)], torch.ldexp)
case("t.ldexp", [r(3), 3], lambda x: torch.ldexp(x, torch.tensor(3)))
positive = r(2, 3).abs() + 0.2
for name in "exp2 expm1 log1p log2 log10 tan erf frac sign".split():
    case(f"t.{name}_", [positive], lambda x: getattr(x.clone(), name + "_")())
for name in "fmod atan2 hypot".split():
    case(f"t.{name}_", [r(2, 3), r(3)], lambda x, y: getattr(x.clone(), name + "_")(y))
case("t.fmod_", [r(3) * 4, 0.7], lambda x: x.clone().fmod_(0.7))
case("t.clampMin_", [r(4), 0.2], lambda x: x.clone().clamp_min_(0.2))
case("t.clampMax_", [r(4), r(4)], lambda x, y: x.clone().clamp_max_(y))
case("F.softmax", [r(2, 3), 1], lambda x: F.softmax(x, dim=1))
case("F.logSoftmax", [r(2, 3), 0], lambda x: F.log_softmax(x, dim=0))

# --- statistics, integrals, sequences -----------------------------------------------------------------------------------
case("t.dist", [r(2, 3), r(2, 3)], torch.dist)
case("t.dist", [r(4), r(4), {"p": 3}], lambda x, y: torch.dist(x, y, 3))
case("t.cov", [r(3, 6)], torch.cov)
case("t.cov", [r(3, 6), {"correction": 0}], lambda x: torch.cov(x, correction=0))
case("t.corrcoef", [r(3, 6)], torch.corrcoef)
case("t.trapezoid", [r(2, 4)], lambda x: torch.trapezoid(x))
case("t.trapezoid", [r(2, 4), {"dx": 0.5, "dim": 0}], lambda x: torch.trapezoid(x, dx=0.5, dim=0))
case("t.trapezoid", [r(4), {"x": torch.tensor([0.0, 1.0, 1.5, 3.0])}], lambda y, x: torch.trapezoid(y, x))
case("mb.logspace", [-1, 2, 4, {"dtype": "int32"}], lambda: torch.logspace(-1, 2, 4, dtype=torch.int32))
case("mb.logspace", [0, 3, 4, {"base": 2, "dtype": "float64"}], lambda: torch.logspace(0, 3, 4, base=2))
case("mb.trilIndices", [3, 4, {"offset": 1}], lambda: torch.tril_indices(3, 4, 1))
case("mb.triuIndices", [3, 3], lambda: torch.triu_indices(3, 3))

# --- matrices -------------------------------------------------------------------------------------------------------------
square = r(4, 4) + 3 * torch.eye(4)
# Eigenvalues that are real and far apart: their order and the signs of the vectors are the same in float32.
spread = torch.triu(r(4, 4), 1) + torch.diag(torch.tensor([1.0, 3.0, 6.0, 10.0]))
case("linalg.eigvals", [spread], lambda x: torch.linalg.eigvals(x))
case("linalg.eig", [spread], lambda x: torch.linalg.eig(x), grads=False)
case("linalg.lu", [r(4, 3)], lambda x: torch.linalg.lu(x))
case("linalg.cond", [square], lambda x: torch.linalg.cond(x))
# PyTorch 2.13 has no gradient of these two norms: it changes in place what the gradient needs.
case("linalg.cond", [square, {"ord": "fro"}], lambda x: torch.linalg.cond(x, "fro"), grads=False)
case("linalg.cond", [square, {"ord": 1}], lambda x: torch.linalg.cond(x, 1), grads=False)
case("linalg.vecdot", [r(2, 3), r(2, 3)], lambda x, y: torch.linalg.vecdot(x, y))
case("linalg.vecdot", [c(2, 3), c(2, 3), {"dim": 0}], lambda x, y: torch.linalg.vecdot(x, y, dim=0))
case("linalg.vander", [r(3)], lambda x: torch.linalg.vander(x))
case("linalg.vander", [r(3), {"columns": 4}], lambda x: torch.linalg.vander(x, N=4))
lower = torch.tril(r(3, 3)) + 2 * torch.eye(3)
case("linalg.choleskySolve", [r(3, 2), lower], lambda b, f: torch.cholesky_solve(b, f))
case("linalg.choleskySolve", [r(3, 2), lower.T.contiguous(), {"upper": True}], lambda b, f: torch.cholesky_solve(b, f, upper=True))

# --- complex numbers --------------------------------------------------------------------------------------------------------
case("mb.complex", [r(2, 3), r(2, 3)], torch.complex)
case("mb.polar", [r(3).abs(), r(3) * 3], torch.polar)
case("mb.viewAsReal", [c(2, 2)], torch.view_as_real)
case("mb.viewAsComplex", [r(3, 2)], torch.view_as_complex)
case("p.real", [c(3)], torch.real)
case("p.imag", [c(3)], torch.imag)
case("p.real", [r(3)], torch.real)
case("t.conj", [c(3)], torch.conj)
case("t.conj", [r(3)], torch.conj)
case("t.resolveConj", [c(3)], torch.resolve_conj)
case("t.angle", [c(4)], torch.angle)
case("t.angle", [r(4)], torch.angle)
case("t.sgn", [c(3)], torch.sgn)
case("t.isreal", [torch.tensor([1 + 0j, 1j])], torch.isreal, grads=False)
# The everyday operations of real numbers, on complex ones.
for name in "abs exp sqrt sin reciprocal square neg sum mean cumsum".split():
    dim = [0] if name == "cumsum" else []
    case(f"t.{name}", [c(3) + 1, *dim], lambda x: getattr(x, name)(*dim))
for name in "add sub mul div matmul".split():
    case(f"t.{name}", [c(2, 2), c(2, 2)], getattr(torch, name))
case("t.mul", [c(3), r(3)], torch.mul)
case("linalg.inv", [c(3, 3)], torch.linalg.inv)
case("t.eq", [torch.tensor([1 + 1j, 2]), torch.tensor([1 + 1j, 1j])], torch.eq, grads=False)

# --- Fourier transforms -----------------------------------------------------------------------------------------------------
for name in "fft ifft rfft irfft hfft ihfft".split():
    real = name in ("rfft", "ihfft")
    fn = getattr(torch.fft, name)
    case(f"fft.{name}", [r(2, 6) if real else c(2, 6)], lambda x: fn(x))
    case(f"fft.{name}", [r(5, 2) if real else c(5, 2), {"n": 6, "dim": 0, "norm": "ortho"}], lambda x: fn(x, 6, 0, "ortho"))
for name in "fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn".split():
    real = name.startswith("r")
    fn = getattr(torch.fft, name)
    case(f"fft.{name}", [r(3, 4) if real else c(3, 4)], lambda x: fn(x))
    case(f"fft.{name}", [r(4, 2, 3) if real else c(4, 2, 3), {"s": [5, 4], "dim": [0, 2], "norm": "forward"}],
         lambda x: fn(x, (5, 4), (0, 2), "forward"))
case("fft.fft", [r(5)], torch.fft.fft)
case("fft.fftshift", [r(2, 5)], torch.fft.fftshift)
case("fft.fftshift", [r(2, 5), {"dim": 1}], lambda x: torch.fft.fftshift(x, 1))
case("fft.ifftshift", [r(2, 5), {"dim": [0, 1]}], lambda x: torch.fft.ifftshift(x, (0, 1)))
case("fft.fftfreq", [5, {"d": 0.5, "dtype": "float64"}], lambda: torch.fft.fftfreq(5, 0.5), grads=False)
case("fft.rfftfreq", [6, {"dtype": "float64"}], lambda: torch.fft.rfftfreq(6), grads=False)

# --- options of everyday operations -------------------------------------------------------------------------------------
for mode in ("trunc", "floor"):
    option = {"roundingMode": mode}
    case("t.div", [r(3, 1) * 9, r(4), option], lambda x, y: x.div(y, rounding_mode=mode))
    case("t.div", [r(5) * 9, 0.7, option], lambda x: x.div(0.7, rounding_mode=mode))
    case("t.div", [ints(7, -7, 6, -1), ints(2, 2, -4, 3), option], lambda x, y: x.div(y, rounding_mode=mode))
    case("t.div", [torch.tensor([1.5, -2.0, NAN, INF, -0.0]), 0, option], lambda x: x.div(0, rounding_mode=mode))
    case("t.div_", [r(5) * 9, r(5), option], lambda x, y: x.clone().div_(y, rounding_mode=mode))
    case("t.div_", [ints(7, -7), -2, option], lambda x: x.clone().div_(-2, rounding_mode=mode))
for decimals in (2, -1):
    option = {"decimals": decimals}
    # Thirds, which are never half way between two results: float32 and float64 round them alike.
    thirds = torch.arange(-6, 7) * 17 / 3
    case("t.round", [thirds, option], lambda x: x.round(decimals=decimals))
    case("t.round_", [thirds, option], lambda x: x.clone().round_(decimals=decimals))
case("t.round_", [r(6) * 4], lambda x: x.clone().round_())

write("everyday.json")
