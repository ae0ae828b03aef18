// Products and decompositions of matrices.
#include <ATen/Functions.h>

#include "bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

Tensor matmul(const Tensor& input, const Tensor& other) { return at::matmul(input, other); }
Tensor bmm(const Tensor& input, const Tensor& other) { return at::bmm(input, other); }
Tensor outer(const Tensor& input, const Tensor& other) { return at::outer(input, other); }
Tensor dot(const Tensor& input, const Tensor& other) { return at::dot(input, other); }
Tensor addmm(const Tensor& input, const Tensor& left, const Tensor& right, at::Scalar beta, at::Scalar alpha) {
  return at::addmm(input, left, right, beta, alpha);
}
Tensor einsum(std::string equation, std::vector<Tensor> operands) { return at::einsum(equation, operands); }
Tensor inv(const Tensor& input) { return at::linalg_inv(input); }
Tensor det(const Tensor& input) { return at::linalg_det(input); }
Tensor solve(const Tensor& input, const Tensor& right) { return at::linalg_solve(input, right); }
Tensor cholesky(const Tensor& input) { return at::linalg_cholesky(input); }
std::tuple<Tensor, Tensor> qr(const Tensor& input) { return at::linalg_qr(input); }
std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& input) { return at::linalg_svd(input, /*full_matrices=*/false); }
std::tuple<Tensor, Tensor> eigh(const Tensor& input) { return at::linalg_eigh(input); }

}  // namespace

void initLinalg(const Exports& exports) {
  bind<&matmul>(exports, "matmul", {"input", "other"});
  bind<&bmm>(exports, "bmm", {"input", "other"});
  bind<&outer>(exports, "outer", {"input", "other"});
  bind<&dot>(exports, "dot", {"input", "other"});
  bind<&addmm>(exports, "addmm", {"input", "left", "right", "beta", "alpha"});
  bind<&einsum>(exports, "einsum", {"equation", "operands"});
  bind<&inv>(exports, "inv", {"input"});
  bind<&det>(exports, "det", {"input"});
  bind<&solve>(exports, "solve", {"input", "right"});
  bind<&cholesky>(exports, "cholesky", {"input"});
  bind<&qr>(exports, "qr", {"input"});
  bind<&svd>(exports, "svd", {"input"});
  bind<&eigh>(exports, "eigh", {"input"});
}

}  // namespace mbconv
