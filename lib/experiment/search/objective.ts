/** The objective of searches (accuracy, with or without cost), and the constraint on a ray. */

import type { StoredSeed } from '../../random/seed'
import type { Ray, ResultRow } from '../types/types'

/** α·β²·γ²: the factor by which φ = 1 multiplies the cost, except for rounding. The paper requires about 2. */
export const constraintOf = ({ alpha, beta, gamma }: Omit<Ray, 'phi'>): number => alpha * beta ** 2 * gamma ** 2

/** MnasNet's exponent: twice the cost is worth it for 5 % more accuracy, relatively (arXiv:1807.11626, section 3). */
const EXPONENT = -0.07

/**
 * ACC · (cost / target)^−0.07, which the EfficientNet paper maximises, too, with multiply-adds as the cost.
 *
 * @param accuracy a share, 0 … 1
 * @param cost in the unit of `target`
 */
export function objective(accuracy: number, cost: number, target: number): number {
  return accuracy * (cost / target) ** EXPONENT
}

/**
 * The mean top-1 accuracy of an arm over the seeds.
 *
 * @returns null if a seed is missing or failed, because means over different seeds cannot be compared
 */
export function meanTop1(arm: string, seeds: readonly StoredSeed[], results: readonly ResultRow[]): number | null {
  let sum = 0
  for (const seed of seeds) {
    const row = results.find((each) => each.arm === arm && each.seed === seed)
    if (row?.status !== 'done') return null
    sum += row.top1
  }
  return sum / seeds.length
}
