/** Products and decompositions of matrices; leading dimensions are batches. */
import { checkCount } from '../../errors/check'
import { native } from '../../native/addon'
import type { ReduceOptions } from '../../native/types'
import type { Tensor } from '../core/tensor'

export interface NormOptions extends ReduceOptions {
  /** Default 2. */
  ord?: number
}

export interface ToleranceOptions {
  atol?: number
  rtol?: number
  hermitian?: boolean
}

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
/** [n, m] × [m]. */
export function mv(a: Tensor, b: Tensor): Tensor {
  return native().mv(a, b)
}
/** β·input + α·(left × right), [B, n, k] × [B, k, m]. */
export function baddbmm(input: Tensor, left: Tensor, right: Tensor, { beta = 1, alpha = 1 } = {}): Tensor {
  return native().baddbmm(input, left, right, beta, alpha)
}
/** The product of all matrices, in the cheapest order. */
export function multiDot(matrices: Tensor[]): Tensor {
  return native().multiDot(matrices)
}
/** Sum of products over the last `dims` dimensions of a and the first of b, or over the lists [of a, of b]. */
export function tensordot(a: Tensor, b: Tensor, { dims = 2 }: { dims?: number | [number[], number[]] } = {}): Tensor {
  if (Array.isArray(dims)) return native().tensordot(a, b, dims[0], dims[1])
  checkCount('tensordot', 'dims', dims, { min: 0, max: Math.min(a.ndim, b.ndim) })
  const first = Array.from({ length: dims }, (_, i) => i)
  return native().tensordot(
    a,
    b,
    first.map((i) => a.ndim - dims + i),
    first,
  )
}
/** Kronecker product. */
export function kron(a: Tensor, b: Tensor): Tensor {
  return native().kron(a, b)
}
/** Cross product of vectors of three elements along `dim`. */
export function cross(a: Tensor, b: Tensor, { dim = -1 } = {}): Tensor {
  return native().cross(a, b, dim)
}
/** p-norm distances between the rows of a [.., n, d] and b [.., m, d]: [.., n, m]. */
export function cdist(a: Tensor, b: Tensor, { p = 2 } = {}): Tensor {
  return native().cdist(a, b, p)
}
/** The p-norm of the elements, over `dim` or all. */
export function vectorNorm(a: Tensor, { ord = 2, dim, keepdim = false }: NormOptions = {}): Tensor {
  return native().vectorNorm(a, ord, typeof dim === 'number' ? [dim] : dim, keepdim)
}
/** A norm of matrices: Frobenius (default), nuclear, or ±1, ±2, ±Infinity. */
export function matrixNorm(
  a: Tensor,
  options: { ord?: 'fro' | 'nuc' | number; dim?: [number, number]; keepdim?: boolean } = {},
): Tensor {
  const { ord = 'fro', dim = [-2, -1], keepdim = false } = options
  if (typeof ord === 'number') return native().matrixNormBy(a, ord, dim, keepdim)
  return native().matrixNorm(a, ord, dim, keepdim)
}
export function inv(a: Tensor): Tensor {
  return native().inv(a)
}
/** Moore–Penrose inverse. Singular values below max(atol, rtol · largest) count as 0. */
export function pinv(a: Tensor, { atol, rtol, hermitian = false }: ToleranceOptions = {}): Tensor {
  return native().pinv(a, atol, rtol, hermitian)
}
/** The number of singular values above max(atol, rtol · largest). */
export function matrixRank(a: Tensor, { atol, rtol, hermitian = false }: ToleranceOptions = {}): Tensor {
  return native().matrixRank(a, atol, rtol, hermitian)
}
export function det(a: Tensor): Tensor {
  return native().det(a)
}
/** Sign of the determinant, and logarithm of its magnitude. */
export function slogdet(a: Tensor): { sign: Tensor; logabsdet: Tensor } {
  const [sign, logabsdet] = native().slogdet(a)
  return { sign, logabsdet }
}
/** aⁿ for square a. A negative n gives powers of the inverse. */
export function matrixPower(a: Tensor, n: number): Tensor {
  return native().matrixPower(a, n)
}
export function matrixExp(a: Tensor): Tensor {
  return native().matrixExp(a)
}
/** x with a · x = b (or x · a = b), for triangular a. The other triangle of a is not read. */
export function solveTriangular(
  a: Tensor,
  b: Tensor,
  { upper, left = true, unitriangular = false }: { upper: boolean; left?: boolean; unitriangular?: boolean },
): Tensor {
  return native().solveTriangular(a, b, upper, left, unitriangular)
}
/** x that minimises ‖a · x − b‖, for a of full rank. */
export function lstsq(a: Tensor, b: Tensor): Tensor {
  return native().lstsq(a, b)
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
/** Singular values, descending. */
export function svdvals(a: Tensor): Tensor {
  return native().svdvals(a)
}
/** Eigenvalues of a symmetric a, ascending. */
export function eigvalsh(a: Tensor): Tensor {
  return native().eigvalsh(a)
}
