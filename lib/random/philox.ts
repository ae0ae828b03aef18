/**
 * Random numbers that are a function of their use.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) turns a counter
 * and a key into four 32-bit words and keeps no state. The seed is the key, and (purpose, epoch, sample) is in the
 * counter. So the random numbers of a sample in an epoch depend neither on earlier samples nor on the machine: a run
 * resumes at any batch without replaying earlier ones.
 */
import { MbconvError } from '../errors/error'
import { type Seed, seedBits } from './seed'

// The paper's constants: two multipliers, and the Weyl increments of the key (golden ratio, sqrt(3) - 1).
const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85
const ROUNDS = 10

const TWO32 = 4294967296

/** The high 32 bits of a 32 × 32-bit product, from 16-bit halves: a double holds only 53 bits of the product. */
function mulHigh(a: number, b: number): number {
  const al = a & 0xffff
  const ah = a >>> 16
  const bl = b & 0xffff
  const bh = b >>> 16
  const mid = ah * bl + ((al * bl) >>> 16)
  const low = al * bh + (mid & 0xffff)
  // Sums stay below 2^32; >>> makes them unsigned.
  return (ah * bh + (mid >>> 16) + (low >>> 16)) >>> 0
}

/**
 * One block: the four words of a counter and a key.
 *
 * @param counter four unsigned 32-bit words
 * @param key two unsigned 32-bit words
 * @param out array for the words; a new one by default
 */
export function philox4x32(
  counter: ArrayLike<number>,
  key: ArrayLike<number>,
  out: Uint32Array = new Uint32Array(4),
): Uint32Array {
  let c0 = counter[0] >>> 0
  let c1 = counter[1] >>> 0
  let c2 = counter[2] >>> 0
  let c3 = counter[3] >>> 0
  let k0 = key[0] >>> 0
  let k1 = key[1] >>> 0
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(M0, c0)
    const low0 = Math.imul(M0, c0) >>> 0
    const high1 = mulHigh(M1, c2)
    const low1 = Math.imul(M1, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + W0) >>> 0
    k1 = (k1 + W1) >>> 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
  return out
}

/**
 * The uses of random numbers. Two purposes never share numbers. Values must not change, or old runs cannot resume.
 * `scene`, `noise` and `crop` are drawn in native/data/, by libtorch's Philox.
 */
export const PURPOSE = {
  shuffle: 1,
  augment: 2,
  balance: 5,
  stream: 6,
  policy: 8,
  colorJitter: 9,
  erasing: 10,
  mix: 11,
  scene: 16,
  noise: 17,
  crop: 18,
  fake: 19,
  evolution: 32,
} as const

function uint(name: string, value: number, limit: number): number {
  if (!Number.isInteger(value) || value < 0 || value > limit) {
    throw new MbconvError('ERR_VALUE', `${name} must be a whole number from 0 to ${limit}, not ${value}`)
  }
  return value
}

/** The endless sequence of random numbers of one (seed, purpose, epoch, sample). */
export class KeyedRandom {
  private readonly key: [number, number]
  private readonly counter: [number, number, number, number]
  private readonly block = new Uint32Array(4)
  private used = 4

  /** @param seed all of its 64 bits are the key; the other numbers are below 2^32 */
  constructor(seed: Seed, purpose: number, epoch = 0, sample = 0) {
    const bits = seedBits('KeyedRandom', seed)
    this.key = [Number(bits & 0xffffffffn), Number(bits >> 32n)]
    const words = TWO32 - 1
    this.counter = [0, uint('sample', sample, words), uint('epoch', epoch, words), uint('purpose', purpose, words)]
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    if (this.used === 4) {
      philox4x32(this.counter, this.key, this.block)
      this.counter[0] = (this.counter[0] + 1) >>> 0
      this.used = 0
    }
    return this.block[this.used++]
  }

  /** A number in [0, 1), a multiple of 2^-32. */
  uniform(): number {
    return this.uint32() / TWO32
  }

  /** A whole number from 0 to `n` - 1, each equally likely. */
  below(n: number): number {
    // Words that would make the first few results likelier than the rest are drawn again.
    const usable = TWO32 - (TWO32 % n)
    let word = this.uint32()
    while (word >= usable) word = this.uint32()
    return word % n
  }

  /** A permutation of 0 … `n` - 1, drawn from this sequence (Fisher–Yates, from the end). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const swapped = order[i]
      order[i] = order[j]
      order[j] = swapped
    }
    return order
  }
}
