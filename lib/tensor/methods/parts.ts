/** Methods of Tensor that reshape, split and pick. */
import { native } from '../../native/addon'
import type { AlphaOptions, Dims, Element, Tensor } from '../../native/types'
import type { Operand } from './arithmetic'
import { type IndexPart, indexed, indexTensor } from './indexing'
import { InPlace, type ScatterReduceOptions } from './inplace'

/** Which diagonal, of which two dimensions. */
export interface DiagonalOptions {
  /** Offset from the main diagonal: above for positive numbers, below for negative ones. */
  offset?: number
  /** The dimension of the rows. Default 0, or -2 in `diagEmbed`. */
  dim1?: number
  /** The dimension of the columns. Default 1, or -1 in `diagEmbed`. */
  dim2?: number
}

const several = (dims: Dims): number[] => (typeof dims === 'number' ? [dims] : dims)

/** The options of {@link Tensor.indexPut_}. */
export interface AccumulateOptions {
  /** Whether to add the values in place of storing them. Default false. */
  accumulate?: boolean
}

/** The options of {@link Tensor.slice}. */
export interface SliceOptions {
  /** The dimension that is cut. Default 0. */
  dim?: number
  /** The first index; a negative one counts from the end. Default 0. */
  start?: number
  /** The index behind the last one; a negative one counts from the end. Default: the size. */
  end?: number
  /** Distance between two indices, at least 1. Default 1. */
  step?: number
}

