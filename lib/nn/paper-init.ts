/**
 * The paper's initialisation. Source: tensorflow/tpu@7dc921f models/official/efficientnet/efficientnet_model.py
 * (`conv_kernel_initializer`, `dense_kernel_initializer`).
 */
import { native } from '../native/addon'
import { type Seed, seedBits } from '../random/seed'
import { getRandomState, setRandomState } from '../tensor/core/random'
import type { Tensor } from '../tensor/core/tensor'

/**
 * Convolution weight [O, I / groups, kh, kw]: normal with variance 2 / (kh·kw·O / groups), so that a depthwise kernel
 * has 2 / (kh·kw). The reference lets the tails be; so does this.
 */
export function initConv(weight: Tensor, groups = 1): Tensor {
  const [outputs, , height, width] = weight.shape
  return weight.normal_(0, Math.sqrt((2 * groups) / (outputs * height * width)))
}

/** Linear weight [classes, features]: uniform within ±1/√classes. */
export function initLinear(weight: Tensor): Tensor {
  const bound = 1 / Math.sqrt(weight.shape[0])
  return weight.uniform_(-bound, bound)
}

/**
 * Runs `fn` with this thread's CPU generator, which initial weights are drawn from, started from `seed`, and puts it back
 * where it was.
 */
export function seeded<T>(seed: Seed, fn: () => T): T {
  const bits = seedBits('seed', seed)
  const before = getRandomState()
  try {
    native().seedGenerator(BigInt.asIntN(64, bits))
    return fn()
  } finally {
    setRandomState(before)
  }
}
