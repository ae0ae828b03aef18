/** Products and decompositions of matrices; leading dimensions are batches. */
import { checkCount } from '../../errors/check'
import { native } from '../../native/addon'
import type { ReduceOptions } from '../../native/types'
import type { Tensor } from '../core/tensor'
import type { ProductOptions } from '../methods/forms'

export type { ProductOptions }

/** The options of {@link vectorNorm}. */
export interface NormOptions extends ReduceOptions {
  /** Default 2. */
  ord?: number
}

/** Which singular values count as zero. */
export interface ToleranceOptions {
  /** Absolute limit. Default 0. */
  atol?: number
  /** Limit relative to the largest singular value. Default: ε of the dtype times the larger side. */
  rtol?: number
  /** Whether the matrices are known to be symmetric, which is faster. Default false. */
  hermitian?: boolean
}

/** Sum of products by index letters: `einsum('bij,bjk->bik', [a, b])`. */
export function einsum(equation: string, operands: Tensor[]): Tensor {
  return native().einsum(equation, operands)
}
/** Matrix [n, k] × matrix [k, m]. */
export function mm(a: Tensor, b: Tensor): Tensor {
  return native().mm(a, b)
}
/** Matrix product of batches, matrices or vectors: as the method `matmul`. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  return native().matmul(a, b)
}
/** [B, n, k] × [B, k, m]. */
export function bmm(a: Tensor, b: Tensor): Tensor {
  return native().bmm(a, b)
}
/** β·input + α·(left × right). */
export function addmm(
  input: Tensor,
  left: Tensor,
  right: Tensor,
  { beta = 1, alpha = 1 }: ProductOptions = {},
): Tensor {
  return native().addmm(input, left, right, beta, alpha)
}
/** Vectors [n], [m] to [n, m]. */
export function outer(a: Tensor, b: Tensor): Tensor {
  return native().outer(a, b)
}
/** The sum of the products of two vectors' elements. */
export function dot(a: Tensor, b: Tensor): Tensor {
  return native().dot(a, b)
}
/** [n, m] × [m]. */
export function mv(a: Tensor, b: Tensor): Tensor {
  return native().mv(a, b)
}
/** β·input + α·(left × right), [B, n, k] × [B, k, m]. */
export function baddbmm(
  input: Tensor,
  left: Tensor,
  right: Tensor,
  { beta = 1, alpha = 1 }: ProductOptions = {},
): Tensor {
  return native().baddbmm(input, left, right, beta, alpha)
}
/** The product of all matrices, in the cheapest order. */
export function multiDot(matrices: Tensor[]): Tensor {
  return native().multiDot(matrices)
}
/** The options of {@link tensordot}. */
export interface TensordotOptions {
  /** How many dimensions to sum over, the last of `a` and the first of `b`; or the dimensions of each. Default 2. */
  dims?: number | [number[], number[]]
}

