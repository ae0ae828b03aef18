/** Random numbers of this thread: each worker has its own generator. */
import { native } from '../../native/addon'
import type { Device } from '../../native/types'
import { type Seed, seedBits } from '../../random/seed'

/**
 * Seeds every random source of this thread, and the CUDA devices. The same seed gives PyTorch's numbers.
 *
 * @param seed a whole number from −2^63 to 2^64 − 1; beyond ±(2^53 − 1) a BigInt. −1 is 2^64 − 1
 */
export function manualSeed(seed: Seed): void {
  native().manualSeed(BigInt.asIntN(64, seedBits('manualSeed', seed)))
}

/** The generator's state, for {@link setRandomState}. */
export function getRandomState(device: Device = 'cpu'): Uint8Array {
  const state = native().getRandomState(device)
  try {
    return state.toTypedArray() as Uint8Array
  } finally {
    state.dispose()
  }
}

/** Continues random numbers from a state of {@link getRandomState}. */
export function setRandomState(state: Uint8Array, device: Device = 'cpu'): void {
  const tensor = native().fromTypedArray(state, [state?.length ?? 0], 'uint8', 'cpu')
  try {
    native().setRandomState(tensor, device)
  } finally {
    tensor.dispose()
  }
}

/** Runs `fn` with this thread's CPU generator seeded by `seed`, and restores the generator's state afterwards. */
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
