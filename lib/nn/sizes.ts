/** Sizes given as one number for all dimensions. */

/** One number for every dimension, or one each. */
export type Sizes = number | number[]

/** The same number for every dimension, or the list as it is. */
export const spread = (value: Sizes, dimensions: number): number[] =>
  typeof value === 'number' ? new Array<number>(dimensions).fill(value) : value
