// Products and decompositions of matrices.
#include <ATen/Functions.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Ints = std::vector<int64_t>;
using Pair = std::tuple<Tensor, Tensor>;

template <Tensor (*Fn)(const Tensor&, const Tensor&)>
Tensor product(const Tensor& input, const Tensor& other) {
  return Fn(input, other);
}
template <auto Fn>
Tensor addProduct(const Tensor& input, const Tensor& left, const Tensor& right, at::Scalar beta, at::Scalar alpha) {
  return Fn(input, left, right, beta, alpha);
}
using AddProduct = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const at::Scalar&, const at::Scalar&);

Tensor einsum(std::string equation, std::vector<Tensor> operands) { return at::einsum(equation, operands); }
Tensor multiDot(std::vector<Tensor> matrices) { return at::linalg_multi_dot(matrices); }
Tensor tensordot(const Tensor& input, const Tensor& other, Ints inputDims, Ints otherDims) {
  return at::tensordot(input, other, inputDims, otherDims);
}
Tensor cross(const Tensor& input, const Tensor& other, int64_t dim) { return at::linalg_cross(input, other, dim); }
Tensor cdist(const Tensor& input, const Tensor& other, double p) { return at::cdist(input, other, p); }

Tensor inv(const Tensor& input) { return at::linalg_inv(input); }
Tensor pinv(const Tensor& input, std::optional<double> atol, std::optional<double> rtol, bool hermitian) {
  return at::linalg_pinv(input, atol, rtol, hermitian);
}
Tensor det(const Tensor& input) { return at::linalg_det(input); }
Pair slogdet(const Tensor& input) { return at::linalg_slogdet(input); }
Tensor matrixRank(const Tensor& input, std::optional<double> atol, std::optional<double> rtol, bool hermitian) {
  return at::linalg_matrix_rank(input, atol, rtol, hermitian);
}
Tensor matrixPower(const Tensor& input, int64_t n) {
  // libtorch negates n, which overflows for the least integer, and then multiplies forever.
  if (n == std::numeric_limits<int64_t>::min()) throw Error("ERR_VALUE", "n must be at least -2^63 + 1");
  return at::linalg_matrix_power(input, n);
}
Tensor matrixExp(const Tensor& input) { return at::linalg_matrix_exp(input); }
Tensor solve(const Tensor& input, const Tensor& right) { return at::linalg_solve(input, right); }
Tensor solveTriangular(const Tensor& input, const Tensor& right, bool upper, bool left, bool unitriangular) {
  return at::linalg_solve_triangular(input, right, upper, left, unitriangular);
}
Tensor lstsq(const Tensor& input, const Tensor& right) { return std::get<0>(at::linalg_lstsq(input, right)); }
Tensor cholesky(const Tensor& input) { return at::linalg_cholesky(input); }
Pair qr(const Tensor& input) { return at::linalg_qr(input); }
std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& input) { return at::linalg_svd(input, /*full_matrices=*/false); }
Tensor svdvals(const Tensor& input) { return at::linalg_svdvals(input); }
Pair eigh(const Tensor& input) { return at::linalg_eigh(input); }
Tensor eigvalsh(const Tensor& input) { return at::linalg_eigvalsh(input); }

Pair eig(const Tensor& input) { return at::linalg_eig(input); }
Tensor eigvals(const Tensor& input) {
  // LAPACK relies on finite numbers. linalg_eig checks that, and linalg_eigvals does not.
  if (!at::isfinite(input).all().item<bool>()) throw Error("ERR_VALUE", "input holds NaN or infinity");
  return at::linalg_eigvals(input);
}
std::tuple<Tensor, Tensor, Tensor> lu(const Tensor& input) { return at::linalg_lu(input, /*pivot=*/true); }
Tensor cond(const Tensor& input, std::optional<double> ord) {
  return at::linalg_cond(input, ord ? std::optional<at::Scalar>(*ord) : std::nullopt);
}
Tensor condBy(const Tensor& input, std::string ord) { return at::linalg_cond(input, ord); }
Tensor vecdot(const Tensor& input, const Tensor& other, int64_t dim) { return at::linalg_vecdot(input, other, dim); }
Tensor vander(const Tensor& input, std::optional<int64_t> columns) { return at::linalg_vander(input, columns); }
Tensor choleskySolve(const Tensor& right, const Tensor& factor, bool upper) {
  return at::cholesky_solve(right, factor, upper);
}