/** Sum of products over the last `dims` dimensions of a and the first of b, or over the lists [of a, of b]. */
export function tensordot(a: Tensor, b: Tensor, { dims = 2 }: TensordotOptions = {}): Tensor {
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
/** The options of {@link cross}. */
export interface CrossOptions {
  /** The dimension of the vectors, of size 3. Default -1, the last. */
  dim?: number
}

/** Cross product of vectors of three elements along `dim`. */
export function cross(a: Tensor, b: Tensor, { dim = -1 }: CrossOptions = {}): Tensor {
  return native().cross(a, b, dim)
}
/** The options of {@link cdist}. */
export interface DistanceOptions {
  /** Which norm of the difference: 1, 2 … Default 2. */
  p?: number
}

/** p-norm distances between the rows of a [.., n, d] and b [.., m, d]: [.., n, m]. */
export function cdist(a: Tensor, b: Tensor, { p = 2 }: DistanceOptions = {}): Tensor {
  return native().cdist(a, b, p)
}
/** The options of {@link vecdot}. */
export interface VecdotOptions {
  /** The dimension of the vectors. Default −1, the last. */
  dim?: number
}

/** Sum of products along `dim`; the first side is conjugated. */
export function vecdot(a: Tensor, b: Tensor, { dim = -1 }: VecdotOptions = {}): Tensor {
  return native().vecdot(a, b, dim)
}
/** The p-norm of the elements, over `dim` or all. */
export function vectorNorm(a: Tensor, { ord = 2, dim, keepdim = false }: NormOptions = {}): Tensor {
  return native().vectorNorm(a, ord, typeof dim === 'number' ? [dim] : dim, keepdim)
}
/** The options of {@link matrixNorm}. */
export interface MatrixNormOptions {
  /** Which norm: `fro`, `nuc`, 1, 2, Infinity and their negatives. Default `fro`. */
  ord?: 'fro' | 'nuc' | number
  /** The two dimensions of the matrices. Default [-2, -1]. */
  dim?: [number, number]
  /** Whether the two dimensions stay, with size 1. Default false. */
  keepdim?: boolean
}

/** A norm of matrices: Frobenius (default), nuclear, or ±1, ±2, ±Infinity. */
export function matrixNorm(a: Tensor, options: MatrixNormOptions = {}): Tensor {
  const { ord = 'fro', dim = [-2, -1], keepdim = false } = options
  if (typeof ord === 'number') return native().matrixNormBy(a, ord, dim, keepdim)
  return native().matrixNorm(a, ord, dim, keepdim)
}
/** The options of {@link cond}. */
export interface ConditionOptions {
  /** Which norm of matrices: as for {@link matrixNorm}. Default 2. */
  ord?: 'fro' | 'nuc' | number
}

/** The condition number of square matrices: ‖a‖ · ‖a⁻¹‖ in the norm `ord`, 2 by default (then also of others). */
export function cond(a: Tensor, { ord }: ConditionOptions = {}): Tensor {
  return typeof ord === 'string' ? native().condBy(a, ord) : native().cond(a, ord)
}
/** The options of {@link vander}. */
export interface VanderOptions {
  /** Number of powers. Default: as many as there are elements. */
  columns?: number
}

/** The matrix of powers 0 … columns − 1 of a vector's elements: [n, columns], by default square. */
export function vander(x: Tensor, { columns }: VanderOptions = {}): Tensor {
  return native().vander(x, columns)
}
/** The inverse of square matrices. ERR_NATIVE for a singular one. */
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
/** The determinant of square matrices. */
export function det(a: Tensor): Tensor {
  return native().det(a)
}
/** The determinant of a matrix, without overflow. */
export interface LogDeterminant {
  /** The sign of the determinant. */
  sign: Tensor
  /** The logarithm of its absolute value. */
  logabsdet: Tensor
}

/** Sign of the determinant, and logarithm of its magnitude. */
export function slogdet(a: Tensor): LogDeterminant {
  const [sign, logabsdet] = native().slogdet(a)
  return { sign, logabsdet }
}
/** aⁿ for square a. A negative n gives powers of the inverse. */
export function matrixPower(a: Tensor, n: number): Tensor {
  return native().matrixPower(a, n)
}
/** The exponential of square matrices. */
export function matrixExp(a: Tensor): Tensor {
  return native().matrixExp(a)
}
/** The options of {@link solveTriangular}. */
export interface TriangularOptions {
  /** Whether `a` is an upper triangle in place of a lower one. */
  upper: boolean
  /** Whether to solve a·x = b in place of x·a = b. Default true. */
  left?: boolean
  /** Whether to take the diagonal of `a` as ones. Default false. */
  unitriangular?: boolean
}

/** x with a · x = b (or x · a = b), for triangular a. The other triangle of a is not read. */
export function solveTriangular(
  a: Tensor,
  b: Tensor,
  { upper, left = true, unitriangular = false }: TriangularOptions,
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
/** The options of {@link choleskySolve}. */
export interface CholeskySolveOptions {
  /** Whether the factor is upper triangular. Default false: lower. */
  upper?: boolean
}

/** x with a · x = b, from the Cholesky factor of a: lower, or with `upper` upper triangular. */
export function choleskySolve(b: Tensor, factor: Tensor, { upper = false }: CholeskySolveOptions = {}): Tensor {
  return native().choleskySolve(b, factor, upper)
}
/** The result of {@link lu}. */
export interface LU {
  /** The permutation of the rows. */
  p: Tensor
  /** The lower triangle, with ones on its diagonal. */
  l: Tensor
  /** The upper triangle. */
  u: Tensor
}

/** a = p · l · u: a permutation, a lower triangle with ones on its diagonal, an upper triangle. */
export function lu(a: Tensor): LU {
  const [p, l, u] = native().lu(a)
  return { p, l, u }
}
/** The result of {@link eig}. */
export interface ComplexEigen {
  /** The eigenvalues, in no order. */
  values: Tensor
  /** The eigenvectors, as columns. */
  vectors: Tensor
}

/** Eigenvalues, complex and in no order, and eigenvectors (columns) of a square a. */
export function eig(a: Tensor): ComplexEigen {
  const [values, vectors] = native().eig(a)
  return { values, vectors }
}
/** Eigenvalues of a square a, complex and in no order. */
export function eigvals(a: Tensor): Tensor {
  return native().eigvals(a)
}
/** The result of {@link qr}. */
export interface QR {
  /** The matrix with orthonormal columns. */
  q: Tensor
  /** The upper triangle. */
  r: Tensor
}

/** The decomposition a = q·r with orthonormal columns of q and an upper triangle r. */
export function qr(a: Tensor): QR {
  const [q, r] = native().qr(a)
  return { q, r }
}
/** The result of {@link svd}. */
export interface SVD {
  /** The left singular vectors, as columns. */
  u: Tensor
  /** The singular values, the largest first. */
  s: Tensor
  /** The right singular vectors, as rows. */
  vh: Tensor
}

/** a = u · diag(s) · vh, reduced: k = min(m, n) columns. */
export function svd(a: Tensor): SVD {
  const [u, s, vh] = native().svd(a)
  return { u, s, vh }
}
/** The result of {@link eigh}. */
export interface Eigen {
  /** The eigenvalues, the smallest first. */
  values: Tensor
  /** The eigenvectors, as columns. */
  vectors: Tensor
}

/** Eigenvalues, ascending, and eigenvectors (columns) of a symmetric a. */
export function eigh(a: Tensor): Eigen {
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
