/** Sizes: one number for all dimensions, or a list. */

/** One number for every dimension, or a number for each. */
export type Sizes = number | number[]

/** Repeats a number for every dimension; returns a list unchanged. */
export const spread = (value: Sizes, dimensions: number): number[] =>
  typeof value === 'number' ? new Array<number>(dimensions).fill(value) : value
