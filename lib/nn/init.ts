/**
 * `mb.nn.init`: functions that fill a tensor with initial values, like torch.nn.init. Each works in place, is not
 * recorded for gradients, draws from this thread's generator and returns the tensor. The same seed gives PyTorch's
 * numbers. The layers of this package do not use them: they start with the paper's initialisation, in paper-init.ts.
 */
import { checkCount, checkNumber, checkPositive } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import { noGrad } from '../tensor/core/autograd'
import { emptyLike, full } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { where } from '../tensor/ops/combining'
import { qr } from '../tensor/ops/linalg'

/** The functions that {@link calculateGain} knows. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu'

/**
 * Recommended gain of the weights before an activation: their standard deviation times √fan. `slope` is leakyRelu's.
 */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  checkNumber('calculateGain', 'slope', slope)
  const gains = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + slope ** 2)),
    selu: 3 / 4,
  }
  if (!Object.hasOwn(gains, nonlinearity)) {
    throw new MbconvError('ERR_VALUE', `calculateGain: unknown nonlinearity '${String(nonlinearity)}'`, {
      op: 'calculateGain',
      hint: `Known: ${Object.keys(gains).join(', ')}.`,
    })
  }
  return gains[nonlinearity]
}

/** The inputs of one output, and the outputs of one input: the channels of [O, I, …] times the size of the window. */
function fans(op: string, tensor: Tensor): { fanIn: number; fanOut: number } {
  const [outputs, inputs, ...window] = tensor.shape
  if (inputs === undefined) {
    throw new MbconvError('ERR_SHAPE', `${op}: a weight needs at least two dimensions, got [${tensor.shape}]`, { op })
  }
  const area = window.reduce((product, size) => product * size, 1)
  return { fanIn: inputs * area, fanOut: outputs * area }
}

/** Runs `fill` without recording, and frees the temporary tensors that it makes. */
function filled(tensor: Tensor, fill: () => void): Tensor {
  noGrad(() => scope(fill))
  return tensor
}

/** How Kaiming's initialisation scales the numbers. */
export interface KaimingOptions {
  /** leakyRelu's slope. Default 0. */
  a?: number
  /** Preserve the variance of the forward pass (default) or of the backward pass. */
  mode?: 'fanIn' | 'fanOut'
  /** Default leakyRelu. */
  nonlinearity?: Nonlinearity
}

function kaimingStd(op: string, tensor: Tensor, options: KaimingOptions): number {
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' } = options
  const { fanIn, fanOut } = fans(op, tensor)
  if (mode !== 'fanIn' && mode !== 'fanOut') {
    throw new MbconvError('ERR_VALUE', `${op}: mode must be 'fanIn' or 'fanOut', got '${String(mode)}'`, { op })
  }
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fanIn' ? fanIn : fanOut)
}

/** Uniform with variance gain² / fan. Source: He et al. 2015, "Delving deep into rectifiers". */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', tensor, options)
  return tensor.numel === 0 ? tensor : filled(tensor, () => tensor.uniform_(-bound, bound))
}

/** Normal with variance gain² / fan. Source: He et al. 2015, "Delving deep into rectifiers". */
export function kaimingNormal_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const std = kaimingStd('kaimingNormal_', tensor, options)
  return tensor.numel === 0 ? tensor : filled(tensor, () => tensor.normal_(0, std))
}

/** How the numbers are scaled. */
export interface GainOptions {
  /** Factor on the bounds; see {@link calculateGain}. Default 1. */
  gain?: number
}

/** Uniform with variance 2 gain² / (fanIn + fanOut). Source: Glorot and Bengio 2010. */
export function xavierUniform_(tensor: Tensor, { gain = 1 }: GainOptions = {}): Tensor {
  const { fanIn, fanOut } = fans('xavierUniform_', tensor)
  const bound = Math.sqrt(3) * gain * Math.sqrt(2 / (fanIn + fanOut))
  return tensor.numel === 0 ? tensor : filled(tensor, () => tensor.uniform_(-bound, bound))
}

/** Normal with variance 2 gain² / (fanIn + fanOut). Source: Glorot and Bengio 2010. */
export function xavierNormal_(tensor: Tensor, { gain = 1 }: GainOptions = {}): Tensor {
  const { fanIn, fanOut } = fans('xavierNormal_', tensor)
  const std = gain * Math.sqrt(2 / (fanIn + fanOut))
  return tensor.numel === 0 ? tensor : filled(tensor, () => tensor.normal_(0, std))
}

/** The normal distribution, and where it is cut off. */
export interface TruncNormalOptions {
  /** Mean before the cut. Default 0. */
  mean?: number
  /** Standard deviation before the cut. Default 1. */
  std?: number
  /** Default −2. */
  low?: number
  /** Default 2. */
  high?: number
}

/** Limit on the rounds of rejection sampling. */
const MAX_ROUNDS = 100_000

