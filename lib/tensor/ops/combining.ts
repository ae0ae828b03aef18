/** Operations that combine tensors: joining, choosing between two, searching one for another's values. */
import { native } from '../../native/addon'
import type { Tensor } from '../core/tensor'
import type { Operand } from '../methods/arithmetic'

/** Joins along an existing dimension; the other sizes must agree. */
export function cat(tensors: Tensor[], dim = 0): Tensor {
  return native().cat(tensors, dim)
}

/** Joins along a new dimension; the shapes must agree. */
export function stack(tensors: Tensor[], dim = 0): Tensor {
  return native().stack(tensors, dim)
}

/** `input` where the condition holds, `other` elsewhere, broadcast. */
export function where(condition: Tensor, input: Operand, other: Operand): Tensor {
  return native().where(condition, input, other)
}

/** One-hot rows for class indices: int64 [.., classes]. */
export function oneHot(indices: Tensor, classes: number): Tensor {
  return native().oneHot(indices, classes)
}

/** Joins along the second dimension, vectors along their only one. */
export function hstack(tensors: Tensor[]): Tensor {
  return native().hstack(tensors)
}

/** Joins along the first dimension; vectors become rows. */
export function vstack(tensors: Tensor[]): Tensor {
  return native().vstack(tensors)
}

/** Joins along the third dimension. */
export function dstack(tensors: Tensor[]): Tensor {
  return native().dstack(tensors)
}

/** Joins vectors as the columns of a matrix, and matrices along their second dimension. */
export function columnStack(tensors: Tensor[]): Tensor {
  return native().columnStack(tensors)
}

/** The matrix with these matrices along its diagonal, 0 elsewhere. */
export function blockDiag(tensors: Tensor[]): Tensor {
  return native().blockDiag(tensors)
}

/** All combinations of the vectors' elements, [n₁ · n₂ · …, k]. */
export function cartesianProd(tensors: Tensor[]): Tensor {
  return native().cartesianProd(tensors)
}

/** The options of {@link meshgrid}. */
export interface MeshgridOptions {
  /** `ij`: the first dimension belongs to the first tensor; `xy`: to the second. Default `ij`. */
  indexing?: 'ij' | 'xy'
}

/** Makes grids from vectors: `ij` (default) gives [n₁, n₂, …], `xy` swaps the first two dimensions. Views. */
export function meshgrid(tensors: Tensor[], { indexing = 'ij' }: MeshgridOptions = {}): Tensor[] {
  return native().meshgrid(tensors, indexing)
}

/** Expands all tensors to their common shape. Views. */
export function broadcastTensors(tensors: Tensor[]): Tensor[] {
  return native().broadcastTensors(tensors)
}

/** The options of {@link searchsorted}. */
export interface SearchOptions {
  /** Whether the position is behind equal elements in place of before them. Default false. */
  right?: boolean
}

/**
 * The position of each value in the sorted last dimension of `sorted`: before equal ones, or with `right` after them.
 * Leading dimensions must agree, unless `sorted` is a vector.
 */
export function searchsorted(sorted: Tensor, values: Tensor | number, { right = false }: SearchOptions = {}): Tensor {
  return native().searchsorted(sorted, values, right)
}
