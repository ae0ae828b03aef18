/** Stateless operations of neural networks. Images are [N, C, H, W]. */
import { checkNumber } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import { onesLike } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'

export * from './activations'
export * from './convolution'
export * from './losses'
export * from './margin-losses'
export * from './normalization'
export * from './pooling'
export * from './resampling'

/** x [.., in] · weightᵀ [in, out] + bias. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  return native().linear(x, weight, bias)
}

/** Which rows take no gradient. */
export interface EmbeddingOptions {
  /** A row that takes no gradient. Negative numbers count from the end. */
  paddingIdx?: number | null
}

/** Picks rows of weight [K, D] by indices [..] (int64): [.., D]. */
export function embedding(indices: Tensor, weight: Tensor, { paddingIdx }: EmbeddingOptions = {}): Tensor {
  if (paddingIdx === null || paddingIdx === undefined) return native().embedding(weight, indices)
  const [rows] = weight.shape
  const op = 'embedding'
  checkNumber(op, 'paddingIdx', paddingIdx)
  if (!Number.isInteger(paddingIdx) || paddingIdx < -rows || paddingIdx >= rows) {
    throw new MbconvError('ERR_INDEX', `${op}: paddingIdx must be a row of ${rows}, got ${paddingIdx}`, { op })
  }
  return native().embedding(weight, indices, paddingIdx < 0 ? paddingIdx + rows : paddingIdx)
}

/** Whether a function behaves as in training. */
export interface TrainingOptions {
  /** Whether to drop anything; without it, the result is `x`. Default true. */
  training?: boolean
}

/** Zeroes each element with probability p and divides the others by 1 − p. */
export function dropout(x: Tensor, p = 0.5, { training = true }: TrainingOptions = {}): Tensor {
  return native().dropout(x, p, training)
}

/**
 * Stochastic depth: drops a sample's whole branch x [N, …] with probability p and divides the others by 1 − p.
 */
export function dropPath(x: Tensor, p: number, { training = true }: TrainingOptions = {}): Tensor {
  return native().dropPath(x, p, training)
}

/** {@link dropout} of whole channels of x [N, C, …], like PyTorch's dropout1d, 2d and 3d. */
export function featureDropout(x: Tensor, p = 0.5, { training = true }: TrainingOptions = {}): Tensor {
  return native().featureDropout(x, p, training)
}

/** {@link dropout} that keeps mean and variance of {@link selu}'s outputs. */
export function alphaDropout(x: Tensor, p = 0.5, { training = true }: TrainingOptions = {}): Tensor {
  return native().alphaDropout(x, p, training)
}

/** Which keys a query sees, and how scores are scaled. */
export interface AttentionOptions {
  /** [.., L, S], broadcast: booleans, true where attention is allowed, or numbers to add to the scores. */
  mask?: Tensor | null
  /** Position i attends only to positions up to i. Excludes a mask. */
  causal?: boolean
  /** Factor of the scores; default 1 / √E. */
  scale?: number
  /** Probability of dropping a weight. Default 0. */
  dropout?: number
}

/** softmax(query · keyᵀ · scale) · value, for query [.., L, E], key [.., S, E] and value [.., S, V]: [.., L, V]. */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  /** What takes the place of other values. */
  value: Tensor,
  { mask, causal = false, scale, dropout: p = 0 }: AttentionOptions = {},
): Tensor {
  if (p === 0) return native().scaledDotProductAttention(query, key, value, mask, causal, scale)
  // libtorch's own dropout would draw from the process's generator; this one draws from this thread's.
  if (mask && causal) {
    throw new MbconvError('ERR_VALUE', 'scaledDotProductAttention: give either mask or causal', {
      op: 'scaledDotProductAttention',
    })
  }
  return scope(() => {
    const root = Math.sqrt(scale ?? 1 / Math.sqrt(query.shape.at(-1) ?? 1))
    let scores = query.mul(root).matmul(key.mul(root).transpose(-2, -1))
    const allowed = causal ? onesLike(scores, { dtype: 'bool' }).tril() : mask
    if (allowed?.dtype === 'bool') scores = scores.maskedFill(allowed.logicalNot(), Number.NEGATIVE_INFINITY)
    else if (allowed) scores = scores.add(allowed)
    return dropout(scores.softmax(-1), p).matmul(value)
  })
}

/** The options of {@link cosineSimilarity}. */
export interface SimilarityOptions {
  /** The dimension of the vectors; the result lacks it. Default 1. */
  dim?: number
  /** Smallest norm that is divided by. Default 1e-8. */
  eps?: number
}

/** Cosine of the angle between x and y along `dim`. */
export function cosineSimilarity(x: Tensor, y: Tensor, { dim = 1, eps = 1e-8 }: SimilarityOptions = {}): Tensor {
  return native().cosineSimilarity(x, y, dim, eps)
}

/** The options of {@link pairwiseDistance}. */
export interface DistanceOptions {
  /** Which norm: 1, 2 … Default 2. */
  p?: number
  /** Is added to the difference. Default 1e-6. */
  eps?: number
  /** Whether the last dimension stays, with size 1. Default false. */
  keepdim?: boolean
}

/** ‖x − y + ε‖ over the last dimension. */
export function pairwiseDistance(
  x: Tensor,
  y: Tensor,
  { p = 2, eps = 1e-6, keepdim = false }: DistanceOptions = {},
): Tensor {
  return native().pairwiseDistance(x, y, p, eps, keepdim)
}