/**
 * Normal within [low, high], by rejection sampling: from normal numbers if more than 0.3 of them lie in the range, else
 * from uniform ones. Waits for the device after each round.
 */
export function truncNormal_(tensor: Tensor, options: TruncNormalOptions = {}): Tensor {
  const op = 'truncNormal_'
  const { mean = 0, std = 1, low = -2, high = 2 } = options
  checkNumber(op, 'mean', mean)
  checkPositive(op, 'std', std)
  checkNumber(op, 'low', low)
  checkNumber(op, 'high', high)
  if (!(low < high)) throw new MbconvError('ERR_VALUE', `${op}: low must be less than high`, { op })
  return filled(tensor, () => {
    const below = (x: number) =>
      (1 +
        Number(
          full([], (x - mean) / std / Math.SQRT2, { dtype: 'float64' })
            .erf()
            .item(),
        )) /
      2
    if (below(high) - below(low) > 0.3) redrawNormal(tensor, mean, std, low, high)
    else rejectUniform(tensor, mean, std, low, high)
  })
}

function redrawNormal(tensor: Tensor, mean: number, std: number, low: number, high: number): void {
  // The bounds in the tensor's dtype: an element rounded to a bound counts as inside.
  const [least, most] = [low, high].map((bound) => Number(full([], bound, { dtype: tensor.dtype }).item()))
  tensor.normal_(mean, std)
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const outside = tensor.lt(least).logicalOr(tensor.gt(most))
    if (!outside.any().item()) return
    tensor.copy_(where(outside, emptyLike(tensor).normal_(mean, std), tensor))
  }
}

/** Accepts a uniform draw with probability density(draw) / largest density within the bounds. */
function rejectUniform(tensor: Tensor, mean: number, std: number, low: number, high: number): void {
  const peak = -0.5 * ((Math.max(low, Math.min(mean, high)) - mean) / std) ** 2
  const logDensity = (x: Tensor) => x.sub(mean).div_(std).pow_(2).mul_(-0.5).sub_(peak)
  const draws = emptyLike(tensor)
  let pending: Tensor | undefined
  for (let round = 0; round < MAX_ROUNDS; round++) {
    draws.uniform_(low, high)
    tensor.copy_(pending ? where(pending, draws, tensor) : draws)
    const rejected = emptyLike(tensor).uniform_().log_().gt(logDensity(draws))
    pending = pending ? pending.logicalAnd(rejected) : rejected
    if (!pending.any().item()) return
  }
}

/**
 * Orthonormal rows or columns, whichever are fewer, of [O, all other dimensions], times the gain. Source: Saxe et al.
 * 2013. The signs follow Mezzadri 2007, so that all such matrices are equally likely.
 */
export function orthogonal_(tensor: Tensor, { gain = 1 }: GainOptions = {}): Tensor {
  fans('orthogonal_', tensor)
  if (tensor.numel === 0) return tensor
  return filled(tensor, () => {
    const rows = tensor.shape[0]
    const columns = tensor.numel / rows
    const drawn = emptyLike(tensor.reshape([rows, columns])).normal_()
    const { q, r } = qr(rows < columns ? drawn.t() : drawn)
    const signed = q.mul(r.diag().sign())
    tensor.copy_((rows < columns ? signed.t() : signed).reshape(tensor.shape)).mul_(gain)
  })
}

/** Ones on the diagonal of a matrix, 0 elsewhere. */
export function eye_(tensor: Tensor): Tensor {
  if (tensor.ndim !== 2) {
    throw new MbconvError('ERR_SHAPE', `eye_: a matrix is wanted, got [${tensor.shape}]`, { op: 'eye_' })
  }
  return filled(tensor, () => tensor.zero_().fillDiagonal_(1))
}

/** The options of {@link dirac_}. */
export interface DiracOptions {
  /** Groups of the convolution that the weight is for. Default 1. */
  groups?: number
}

/** A convolution weight [O, I / groups, …] that passes as many channels as possible on unchanged; 0 elsewhere. */
export function dirac_(tensor: Tensor, { groups = 1 }: DiracOptions = {}): Tensor {
  const op = 'dirac_'
  checkCount(op, 'groups', groups)
  const [outputs, inputs, ...window] = tensor.shape
  if (window.length < 1 || window.length > 3 || outputs % groups !== 0) {
    const what = `a convolution weight with channels divisible by ${groups}`
    throw new MbconvError('ERR_SHAPE', `${op}: ${what} is wanted, got [${tensor.shape}]`, { op })
  }
  const centre = window.map((size) => Math.floor(size / 2))
  return filled(tensor, () => {
    tensor.zero_()
    for (let group = 0; group < groups; group++) {
      const first = (group * outputs) / groups
      for (let i = 0; i < Math.min(outputs / groups, inputs); i++) {
        native().fill_(tensor.index(first + i, i, ...centre), 1)
      }
    }
  })
}
