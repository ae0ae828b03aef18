/**
 * Fields that several schemas share: numbers in the range of tensors, counts, and seeds.
 *
 * Each call makes a new schema, so that it can get its own default and description.
 */
import { z } from 'zod'
import { SEED_RANGE, type Seed, type StoredSeed, storedSeed } from '../random/seed'

/** Largest float32, the dtype of tensors here. */
export const LARGEST = (2 - 2 ** -23) * 2 ** 127
/** Smallest normal float32. Smaller numbers lose digits and may count as 0, and some fields are divisors. */
const SMALLEST = 2 ** -126

/** A number from 0 to below 1. */
export const fraction = () => z.number().min(0).lt(1)

/** A whole number from 1. */
export const count = () => z.int().min(1)

/** A number above 0, at most float32's largest. */
export const positive = (most = LARGEST) =>
  z
    .number()
    .positive()
    .max(most)
    .refine((value) => value <= 0 || value >= SMALLEST, `must be at least ${SMALLEST}`)

type Sides = number | readonly [height: number, width: number]

/** The size of an input in px, each side within these limits: the side of a square, or [height, width]. */
export const resolution = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const side = z.int().min(least).max(most)
  return z.union([side, z.tuple([side, side])], {
    error: 'must be a side in px, or [height, width]',
  }) as unknown as z.ZodType<Sides, Sides>
}

/** A {@link Seed}; the result has the form for files. In JSON Schema, for tools, only whole numbers are allowed. */
export const seedSchema = z
  .unknown()
  .meta({ type: 'integer' })
  .transform((value, context) => {
    const seed = storedSeed(value)
    if (seed === undefined) context.addIssue({ code: 'custom', message: `must be ${SEED_RANGE}` })
    return seed ?? z.NEVER
  }) as unknown as z.ZodType<StoredSeed, Seed>
