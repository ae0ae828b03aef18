/** Methods of Tensor that reduce, accumulate, sort and count. */
import { native } from '../../native/addon'
import type {
  Dims,
  FloatTensor,
  IndexTensor,
  ReduceOneOptions,
  ReduceOptions,
  SumOptions,
  Tensor,
} from '../../native/types'
import { Arithmetic } from './arithmetic'

/** Elements found along a dimension, and their indices (int64). */
export interface Along {
  /** The elements. */
  values: Tensor
  /** Their indices along the dimension, int64. */
  indices: Tensor
}

/** The single dimension that a reduction with indices goes along. */
export interface AlongOptions {
  /** The dimension; a negative one counts from the end. */
  dim: number
  /** Whether the dimension stays, with size 1. Default false. */
  keepdim?: boolean
}

/** The options of variances and standard deviations. */
export interface MomentOptions extends ReduceOptions {
  /** 1 (the default) divides by n − 1, 0 by n. */
  correction?: number
}

/** The options of quantiles. */
export interface QuantileOptions extends ReduceOneOptions {
  /** The value for a quantile between two elements. Default linear. */
  interpolation?: 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest'
}

/** How elements are sorted. */
export interface SortOptions {
  /** The dimension; a negative one counts from the end. Default -1, the last. */
  dim?: number
  /** Whether the largest comes first. Default false. */
  descending?: boolean
  /** Whether equal elements keep their order. Default false. */
  stable?: boolean
}

/** The options of {@link Tensor.diff}. */
export interface DiffOptions {
  /** How often neighbours are subtracted. Default 1. */
  n?: number
  /** The dimension; a negative one counts from the end. Default -1, the last. */
  dim?: number
  /** Elements to put before the first ones. Default: none. */
  prepend?: Tensor | null
  /** Elements to put behind the last ones. Default: none. */
  append?: Tensor | null
}

/** What {@link Tensor.unique} returns besides the values. */
export interface UniqueOptions {
  /** Whether to return, for each element, the index of its value. Default false. */
  inverse?: boolean
  /** Whether to return how often each value occurs. Default false. */
  counts?: boolean
  /** Compare slices along this dimension instead of elements. */
  dim?: number
}

/** The distinct elements, with positions and counts if requested. */
export interface Unique {
  /** The different values. */
  values: Tensor
  /** For each element, the index of its value; null without `inverse`. */
  inverse: Tensor | null
  /** How often each value occurs; null without `counts`. */
  counts: Tensor | null
}

/** The options of a reduction, whose dimensions may also come first, as in PyTorch. */
function reduced<O extends { dim?: Dims }>(dimOrOptions: Dims | O | undefined, options: O | undefined): O {
  if (typeof dimOrOptions === 'number' || Array.isArray(dimOrOptions)) return { ...options, dim: dimOrOptions } as O
  return (dimOrOptions ?? {}) as O
}

const list = (dim: Dims | undefined): number[] | undefined => (typeof dim === 'number' ? [dim] : dim)
const along = ([values, indices]: [Tensor, Tensor]): Along => ({ values, indices })
const distinct = ([values, inverse, counts]: [Tensor, Tensor | null, Tensor | null]): Unique => ({
  values,
  inverse,
  counts,
})

/** The options of {@link Tensor.bincount}. */
export interface BincountOptions {
  /** Smallest length of the result. Default 0. */
  minLength?: number
  /** What each element adds to its count. Default: 1. */
  weights?: Tensor | null
}

/** The options of {@link Tensor.histc}. */
export interface HistogramOptions {
  /** Number of bins of equal width. Default 100. */
  bins?: number
  /** Lower end of the bins. Default 0. */
  min?: number
  /** Upper end of the bins. Default 0; with both 0, the ends are the smallest and the largest element. */
  max?: number
}

/** The options of {@link Tensor.bucketize}. */
export interface BucketOptions {
  /** Whether an element on a boundary belongs to the interval above it. Default false. */
  right?: boolean
}

/** The options of {@link Tensor.topk}. */
export interface TopkOptions {
  /** The dimension; a negative one counts from the end. Default -1, the last. */
  dim?: number
  /** Whether to take the largest elements in place of the smallest. Default true. */
  largest?: boolean
}

/** The options of {@link Tensor.logsumexp}. */
export interface LogsumexpOptions {
  /** One dimension or several; negative ones count from the end. */
  dim: Dims
  /** Whether the dimensions stay, with size 1. Default false. */
  keepdim?: boolean
}

