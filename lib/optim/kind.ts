/** An optimiser's description for the rest of the package, and the options that all optimisers have. */
import { z } from 'zod'
import { positive } from '../schema/fields'
import type { CrossProblem, NamedSchema } from '../schema/kinds'
import type { Optimizer, ParamGroup } from './optimizer'

/** The description of an optimiser. Each is beside its class; kinds.ts lists them. */
export interface OptimizerKind {
  /** Schema of a configuration's `optimizer:`, a strict object with `name`, `lr`, `weightDecay` and `layerDecay`. */
  readonly schema: NamedSchema
  /**
   * @param groups parameters with their weight decay and learning rate
   * @param options checked by the schema, defaults filled in
   */
  make(groups: ParamGroup[], options: never): Optimizer
  /** Number of state tensors per parameter, each as large as the parameter, with the schema's defaults. */
  readonly slots: number
  /**
   * Number of temporary lists as large as all gradients that an update makes, weight decay included: for float32
   * parameters on the CPU, and for all others.
   */
  readonly lists: { readonly float32: number; readonly other: number }
  /** The default learning rate. Without this function the schema requires one. */
  rateFor?(batchSize: number): number
  /** Finds problems that involve several options. Gets the raw configuration, in which anything may be wrong. */
  check?(raw: Record<string, unknown>): CrossProblem[]
}

/** Largest learning rate and weight decay: they are multiplied before a tensor stores them. */
const LARGEST_RATE = 1e30
const LARGEST_DECAY = 1e8

export const learningRate = () => positive(LARGEST_RATE).describe('peak learning rate, after the warm-up')

/** @param how the factor it is multiplied with, and the use of the product */
export const weightDecay = (rate: number, how: string) =>
  z.number().min(0).max(LARGEST_DECAY).default(rate).describe(`${how}; batch-norm parameters are spared`)

export const layerDecay = () =>
  z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe("learning rate of a block over that of the one behind it, from the classifier's down; 1: all alike")