Tensor vectorNorm(const Tensor& input, double ord, std::optional<Ints> dim, bool keepdim) {
  return at::linalg_vector_norm(input, ord, dim ? at::OptionalIntArrayRef(*dim) : at::OptionalIntArrayRef(), keepdim);
}
Tensor matrixNorm(const Tensor& input, std::string ord, Ints dim, bool keepdim) {
  return at::linalg_matrix_norm(input, ord, dim, keepdim);
}
Tensor matrixNormBy(const Tensor& input, double ord, Ints dim, bool keepdim) {
  return at::linalg_matrix_norm(input, ord, dim, keepdim);
}

}  // namespace

void initLinalg(const Exports& exports) {
  bind<&product<&at::matmul>>(exports, "matmul", {"input", "other"});
  bind<&product<&at::mm>>(exports, "mm", {"input", "other"});
  bind<&product<&at::bmm>>(exports, "bmm", {"input", "other"});
  bind<&product<&at::mv>>(exports, "mv", {"input", "other"});
  bind<&product<&at::outer>>(exports, "outer", {"input", "other"});
  bind<&product<&at::dot>>(exports, "dot", {"input", "other"});
  bind<&product<&at::kron>>(exports, "kron", {"input", "other"});
  bind<&addProduct<static_cast<AddProduct>(&at::addmm)>>(exports, "addmm", {"input", "left", "right", "beta", "alpha"});
  bind<&addProduct<static_cast<AddProduct>(&at::baddbmm)>>(exports, "baddbmm",
                                                           {"input", "left", "right", "beta", "alpha"});
  bind<&einsum>(exports, "einsum", {"equation", "operands"});
  bind<&multiDot>(exports, "multiDot", {"matrices"});
  bind<&tensordot>(exports, "tensordot", {"input", "other", "inputDims", "otherDims"});
  bind<&cross>(exports, "cross", {"input", "other", "dim"});
  bind<&cdist>(exports, "cdist", {"input", "other", "p"});
  bind<&inv>(exports, "inv", {"input"});
  bind<&pinv>(exports, "pinv", {"input", "atol", "rtol", "hermitian"});
  bind<&det>(exports, "det", {"input"});
  bind<&slogdet>(exports, "slogdet", {"input"});
  bind<&matrixRank>(exports, "matrixRank", {"input", "atol", "rtol", "hermitian"});
  bind<&matrixPower>(exports, "matrixPower", {"input", "n"});
  bind<&matrixExp>(exports, "matrixExp", {"input"});
  bind<&solve>(exports, "solve", {"input", "right"});
  bind<&solveTriangular>(exports, "solveTriangular", {"input", "right", "upper", "left", "unitriangular"});
  bind<&lstsq>(exports, "lstsq", {"input", "right"});
  bind<&cholesky>(exports, "cholesky", {"input"});
  bind<&qr>(exports, "qr", {"input"});
  bind<&svd>(exports, "svd", {"input"});
  bind<&svdvals>(exports, "svdvals", {"input"});
  bind<&eigh>(exports, "eigh", {"input"});
  bind<&eigvalsh>(exports, "eigvalsh", {"input"});
  bind<&eig>(exports, "eig", {"input"});
  bind<&eigvals>(exports, "eigvals", {"input"});
  bind<&lu>(exports, "lu", {"input"});
  bind<&cond>(exports, "cond", {"input", "ord"});
  bind<&condBy>(exports, "condBy", {"input", "ord"});
  bind<&vecdot>(exports, "vecdot", {"input", "other", "dim"});
  bind<&vander>(exports, "vander", {"input", "columns"});
  bind<&choleskySolve>(exports, "choleskySolve", {"right", "factor", "upper"});
  bind<&vectorNorm>(exports, "vectorNorm", {"input", "ord", "dim", "keepdim"});
  bind<&matrixNorm>(exports, "matrixNorm", {"input", "ord", "dim", "keepdim"});
  bind<&matrixNormBy>(exports, "matrixNormBy", {"input", "ord", "dim", "keepdim"});
}

}  // namespace mbconv
