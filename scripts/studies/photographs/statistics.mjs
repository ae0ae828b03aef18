/* Figures of few runs. Means and their intervals are those of experiments: lib/experiment/analysis/statistics.ts. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
export const { mean, pairedTest, summarize } = require('../../../dist/experiment/analysis/statistics.js')

/**
 * Area under the ROC curve: the probability that a value of `high` is larger than one of `low`; equal ones count half.
 * @param {number[]} high
 * @param {number[]} low
 */
export function auroc(high, low) {
  let wins = 0
  for (const a of high) for (const b of low) wins += a > b ? 1 : a === b ? 0.5 : 0
  return wins / (high.length * low.length)
}

/** Least and largest value. */
export const rangeOf = (values) => [Math.min(...values), Math.max(...values)]
