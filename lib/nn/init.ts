/**
 * The paper's initialisation. Source: tensorflow/tpu@7dc921f models/official/efficientnet/efficientnet_model.py
 * (`conv_kernel_initializer`, `dense_kernel_initializer`).
 */
import { native } from '../native'
import { getRandomState, manualSeed, setRandomState } from '../tensor/random'
import type { Tensor } from '../tensor/tensor'

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
 * Runs `fn` with this thread's random numbers started from `seed`, and puts the generators (the CPU's and every CUDA
 * device's) back where they were.
 */
export function seeded<T>(seed: number | bigint, fn: () => T): T {
  const devices = ['cpu']
  if (native().cudaIsAvailable()) {
    for (let i = 0; i < native().cudaDeviceCount(); i++) devices.push(`cuda:${i}`)
  }
  const before = devices.map((device) => getRandomState(device))
  try {
    manualSeed(seed)
    return fn()
  } finally {
    for (const [i, device] of devices.entries()) setRandomState(before[i], device)
  }
}
