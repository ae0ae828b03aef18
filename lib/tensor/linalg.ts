/** Products and decompositions of matrices; leading dimensions are batches. */
import { native } from '../native'
import type { Tensor } from './tensor'

/** Sum of products by index letters: `einsum('bij,bjk->bik', [a, b])`. */
export function einsum(equation: string, operands: Tensor[]): Tensor {
  return native().einsum(equation, operands)
}
/** [B, n, k] × [B, k, m]. */
export function bmm(a: Tensor, b: Tensor): Tensor {
  return native().bmm(a, b)
}
/** β·input + α·(left × right). */
export function addmm(input: Tensor, left: Tensor, right: Tensor, { beta = 1, alpha = 1 } = {}): Tensor {
  return native().addmm(input, left, right, beta, alpha)
}
/** Vectors [n], [m] to [n, m]. */
export function outer(a: Tensor, b: Tensor): Tensor {
  return native().outer(a, b)
}
export function dot(a: Tensor, b: Tensor): Tensor {
  return native().dot(a, b)
}
export function inv(a: Tensor): Tensor {
  return native().inv(a)
}
export function det(a: Tensor): Tensor {
  return native().det(a)
}
/** x with a · x = b. */
export function solve(a: Tensor, b: Tensor): Tensor {
  return native().solve(a, b)
}
/** Lower triangle L with L · Lᵀ = a, for symmetric positive definite a. */
export function cholesky(a: Tensor): Tensor {
  return native().cholesky(a)
}
export function qr(a: Tensor): { q: Tensor; r: Tensor } {
  const [q, r] = native().qr(a)
  return { q, r }
}
/** a = u · diag(s) · vh, reduced: k = min(m, n) columns. */
export function svd(a: Tensor): { u: Tensor; s: Tensor; vh: Tensor } {
  const [u, s, vh] = native().svd(a)
  return { u, s, vh }
}
/** Eigenvalues, ascending, and eigenvectors (columns) of a symmetric a. */
export function eigh(a: Tensor): { values: Tensor; vectors: Tensor } {
  const [values, vectors] = native().eigh(a)
  return { values, vectors }
}
