/** Weights of the classes in a loss. */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import { LARGEST } from '../../schema/fields'
import { tensor } from '../../tensor/core/create'
import { keep } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import type { DataFacts } from './criterion'

/** The configuration key `classWeights`. */
export const classWeightsField = () =>
  z
    .union([z.literal('auto'), z.array(z.number().min(0).max(LARGEST)).min(1)])
    .nullable()
    .default(null)
    .describe('factors on the classes in the loss, in their order; auto: rare classes count more; null: all alike')

export type ClassWeights = z.output<ReturnType<typeof classWeightsField>>

/**
 * The weights that `auto` stands for: inversely proportional to the number of a class's training images, with a mean
 * of 1. Classes without images are left out of the mean and get 1.
 */
export function balancedWeights(classCounts: readonly number[]): number[] {
  const present = classCounts.filter((count) => count > 0)
  const mean = present.reduce((sum, count) => sum + 1 / count, 0) / present.length
  return classCounts.map((count) => (count > 0 ? 1 / count / mean : 1))
}

/** The configuration key `posWeight`. */
export const posWeightField = () =>
  z
    .union([z.literal('auto'), z.array(z.number().min(0).max(LARGEST)).min(1)])
    .nullable()
    .default(null)
    .describe(
      'with bce, factors on the loss of the classes that an image has, one a class; auto: images without the class divided by those with it, between 1/100 and 100; null: 1',
    )

export type PosWeight = z.output<ReturnType<typeof posWeightField>>

/**
 * Limit of `posWeight: auto`, and its inverse: a class of a handful of images would otherwise decide each batch that has
 * one of them, and a class that all images have would not be learned.
 */
const MOST_POS_WEIGHT = 100

/** The weights that `posWeight: auto` stands for. Classes without images get 1. */
export function positiveWeights(classCounts: readonly number[], images: number): number[] {
  const limited = (weight: number) => Math.min(MOST_POS_WEIGHT, Math.max(1 / MOST_POS_WEIGHT, weight))
  return classCounts.map((count) => (count > 0 ? limited((images - count) / count) : 1))
}

/** `classWeights` as a tensor; see {@link tensorOf}. */
export function classWeightTensor(weights: ClassWeights, facts: DataFacts): Tensor | null {
  return tensorOf('classWeights', weights === 'auto' ? balancedWeights(facts.classCounts) : weights, facts)
}

/** `posWeight` as a tensor; see {@link tensorOf}. */
export function posWeightTensor(weights: PosWeight, facts: DataFacts): Tensor | null {
  const { classCounts, images } = facts
  return tensorOf('posWeight', weights === 'auto' ? positiveWeights(classCounts, images) : weights, facts)
}

/**
 * The weights as a tensor [K], which belongs to no scope; null for none.
 *
 * @throws MbconvError ERR_CONFIG if their number is not that of the classes, or if all are 0
 */
function tensorOf(key: string, weights: readonly number[] | null, { numClasses, device }: DataFacts): Tensor | null {
  if (weights === null) return null
  if (weights.length !== numClasses) {
    throw new MbconvError('ERR_CONFIG', `${key}: must have one weight a class, ${numClasses}, not ${weights.length}`)
  }
  if (weights.every((weight) => weight === 0)) throw new MbconvError('ERR_CONFIG', `${key}: all are 0`)
  return keep(tensor([...weights], { dtype: 'float32', device }))
}