/** Options of methods that take the flattened tensor unless a dimension is given. */
export interface FlatOptions {
  /** The dimension. Default: the flattened tensor. */
  dim?: number
}

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class Parts extends InPlace {
  // --- shape: views where possible -----------------------------------------------------------------------------------

  /** Another shape over the same memory; one size may be −1. */
  view(this: Tensor, shape: number[]): Tensor {
    return native().view(this, shape)
  }
  /** Like {@link view}; copies if the layout does not allow a view. */
  reshape(this: Tensor, shape: number[]): Tensor {
    return native().reshape(this, shape)
  }
  /** A view whose dimensions are in the given order. */
  permute(this: Tensor, dims: number[]): Tensor {
    return native().permute(this, dims)
  }
  /** A view with two dimensions exchanged. */
  transpose(this: Tensor, dim0: number, dim1: number): Tensor {
    return native().transpose(this, dim0, dim1)
  }
  /** Moves dimensions to other places; the others keep their order. */
  movedim(this: Tensor, from: Dims, to: Dims): Tensor {
    return native().movedim(this, several(from), several(to))
  }
  /** Transpose of a matrix. */
  t(this: Tensor): Tensor {
    return native().transpose(this, 0, 1)
  }
  /** Removes the dimensions of size 1, or only `dim` if its size is 1. */
  squeeze(this: Tensor, dim?: number): Tensor {
    return native().squeeze(this, dim)
  }
  /** A view with a dimension of size 1 inserted at `dim`. */
  unsqueeze(this: Tensor, dim: number): Tensor {
    return native().unsqueeze(this, dim)
  }
  /** Repeats dimensions of size 1 without copying; −1 keeps a size. */
  expand(this: Tensor, shape: number[]): Tensor {
    return native().expand(this, shape)
  }
  /** {@link expand} under NumPy's name. */
  broadcastTo(this: Tensor, shape: number[]): Tensor {
    return native().expand(this, shape)
  }
  /** The dimensions from `startDim` to `endDim` as one. A view where that is possible. */
  flatten(this: Tensor, startDim = 0, endDim = -1): Tensor {
    return native().flatten(this, startDim, endDim)
  }
  /** The reverse of flatten: splits dimension `dim` into the given sizes, one of which may be −1. */
  unflatten(this: Tensor, dim: number, sizes: number[]): Tensor {
    return native().unflatten(this, dim, sizes)
  }
  /** A copy with the order along the given dimensions reversed. */
  flip(this: Tensor, dims: number[]): Tensor {
    return native().flip(this, dims)
  }
  /** A copy shifted along the given dimensions; what leaves at one end comes in at the other. */
  roll(this: Tensor, shifts: number[], dims: number[]): Tensor {
    return native().roll(this, shifts, dims)
  }
  /** Rotates the plane of two dimensions by 90°, from the first towards the second, `times` times. */
  rot90(this: Tensor, times = 1, dims: [number, number] = [0, 1]): Tensor {
    return native().rot90(this, times, dims)
  }
  /** Tiles it, copying. */
  repeat(this: Tensor, repeats: number[]): Tensor {
    return native().repeat(this, repeats)
  }
  /** Like {@link repeat}; missing counts are 1. */
  tile(this: Tensor, repeats: number[]): Tensor {
    return native().tile(this, repeats)
  }
  /** Repeats each element (or slice along `dim`): by one count, or by an int64 tensor with a count for each. */
  repeatInterleave(this: Tensor, repeats: number | Tensor, { dim }: FlatOptions = {}): Tensor {
    return native().repeatInterleave(this, repeats, dim)
  }

  // --- parts ---------------------------------------------------------------------------------------------------------

  /** A view of `length` indices of a dimension, from `start` on. */
  narrow(this: Tensor, dim: number, start: number, length: number): Tensor {
    return native().narrow(this, dim, start, length)
  }
  /** The slice at one index; the dimension disappears. */
  select(this: Tensor, dim: number, index: number): Tensor {
    return native().select(this, dim, index)
  }
  /**
   * Elements start, start + step, … below end, as a view. Negative positions count from the end. The step is positive.
   */
  slice(this: Tensor, { dim = 0, start, end, step = 1 }: SliceOptions = {}): Tensor {
    return native().slice(this, dim, start, end, step)
  }
  /** Windows of `size` along `dim`, every `step`, as a new last dimension; a view. */
  unfold(this: Tensor, dim: number, size: number, step: number): Tensor {
    return native().unfold(this, dim, size, step)
  }
  /** The diagonal of two dimensions, as the last dimension; a view. */
  diagonal(this: Tensor, { offset = 0, dim1 = 0, dim2 = 1 }: DiagonalOptions = {}): Tensor {
    return native().diagonal(this, offset, dim1, dim2)
  }
  /** A matrix's diagonal, or the matrix with this vector as its diagonal. */
  diag(this: Tensor, offset = 0): Tensor {
    return native().diag(this, offset)
  }
  /** Matrices whose diagonals are the last dimension, 0 elsewhere. */
  diagEmbed(this: Tensor, { offset = 0, dim1 = -2, dim2 = -1 }: DiagonalOptions = {}): Tensor {
    return native().diagEmbed(this, offset, dim1, dim2)
  }
  /**
   * NumPy-style indexing, one entry for each dimension: a number; `{start, end, step}`; `':'` for all; `'...'` for all
   * dimensions left out; `null` for a new dimension; an int64 tensor or a bool mask.
   */
  index(this: Tensor, ...parts: IndexPart[]): Tensor {
    return indexTensor(this, parts)
  }
  /** Writes `values` (broadcast) to the places that {@link index} reads. */
  indexPut_(this: Tensor, parts: IndexPart[], values: Operand, { accumulate = false }: AccumulateOptions = {}): Tensor {
    indexed(this, parts, (view, tensors) => {
      if (tensors.length > 0) native().indexPut_(view, tensors, values, accumulate)
      else if (accumulate) native().add_(view, values, 1)
      else if (native().isTensor(values)) native().copy_(view, values as Tensor)
      else native().fill_(view, values as Element)
    })
    return this
  }
  /** The parts of a dimension at the given indices, in their order; `indices` has one dimension. */
  indexSelect(this: Tensor, dim: number, indices: Tensor): Tensor {
    return native().indexSelect(this, dim, indices)
  }
  /** For each element of `indices`, the element at that index along `dim`, as torch.gather. */
  gather(this: Tensor, dim: number, indices: Tensor): Tensor {
    return native().gather(this, dim, indices)
  }
  /** The elements at the given indices (int64) of the flattened tensor. */
  take(this: Tensor, indices: Tensor): Tensor {
    return native().take(this, indices)
  }
  /** {@link gather} with broadcasting, for indices from argmax or argsort. Without `dim`, on the flattened tensor. */
  takeAlongDim(this: Tensor, indices: Tensor, { dim }: FlatOptions = {}): Tensor {
    return native().takeAlongDim(this, indices, dim)
  }
  /** A copy in which source[…] stands at position indices[…] of `dim`. */
  scatter(this: Tensor, dim: number, indices: Tensor, source: Operand): Tensor {
    return native().scatter(this, dim, indices, source)
  }
  /** A copy with source[…] added at position indices[…] of `dim`; the reverse of {@link gather}. */
  scatterAdd(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    return native().scatterAdd(this, dim, indices, source)
  }
  /** Like {@link scatterAdd}, with another way to combine elements of the same place. */
  scatterReduce(
    this: Tensor,
    dim: number,
    indices: Tensor,
    source: Tensor,
    { reduce, includeSelf = true }: ScatterReduceOptions,
  ): Tensor {
    return native().scatterReduce(this, dim, indices, source, reduce, includeSelf)
  }
  /** A copy with α times the slices of `source` added at the indices of `dim`. */
  indexAdd(this: Tensor, dim: number, indices: Tensor, source: Tensor, { alpha = 1 }: AlphaOptions = {}): Tensor {
    return native().indexAdd(this, dim, indices, source, alpha)
  }
  /** A copy with the slices of `source` written at the indices of `dim`. */
  indexCopy(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    return native().indexCopy(this, dim, indices, source)
  }
  /** A copy with `value` in the slices at the indices of `dim`. */
  indexFill(this: Tensor, dim: number, indices: Tensor, value: Element): Tensor {
    return native().indexFill(this, dim, indices, value)
  }
  /** A copy with `value` where the mask is true; the mask is broadcast. */
  maskedFill(this: Tensor, mask: Tensor, value: Element): Tensor {
    return native().maskedFill(this, mask, value)
  }
  /** A copy in which the elements where the mask is true come, in order, from `source`. */
  maskedScatter(this: Tensor, mask: Tensor, source: Tensor): Tensor {
    return native().maskedScatter(this, mask, source)
  }
  /** The elements where the mask is true, as a 1-d tensor. Waits for the device. */
  maskedSelect(this: Tensor, mask: Tensor): Tensor {
    return native().maskedSelect(this, mask)
  }
  /** Indices [n, ndim] of the elements that are not 0. Waits for the device. */
  nonzero(this: Tensor): Tensor {
    return native().nonzero(this)
  }
  /** The lower triangle of the last two dimensions, 0 above `diagonal`. */
  tril(this: Tensor, diagonal = 0): Tensor {
    return native().tril(this, diagonal)
  }
  /** The part of each matrix on and above a diagonal, zeros below it; `diagonal` 0 is the main one. */
  triu(this: Tensor, diagonal = 0): Tensor {
    return native().triu(this, diagonal)
  }
  /** Pieces of the given sizes along `dim`. */
  split(this: Tensor, sizes: number[], dim = 0): Tensor[] {
    return native().split(this, sizes, dim)
  }
  /** At most `chunks` pieces of equal size; the last may be smaller. */
  chunk(this: Tensor, chunks: number, dim = 0): Tensor[] {
    return native().chunk(this, chunks, dim)
  }
  /** The given number of pieces, as equal as possible, or pieces cut before the given indices. */
  tensorSplit(this: Tensor, sectionsOrIndices: number | number[], dim = 0): Tensor[] {
    if (Array.isArray(sectionsOrIndices)) return native().tensorSplitAt(this, sectionsOrIndices, dim)
    return native().tensorSplit(this, sectionsOrIndices, dim)
  }
  /** One tensor for each index of `dim`. */
  unbind(this: Tensor, dim = 0): Tensor[] {
    return native().unbind(this, dim)
  }
}
