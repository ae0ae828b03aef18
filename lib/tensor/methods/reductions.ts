/** The methods of Tensor that reduce, accumulate, sort and count. */
import { native } from '../../native/addon'
import type { Dims, DType, ReduceOneOptions, ReduceOptions, Tensor } from '../../native/types'
import { Arithmetic } from './arithmetic'

/** Elements found along a dimension, and where (int64). */
export interface Along {
  values: Tensor
  indices: Tensor
}

export interface AlongOptions {
  dim: number
  keepdim?: boolean
}

export interface MomentOptions extends ReduceOptions {
  /** 1 (the default) divides by n − 1, 0 by n. */
  correction?: number
}

export interface QuantileOptions extends ReduceOneOptions {
  /** What lies between two elements. Default linear. */
  interpolation?: 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest'
}

export interface SortOptions {
  dim?: number
  descending?: boolean
  stable?: boolean
}

export interface DiffOptions {
  n?: number
  dim?: number
  prepend?: Tensor | null
  append?: Tensor | null
}

export interface UniqueOptions {
  inverse?: boolean
  counts?: boolean
  /** Compare slices along this dimension instead of elements. */
  dim?: number
}

/** Distinct elements, and what of the rest was asked for. */
export interface Unique {
  values: Tensor
  inverse: Tensor | null
  counts: Tensor | null
}