/** The options of {@link Tensor.norm}. */
export interface NormOptions extends ReduceOptions {
  /** Which norm: 1, 2, Infinity … Default 2. */
  p?: number
}

/** The options of {@link Tensor.countNonzero}. */
export interface CountOptions {
  /** The dimensions to count along. Default: all. */
  dim?: Dims
}

/** The smallest and the largest elements. */
export interface Extremes {
  /** The smallest elements. */
  min: Tensor
  /** The largest elements. */
  max: Tensor
}

/** The standard deviation and the mean of the same elements. */
export interface StdMean {
  /** The standard deviation. */
  std: Tensor
  /** The mean of the elements. */
  mean: Tensor
}

/** The variance and the mean of the same elements. */
export interface VarMean {
  /** The variance. */
  var: Tensor
  /** The mean of the elements. */
  mean: Tensor
}

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class Reductions extends Arithmetic {
  // --- reductions: over all dimensions where none is given -----------------------------------------------------------

  /** The sum over all elements or along dimensions. Integers and booleans are summed as int64. */
  sum(this: Tensor, options?: SumOptions): Tensor
  sum(this: Tensor, dim: Dims, options?: Omit<SumOptions, 'dim'>): Tensor
  sum(this: Tensor, dimOrOptions?: Dims | SumOptions, options?: Omit<SumOptions, 'dim'>): Tensor {
    const { dim, keepdim = false, dtype } = reduced<SumOptions>(dimOrOptions, options)
    return native().sum(this, list(dim), keepdim, dtype)
  }
  /** Sum, NaN counting as 0. */
  nansum(this: Tensor, options?: SumOptions): Tensor
  nansum(this: Tensor, dim: Dims, options?: Omit<SumOptions, 'dim'>): Tensor
  nansum(this: Tensor, dimOrOptions?: Dims | SumOptions, options?: Omit<SumOptions, 'dim'>): Tensor {
    const { dim, keepdim = false, dtype } = reduced<SumOptions>(dimOrOptions, options)
    return native().nansum(this, list(dim), keepdim, dtype)
  }
  /** The mean over all elements or along dimensions; of floating-point tensors only, unless `dtype` is given. */
  mean(this: Tensor, options?: SumOptions): FloatTensor
  mean(this: Tensor, dim: Dims, options?: Omit<SumOptions, 'dim'>): FloatTensor
  mean(this: Tensor, dimOrOptions?: Dims | SumOptions, options?: Omit<SumOptions, 'dim'>): FloatTensor {
    const { dim, keepdim = false, dtype } = reduced<SumOptions>(dimOrOptions, options)
    return native().mean(this, list(dim), keepdim, dtype) as FloatTensor
  }
  /** Mean of the elements that are not NaN. */
  nanmean(this: Tensor, options?: SumOptions): FloatTensor
  nanmean(this: Tensor, dim: Dims, options?: Omit<SumOptions, 'dim'>): FloatTensor
  nanmean(this: Tensor, dimOrOptions?: Dims | SumOptions, options?: Omit<SumOptions, 'dim'>): FloatTensor {
    const { dim, keepdim = false, dtype } = reduced<SumOptions>(dimOrOptions, options)
    return native().nanmean(this, list(dim), keepdim, dtype) as FloatTensor
  }
  /** Variance; `correction` 1 (the default) divides by n − 1, 0 by n. */
  var(this: Tensor, options?: MomentOptions): FloatTensor
  var(this: Tensor, dim: Dims, options?: Omit<MomentOptions, 'dim'>): FloatTensor
  var(this: Tensor, dimOrOptions?: Dims | MomentOptions, options?: Omit<MomentOptions, 'dim'>): FloatTensor {
    const { dim, keepdim = false, correction = 1 } = reduced<MomentOptions>(dimOrOptions, options)
    return native().var(this, list(dim), correction, keepdim) as FloatTensor
  }
  /** Standard deviation; `correction` as for {@link var}. */
  std(this: Tensor, options?: MomentOptions): FloatTensor
  std(this: Tensor, dim: Dims, options?: Omit<MomentOptions, 'dim'>): FloatTensor
  std(this: Tensor, dimOrOptions?: Dims | MomentOptions, options?: Omit<MomentOptions, 'dim'>): FloatTensor {
    const { dim, keepdim = false, correction = 1 } = reduced<MomentOptions>(dimOrOptions, options)
    return native().std(this, list(dim), correction, keepdim) as FloatTensor
  }
  /** Variance and mean at once; `correction` as for {@link var}. */
  varMean(this: Tensor, options?: MomentOptions): VarMean
  varMean(this: Tensor, dim: Dims, options?: Omit<MomentOptions, 'dim'>): VarMean
  varMean(this: Tensor, dimOrOptions?: Dims | MomentOptions, options?: Omit<MomentOptions, 'dim'>): VarMean {
    const { dim, keepdim = false, correction = 1 } = reduced<MomentOptions>(dimOrOptions, options)
    const [variance, mean] = native().varMean(this, list(dim), correction, keepdim)
    return { var: variance, mean }
  }
  /** Standard deviation and mean at once; `correction` as for {@link var}. */
  stdMean(this: Tensor, options?: MomentOptions): StdMean
  stdMean(this: Tensor, dim: Dims, options?: Omit<MomentOptions, 'dim'>): StdMean
  stdMean(this: Tensor, dimOrOptions?: Dims | MomentOptions, options?: Omit<MomentOptions, 'dim'>): StdMean {
    const { dim, keepdim = false, correction = 1 } = reduced<MomentOptions>(dimOrOptions, options)
    const [std, mean] = native().stdMean(this, list(dim), correction, keepdim)
    return { std, mean }
  }
  /** The product of all elements, or along one dimension. */
  prod(this: Tensor, options?: ReduceOneOptions): Tensor
  prod(this: Tensor, dim: number, options?: Omit<ReduceOneOptions, 'dim'>): Tensor
  prod(this: Tensor, dimOrOptions?: number | ReduceOneOptions, options?: Omit<ReduceOneOptions, 'dim'>): Tensor {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(dimOrOptions, options)
    return native().prod(this, dim, keepdim)
  }
  /** Largest element. Equal elements share the gradient. */
  amax(this: Tensor, options?: ReduceOptions): Tensor
  amax(this: Tensor, dim: Dims, options?: Omit<ReduceOptions, 'dim'>): Tensor
  amax(this: Tensor, dimOrOptions?: Dims | ReduceOptions, options?: Omit<ReduceOptions, 'dim'>): Tensor {
    const { dim, keepdim = false } = reduced<ReduceOptions>(dimOrOptions, options)
    return native().amax(this, list(dim) ?? [], keepdim)
  }
  /** Smallest element. Equal elements share the gradient. */
  amin(this: Tensor, options?: ReduceOptions): Tensor
  amin(this: Tensor, dim: Dims, options?: Omit<ReduceOptions, 'dim'>): Tensor
  amin(this: Tensor, dimOrOptions?: Dims | ReduceOptions, options?: Omit<ReduceOptions, 'dim'>): Tensor {
    const { dim, keepdim = false } = reduced<ReduceOptions>(dimOrOptions, options)
    return native().amin(this, list(dim) ?? [], keepdim)
  }
  /** Smallest and largest element, along `dim` or of all. */
  aminmax(this: Tensor, options?: ReduceOneOptions): Extremes
  aminmax(this: Tensor, dim: number, options?: Omit<ReduceOneOptions, 'dim'>): Extremes
  aminmax(this: Tensor, dimOrOptions?: number | ReduceOneOptions, options?: Omit<ReduceOneOptions, 'dim'>): Extremes {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(dimOrOptions, options)
    const [min, max] = native().aminmax(this, dim, keepdim)
    return { min, max }
  }
  /** The largest element; along `dim` with the indices (int64). Each gradient goes to a single element. */
  max(this: Tensor): Tensor
  max(this: Tensor, options: AlongOptions): Along
  max(this: Tensor, dim: number, options?: Omit<AlongOptions, 'dim'>): Along
  /** The same as {@link maximum}. */
  max(this: Tensor, other: Tensor): Tensor
  max(this: Tensor, first?: number | Tensor | AlongOptions, options?: Omit<AlongOptions, 'dim'>): Tensor | Along {
    if (native().isTensor(first)) return native().maximum(this, first as Tensor)
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(first as number | AlongOptions, options)
    if (dim === undefined) return native().max(this)
    return along(native().maxAlong(this, dim, keepdim))
  }
  /** The smallest element; along `dim` with the indices (int64). */
  min(this: Tensor): Tensor
  min(this: Tensor, options: AlongOptions): Along
  min(this: Tensor, dim: number, options?: Omit<AlongOptions, 'dim'>): Along
  /** The same as {@link minimum}. */
  min(this: Tensor, other: Tensor): Tensor
  min(this: Tensor, first?: number | Tensor | AlongOptions, options?: Omit<AlongOptions, 'dim'>): Tensor | Along {
    if (native().isTensor(first)) return native().minimum(this, first as Tensor)
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(first as number | AlongOptions, options)
    if (dim === undefined) return native().min(this)
    return along(native().minAlong(this, dim, keepdim))
  }
  /** The median: of two middle elements the lower one. Along `dim` with the indices (int64). */
  median(this: Tensor): Tensor
  median(this: Tensor, options: AlongOptions): Along
  median(this: Tensor, dim: number, options?: Omit<AlongOptions, 'dim'>): Along
  median(this: Tensor, first?: number | AlongOptions, options?: Omit<AlongOptions, 'dim'>): Tensor | Along {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(first, options)
    if (dim === undefined) return native().median(this)
    return along(native().medianAlong(this, dim, keepdim))
  }
  /** The median of the elements that are not NaN. */
  nanmedian(this: Tensor): Tensor
  nanmedian(this: Tensor, options: AlongOptions): Along
  nanmedian(this: Tensor, dim: number, options?: Omit<AlongOptions, 'dim'>): Along
  nanmedian(this: Tensor, first?: number | AlongOptions, options?: Omit<AlongOptions, 'dim'>): Tensor | Along {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(first, options)
    if (dim === undefined) return native().nanmedian(this)
    return along(native().nanmedianAlong(this, dim, keepdim))
  }
  /** The most frequent element along `dim`, with one of its indices. Ties give the smallest. */
  mode(this: Tensor, options?: ReduceOneOptions): Along
  mode(this: Tensor, dim: number, options?: Omit<ReduceOneOptions, 'dim'>): Along
  mode(this: Tensor, dimOrOptions?: number | ReduceOneOptions, options?: Omit<ReduceOneOptions, 'dim'>): Along {
    const { dim = -1, keepdim = false } = reduced<ReduceOneOptions>(dimOrOptions, options)
    return along(native().mode(this, dim, keepdim))
  }
  /** The k-th smallest element along `dim`, k from 1, with its index. */
  kthvalue(this: Tensor, k: number, { dim = -1, keepdim = false }: ReduceOneOptions = {}): Along {
    return along(native().kthvalue(this, k, dim, keepdim))
  }
  /**
   * Quantiles at `q` in [0, 1]: a number, or a 1-d tensor of this dtype, whose length becomes the result's first size.
   */
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
  argmax(this: Tensor, options?: ReduceOneOptions): IndexTensor
  argmax(this: Tensor, dim: number, options?: Omit<ReduceOneOptions, 'dim'>): IndexTensor
  argmax(this: Tensor, dimOrOptions?: number | ReduceOneOptions, options?: Omit<ReduceOneOptions, 'dim'>): IndexTensor {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(dimOrOptions, options)
    return native().argmax(this, dim, keepdim) as IndexTensor
  }
  /** The index of the smallest element along a dimension, int64; without `dim`, of the flattened tensor. */
  argmin(this: Tensor, options?: ReduceOneOptions): IndexTensor
  argmin(this: Tensor, dim: number, options?: Omit<ReduceOneOptions, 'dim'>): IndexTensor
  argmin(this: Tensor, dimOrOptions?: number | ReduceOneOptions, options?: Omit<ReduceOneOptions, 'dim'>): IndexTensor {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(dimOrOptions, options)
    return native().argmin(this, dim, keepdim) as IndexTensor
  }
  /** Whether all elements are other than zero, as bool; as uint8 where that is the dtype. */
  all(this: Tensor, options?: ReduceOneOptions): Tensor
  all(this: Tensor, dim: number, options?: Omit<ReduceOneOptions, 'dim'>): Tensor
  all(this: Tensor, dimOrOptions?: number | ReduceOneOptions, options?: Omit<ReduceOneOptions, 'dim'>): Tensor {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(dimOrOptions, options)
    return native().all(this, dim, keepdim)
  }
  /** Whether any element is other than zero, as bool; as uint8 where that is the dtype. */
  any(this: Tensor, options?: ReduceOneOptions): Tensor
  any(this: Tensor, dim: number, options?: Omit<ReduceOneOptions, 'dim'>): Tensor
  any(this: Tensor, dimOrOptions?: number | ReduceOneOptions, options?: Omit<ReduceOneOptions, 'dim'>): Tensor {
    const { dim, keepdim = false } = reduced<ReduceOneOptions>(dimOrOptions, options)
    return native().any(this, dim, keepdim)
  }
  /** How many elements are not 0. */
  countNonzero(this: Tensor, options?: CountOptions): Tensor
  countNonzero(this: Tensor, dim: Dims, options?: Omit<CountOptions, 'dim'>): Tensor
  countNonzero(this: Tensor, dimOrOptions?: Dims | CountOptions, options?: Omit<CountOptions, 'dim'>): Tensor {
    const { dim } = reduced<CountOptions>(dimOrOptions, options)
    return native().countNonzero(this, list(dim))
  }
  /** Sum of a matrix's diagonal. */
  trace(this: Tensor): Tensor {
    return native().trace(this)
  }
  /** p-norm; the Euclidean norm by default. */
  norm(this: Tensor, { p = 2, dim, keepdim = false }: NormOptions = {}): FloatTensor {
    return native().norm(this, p, list(dim) ?? [], keepdim) as FloatTensor
  }
  /** log(sum(exp(x))) along dimensions, without overflow. */
  logsumexp(this: Tensor, { dim, keepdim = false }: LogsumexpOptions): FloatTensor {
    return native().logsumexp(this, list(dim) as number[], keepdim) as FloatTensor
  }
  /** Cumulative sums along `dim`. */
  cumsum(this: Tensor, dim: number): Tensor {
    return native().cumsum(this, dim)
  }
  /** Cumulative products along `dim`. */
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
  /** log of the cumulative sums of exp along `dim`, accurate for large values. */
  logcumsumexp(this: Tensor, dim: number): Tensor {
    return native().logcumsumexp(this, dim)
  }
  /** Differences of neighbours along `dim`, taken n times. `prepend` and `append` are joined on first. */
  diff(this: Tensor, { n = 1, dim = -1, prepend, append }: DiffOptions = {}): Tensor {
    return native().diff(this, n, dim, prepend, append)
  }
  /** exp(x) divided by its sum along a dimension. */
  softmax(this: Tensor, dim: number): FloatTensor {
    return native().softmax(this, dim) as FloatTensor
  }
  /** The logarithm of {@link Tensor.softmax}, computed without loss of digits. */
  logSoftmax(this: Tensor, dim: number): FloatTensor {
    return native().logSoftmax(this, dim) as FloatTensor
  }
  /** The k largest (or smallest) along `dim`, in order, with their indices (int64). */
  topk(this: Tensor, k: number, { dim = -1, largest = true }: TopkOptions = {}): Along {
    return along(native().topk(this, k, dim, largest))
  }
  /** Sorted along `dim`, with the indices (int64); `stable` keeps the order of equal elements. */
  sort(this: Tensor, { dim = -1, descending = false, stable = false }: SortOptions = {}): Along {
    return along(native().sort(this, dim, descending, stable))
  }
  /** The indices that sort the elements along a dimension, int64. */
  argsort(this: Tensor, options: SortOptions = {}): IndexTensor {
    const { values, indices } = this.sort(options)
    values.dispose()
    return indices as IndexTensor
  }
  /**
   * The distinct elements (or slices along `dim`), sorted. Also, if requested, the position of each element among them
   * and how often each occurs. Waits for the device.
   */
  unique(this: Tensor, { inverse = false, counts = false, dim }: UniqueOptions = {}): Unique {
    return distinct(native().unique(this, inverse, counts, dim))
  }
  /** Like {@link unique}, but removes only repeated neighbours and keeps the order. */
  uniqueConsecutive(this: Tensor, { inverse = false, counts = false, dim }: UniqueOptions = {}): Unique {
    return distinct(native().uniqueConsecutive(this, inverse, counts, dim))
  }
  /** The position of each element in the sorted 1-d `boundaries`: before equal ones, or with `right` after them. */
  bucketize(this: Tensor, boundaries: Tensor, { right = false }: BucketOptions = {}): Tensor {
    return native().bucketize(this, boundaries, right)
  }
  /** Counts in `bins` equal bins from min to max. If both are 0, the range of the elements. */
  histc(this: Tensor, { bins = 100, min = 0, max = 0 }: HistogramOptions = {}): Tensor {
    return native().histc(this, bins, min, max)
  }
  /** How often each of 0, 1, 2 … occurs in a 1-d integer tensor; with `weights`, the sum of their weights. */
  bincount(this: Tensor, { minLength = 0, weights }: BincountOptions = {}): Tensor {
    return native().bincount(this, weights, minLength)
  }
}
