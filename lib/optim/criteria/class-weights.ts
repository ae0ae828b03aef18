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

/**
 * The weights as a tensor [K], which belongs to no scope; null for none.
 *
 * @throws MbconvError ERR_CONFIG if their number is not that of the classes, or if all are 0
 */
export function classWeightTensor(
  weights: ClassWeights,
  { classCounts, numClasses, device }: DataFacts,
): Tensor | null {
  if (weights === null) return null
  const list = weights === 'auto' ? balancedWeights(classCounts) : weights
  if (list.length !== numClasses) {
    throw new MbconvError('ERR_CONFIG', `classWeights: must have one weight a class, ${numClasses}, not ${list.length}`)
  }
  if (list.every((weight) => weight === 0)) throw new MbconvError('ERR_CONFIG', 'classWeights: all are 0')
  return keep(tensor(list, { dtype: 'float32', device }))
}