const list = (dim: Dims | undefined): number[] | undefined => (typeof dim === 'number' ? [dim] : dim)
const along = ([values, indices]: [Tensor, Tensor]): Along => ({ values, indices })
const distinct = ([values, inverse, counts]: [Tensor, Tensor | null, Tensor | null]): Unique => ({
  values,
  inverse,
  counts,
})

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class Reductions extends Arithmetic {
  // --- reductions: over all dimensions where none is given --------------------------------------------------------------

  sum(this: Tensor, { dim, keepdim = false, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
    return native().sum(this, list(dim), keepdim, dtype)
  }
  /** Sum, NaN counting as 0. */
  nansum(this: Tensor, { dim, keepdim = false, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
    return native().nansum(this, list(dim), keepdim, dtype)
  }
  mean(this: Tensor, { dim, keepdim = false, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
    return native().mean(this, list(dim), keepdim, dtype)
  }
  /** Mean of the elements that are not NaN. */
  nanmean(this: Tensor, { dim, keepdim = false, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
    return native().nanmean(this, list(dim), keepdim, dtype)
  }
  /** Variance; `correction` 1 (the default) divides by n − 1, 0 by n. */
  var(this: Tensor, { dim, keepdim = false, correction = 1 }: MomentOptions = {}): Tensor {
    return native().var(this, list(dim), correction, keepdim)
  }
  /** Standard deviation; `correction` as for {@link var}. */
  std(this: Tensor, { dim, keepdim = false, correction = 1 }: MomentOptions = {}): Tensor {
    return native().std(this, list(dim), correction, keepdim)
  }
  /** Variance and mean at once; `correction` as for {@link var}. */
  varMean(this: Tensor, { dim, keepdim = false, correction = 1 }: MomentOptions = {}): { var: Tensor; mean: Tensor } {
    const [variance, mean] = native().varMean(this, list(dim), correction, keepdim)
    return { var: variance, mean }
  }
  /** Standard deviation and mean at once; `correction` as for {@link var}. */
  stdMean(this: Tensor, { dim, keepdim = false, correction = 1 }: MomentOptions = {}): { std: Tensor; mean: Tensor } {
    const [std, mean] = native().stdMean(this, list(dim), correction, keepdim)
    return { std, mean }
  }
  prod(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().prod(this, dim, keepdim)
  }
  /** Largest element; gradients are shared among equal ones. */
  amax(this: Tensor, { dim, keepdim = false }: ReduceOptions = {}): Tensor {
    return native().amax(this, list(dim) ?? [], keepdim)
  }
  /** Smallest element; gradients are shared among equal ones. */
  amin(this: Tensor, { dim, keepdim = false }: ReduceOptions = {}): Tensor {
    return native().amin(this, list(dim) ?? [], keepdim)
  }
  /** Smallest and largest element, along `dim` or of all. */
  aminmax(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): { min: Tensor; max: Tensor } {
    const [min, max] = native().aminmax(this, dim, keepdim)
    return { min, max }
  }
  /** The largest element; along `dim` with the indices (int64). The gradient goes to one element each. */
  max(this: Tensor): Tensor
  max(this: Tensor, options: AlongOptions): Along
  max(this: Tensor, options?: AlongOptions): Tensor | Along {
    if (options?.dim === undefined) return native().max(this)
    return along(native().maxAlong(this, options.dim, options.keepdim ?? false))
  }
  /** The smallest element; along `dim` with the indices (int64). */
  min(this: Tensor): Tensor
  min(this: Tensor, options: AlongOptions): Along
  min(this: Tensor, options?: AlongOptions): Tensor | Along {
    if (options?.dim === undefined) return native().min(this)
    return along(native().minAlong(this, options.dim, options.keepdim ?? false))
  }
  /** The median, the lower one of two; along `dim` with the indices (int64). */
  median(this: Tensor): Tensor
  median(this: Tensor, options: AlongOptions): Along
  median(this: Tensor, options?: AlongOptions): Tensor | Along {
    if (options?.dim === undefined) return native().median(this)
    return along(native().medianAlong(this, options.dim, options.keepdim ?? false))
  }
  /** The median of the elements that are not NaN. */
  nanmedian(this: Tensor): Tensor
  nanmedian(this: Tensor, options: AlongOptions): Along
  nanmedian(this: Tensor, options?: AlongOptions): Tensor | Along {
    if (options?.dim === undefined) return native().nanmedian(this)
    return along(native().nanmedianAlong(this, options.dim, options.keepdim ?? false))
  }
  /** The most frequent element along `dim`, the smallest of several, with an index of it. */
  mode(this: Tensor, { dim = -1, keepdim = false }: ReduceOneOptions = {}): Along {
    return along(native().mode(this, dim, keepdim))
  }
  /** The k-th smallest element along `dim`, k from 1, with its index. */
  kthvalue(this: Tensor, k: number, { dim = -1, keepdim = false }: ReduceOneOptions = {}): Along {
    return along(native().kthvalue(this, k, dim, keepdim))
  }
  /** Quantiles at `q` in [0, 1]: a number, or a 1-d tensor of this dtype, whose length leads the result's shape. */
  quantile(this: Tensor, q: number | Tensor, options: QuantileOptions = {}): Tensor {
    const { dim, keepdim = false, interpolation = 'linear' } = options
    return native().quantile(this, q, dim, keepdim, interpolation)
  }
  /** {@link quantile} of the elements that are not NaN. */
  nanquantile(this: Tensor, q: number | Tensor, options: QuantileOptions = {}): Tensor {
    const { dim, keepdim = false, interpolation = 'linear' } = options
    return native().nanquantile(this, q, dim, keepdim, interpolation)
  }
  /** Index (int64) of the largest element, along `dim` or in the flattened tensor. */
  argmax(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().argmax(this, dim, keepdim)
  }
  argmin(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().argmin(this, dim, keepdim)
  }
  all(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().all(this, dim, keepdim)
  }
  any(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().any(this, dim, keepdim)
  }
  /** How many elements are not 0. */
  countNonzero(this: Tensor, { dim }: { dim?: Dims } = {}): Tensor {
    return native().countNonzero(this, list(dim))
  }
  /** Sum of a matrix's diagonal. */
  trace(this: Tensor): Tensor {
    return native().trace(this)
  }
  /** p-norm, default the Euclidean. */
  norm(this: Tensor, { p = 2, dim, keepdim = false }: ReduceOptions & { p?: number } = {}): Tensor {
    return native().norm(this, p, list(dim) ?? [], keepdim)
  }
  logsumexp(this: Tensor, { dim, keepdim = false }: { dim: Dims; keepdim?: boolean }): Tensor {
    return native().logsumexp(this, list(dim) as number[], keepdim)
  }
  /** Sums of the elements up to each, along `dim`. */
  cumsum(this: Tensor, dim: number): Tensor {
    return native().cumsum(this, dim)
  }
  /** Products of the elements up to each, along `dim`. */
  cumprod(this: Tensor, dim: number): Tensor {
    return native().cumprod(this, dim)
  }
  /** The largest element so far, with its index. */
  cummax(this: Tensor, dim: number): Along {
    return along(native().cummax(this, dim))
  }
  /** The smallest element so far, with its index. */
  cummin(this: Tensor, dim: number): Along {
    return along(native().cummin(this, dim))
  }
  /** log of the sums of exp up to each element, exact for large ones. */
  logcumsumexp(this: Tensor, dim: number): Tensor {
    return native().logcumsumexp(this, dim)
  }
  /** Differences of neighbours along `dim`, n times over, with `prepend` and `append` joined on first. */
  diff(this: Tensor, { n = 1, dim = -1, prepend, append }: DiffOptions = {}): Tensor {
    return native().diff(this, n, dim, prepend, append)
  }
  softmax(this: Tensor, dim: number): Tensor {
    return native().softmax(this, dim)
  }
  logSoftmax(this: Tensor, dim: number): Tensor {
    return native().logSoftmax(this, dim)
  }
  /** The k largest (or smallest) along `dim`, in order, with their indices (int64). */
  topk(this: Tensor, k: number, { dim = -1, largest = true } = {}): Along {
    return along(native().topk(this, k, dim, largest))
  }
  /** Sorted along `dim`, with the indices (int64); `stable` keeps the order of equal elements. */
  sort(this: Tensor, { dim = -1, descending = false, stable = false }: SortOptions = {}): Along {
    return along(native().sort(this, dim, descending, stable))
  }
  argsort(this: Tensor, options: SortOptions = {}): Tensor {
    const { values, indices } = this.sort(options)
    values.dispose()
    return indices
  }
  /**
   * The distinct elements (or slices along `dim`), sorted; on request the position of each element among them and how
   * often each occurs. Waits for the device.
   */
  unique(this: Tensor, { inverse = false, counts = false, dim }: UniqueOptions = {}): Unique {
    return distinct(native().unique(this, inverse, counts, dim))
  }
  /** {@link unique} of neighbours only, in the order they stand. */
  uniqueConsecutive(this: Tensor, { inverse = false, counts = false, dim }: UniqueOptions = {}): Unique {
    return distinct(native().uniqueConsecutive(this, inverse, counts, dim))
  }
  /** Where in the sorted 1-d `boundaries` each element belongs: left of equal ones, or with `right` right of them. */
  bucketize(this: Tensor, boundaries: Tensor, { right = false } = {}): Tensor {
    return native().bucketize(this, boundaries, right)
  }
  /** Counts in `bins` equal bins from min to max; the elements' own range where both are 0. */
  histc(this: Tensor, { bins = 100, min = 0, max = 0 } = {}): Tensor {
    return native().histc(this, bins, min, max)
  }
  /** How often each of 0, 1, 2 … occurs in a 1-d integer tensor, or the sum of the `weights` there. */
  bincount(this: Tensor, { minLength = 0, weights }: { minLength?: number; weights?: Tensor | null } = {}): Tensor {
    return native().bincount(this, weights, minLength)
  }
}
