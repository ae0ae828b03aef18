/** Stateless activations. */
import { native } from '../native/addon'
import { zerosLike } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'

/** With `inplace`, an activation writes into its argument and returns it. */
export interface ActivationOptions {
  /** Whether to overwrite `x` and return it. Default false. */
  inplace?: boolean
}

/** x · sigmoid(x). */
export function silu(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().silu(x)
  native().silu_(x)
  return x
}

/** max(0, x), element by element. */
export function relu(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().relu(x)
  native().relu_(x)
  return x
}

/** min(max(x, 0), 6). */
export function relu6(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().relu6(x)
  native().relu6_(x)
  return x
}

/** 1 / (1 + exp(-x)), element by element. */
export function sigmoid(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().sigmoid(x)
  native().sigmoid_(x)
  return x
}

/** x · relu6(x + 3) / 6. */
export function hardswish(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().hardswish(x)
  native().hardswish_(x)
  return x
}

/** relu6(x + 3) / 6. */
export function hardsigmoid(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().hardsigmoid(x)
  native().hardsigmoid_(x)
  return x
}

/** The options of {@link gelu}. */
export interface GeluOptions {
  /** `none` computes with erf, `tanh` with a cheaper approximation. Default `none`. */
  approximate?: 'none' | 'tanh'
}

/** x · Φ(x); `tanh` is the usual approximation. */
export function gelu(x: Tensor, { approximate = 'none' }: GeluOptions = {}): Tensor {
  return native().gelu(x, approximate)
}

/** x where it is positive, slope · x elsewhere. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return native().leakyRelu(x, slope)
}

/** α (exp(x) − 1) below 0. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return native().elu(x, alpha)
}

/** The options of {@link softplus}. */
export interface SoftplusOptions {
  /** How sharp the bend is. Default 1. */
  beta?: number
  /** Where x · beta is above this, the result is x. Default 20. */
  threshold?: number
}

/** log(1 + exp(β x)) / β; linear where β x exceeds the threshold. */
export function softplus(x: Tensor, { beta = 1, threshold = 20 }: SoftplusOptions = {}): Tensor {
  return native().softplus(x, beta, threshold)
}

/** x · tanh(softplus(x)). */
export function mish(x: Tensor): Tensor {
  return native().mish(x)
}

/** λ x above 0, λ α (exp(x) − 1) below, with the constants of self-normalising networks. */
export function selu(x: Tensor): Tensor {
  return native().selu(x)
}

/** α (exp(x / α) − 1) below 0: {@link elu} with a continuous slope. */
export function celu(x: Tensor, alpha = 1): Tensor {
  return native().celu(x, alpha)
}

/** weight · x below 0; weight [1] or one for each channel of x [N, C, …]. */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  return native().prelu(x, weight)
}

/** The options of {@link glu}. */
export interface GluOptions {
  /** The dimension that is halved. Default -1, the last. */
  dim?: number
}

/** a · sigmoid(b), where a and b are the halves of x along `dim`. */
export function glu(x: Tensor, { dim = -1 }: GluOptions = {}): Tensor {
  return native().glu(x, dim)
}

/** log(sigmoid(x)), accurate for large |x|. */
export function logSigmoid(x: Tensor): Tensor {
  return native().logSigmoid(x)
}

/** x / (1 + |x|). */
export function softsign(x: Tensor): Tensor {
  return scope(() => x.div(x.abs().add(1)))
}

/** The options of {@link hardtanh}. */
export interface HardtanhOptions {
  /** Smallest value of the result. Default -1. */
  min?: number
  /** Largest value of the result. Default 1. */
  max?: number
}

/** x limited to [min, max]. The gradient outside is 0. */
export function hardtanh(x: Tensor, { min = -1, max = 1 }: HardtanhOptions = {}): Tensor {
  return native().hardtanh(x, min, max)
}

/** x where it exceeds the threshold, `value` elsewhere. */
export function threshold(x: Tensor, limit: number, value: number): Tensor {
  return native().threshold(x, limit, value)
}

/** x outside ±λ, 0 within. */
export function hardshrink(x: Tensor, lambda = 0.5): Tensor {
  return native().hardshrink(x, lambda)
}

/** x shrunk towards 0 by λ; 0 within ±λ. */
export function softshrink(x: Tensor, lambda = 0.5): Tensor {
  return native().softshrink(x, lambda)
}

/** exp(x) / sum of exp(x) along `dim`. */
export function softmax(x: Tensor, dim: number): Tensor {
  return native().softmax(x, dim)
}

/** log(softmax(x)), accurate. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return native().logSoftmax(x, dim)
}

/** softmax(−x). */
export function softmin(x: Tensor, dim: number): Tensor {
  return scope(() => x.neg().softmax(dim))
}

/** How Gumbel-softmax samples. */
export interface GumbelOptions {
  /** Temperature: the lower, the nearer the sample is to one class. Default 1. */
  tau?: number
  /** Give one-hot samples in the forward pass, with the soft sample's gradient in the backward pass. Default false. */
  hard?: boolean
  /** The dimension along which the result sums to 1. Default -1, the last. */
  dim?: number
}

/** Differentiable samples of the classes along `dim`. Source: Jang et al. 2017, "Categorical reparameterization". */
export function gumbelSoftmax(logits: Tensor, { tau = 1, hard = false, dim = -1 }: GumbelOptions = {}): Tensor {
  return scope(() => {
    const noise = zerosLike(logits.detach()).exponential_().log_().neg_()
    const soft = logits.add(noise).div(tau).softmax(dim)
    if (!hard) return soft
    const { indices } = soft.max({ dim, keepdim: true })
    const choice = zerosLike(logits.detach()).scatter_(dim, indices, 1)
    return choice.sub(soft.detach()).add(soft)
  })
}
