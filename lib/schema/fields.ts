/**
 * Fields that several schemas share: numbers within the range that tensors can hold, counts, and seeds.
 *
 * Each call makes a schema of its own, so that a default and a description can be put on it.
 */
import { z } from 'zod'
import { SEED_RANGE, type Seed, type StoredSeed, storedSeed } from '../random/seed'

/** Largest float32, which is what tensors are made of. */
export const LARGEST = (2 - 2 ** -23) * 2 ** 127
/** Smallest float32 with all its digits. A smaller number may count as 0, and some of these are divisors. */
const SMALLEST = 2 ** -126

/** From 0 to below 1. */
export const fraction = () => z.number().min(0).lt(1)

/** A whole number from 1. */
export const count = () => z.int().min(1)

/** Above 0, and within float32's range. */
export const positive = (most = LARGEST) =>
  z
    .number()
    .positive()
    .max(most)
    .refine((value) => value <= 0 || value >= SMALLEST, `must be at least ${SMALLEST}`)

/** A {@link Seed}; the result is as files keep it. JSON Schema, which tools read, knows whole numbers only. */
export const seedSchema = z
  .unknown()
  .meta({ type: 'integer' })
  .transform((value, context) => {
    const seed = storedSeed(value)
    if (seed === undefined) context.addIssue({ code: 'custom', message: `must be ${SEED_RANGE}` })
    return seed ?? z.NEVER
  }) as unknown as z.ZodType<StoredSeed, Seed>
