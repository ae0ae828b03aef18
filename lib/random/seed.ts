/**
 * Seeds of random numbers, with the same range and meaning everywhere.
 *
 * A seed is a whole number from −2^63 to 2^64 − 1, as in PyTorch. Only its 64 bits count: −1 is 2^64 − 1. Numbers
 * beyond ±(2^53 − 1) are BigInts, or decimal text in JSON.
 */
import { shown } from '../errors/check'
import { MbconvError } from '../errors/error'

export type Seed = number | bigint | string

/** A seed in files: a number if a number can hold it, else decimal text. */
export type StoredSeed = number | string

export const SEED_RANGE = 'a whole number from -2^63 to 2^64 - 1'

/** The whole number of a seed; undefined for anything else. */
function parse(value: unknown): bigint | undefined {
  const whole =
    typeof value === 'bigint' ||
    (typeof value === 'number' && Number.isSafeInteger(value)) ||
    (typeof value === 'string' && /^-?[1-9]\d{15,19}$/.test(value) && !Number.isSafeInteger(Number(value)))
  if (!whole) return undefined
  const integer = BigInt(value as Seed)
  return integer >= -(2n ** 63n) && integer < 2n ** 64n ? integer : undefined
}

const stored = (integer: bigint): StoredSeed =>
  Number.isSafeInteger(Number(integer)) ? Number(integer) : String(integer)

/** A seed in the form for files; undefined for anything else. */
export function storedSeed(value: unknown): StoredSeed | undefined {
  const integer = parse(value)
  return integer === undefined ? undefined : stored(integer)
}

/**
 * The 64 bits of a seed, 0 … 2^64 − 1.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE
 */
export function seedBits(op: string, seed: unknown): bigint {
  const integer = parse(seed)
  if (integer !== undefined) return BigInt.asUintN(64, integer)
  const code = ['number', 'bigint', 'string'].includes(typeof seed) ? 'ERR_VALUE' : 'ERR_TYPE'
  const unsafe = typeof seed === 'number' && Number.isInteger(seed) && Math.abs(seed) < 2 ** 64
  throw new MbconvError(code, `${op}: seed must be ${SEED_RANGE}, got ${shown(seed)}`, {
    op,
    hint: unsafe ? 'Give a BigInt: a number does not hold this one exactly.' : undefined,
  })
}

/** The seed at a distance from another, modulo 2^64. */
export function seedAfter(op: string, seed: Seed, distance: Seed): StoredSeed {
  const sum = seedBits(op, seed) + seedBits(op, distance)
  return stored(BigInt.asUintN(64, sum))
}
