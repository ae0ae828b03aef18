/** What the rest of the package knows of an optimiser, and the options that all of them have. */
import { z } from 'zod'
import { positive } from '../schema/fields'
import type { CrossProblem, NamedSchema } from '../schema/kinds'
import type { Optimizer, ParamGroup } from './optimizer'

/** An optimiser's description. Each stands beside its class; kinds.ts lists them. */
export interface OptimizerKind {
  /** Of `optimizer:` in a configuration: a strict object with `name`, `lr`, `weightDecay` and `layerDecay`. */
  readonly schema: NamedSchema
  /**
   * @param groups parameters with their own weight decay and learning rate
   * @param options checked by the schema, defaults filled in
   */
  make(groups: ParamGroup[], options: never): Optimizer
  /** Tensors as large as the parameters that it keeps from step to step, with the schema's defaults. */
  readonly slots: number
  /**
   * Lists as large as the gradients that an update makes for a moment, weight decay included: for float32 parameters on
   * the CPU, and for all others.
   */
  readonly lists: { readonly float32: number; readonly other: number }
  /** The learning rate where a configuration names none. Without it the schema demands one. */
  rateFor?(batchSize: number): number
  /** What no single option can tell. Looks at what was written, of which anything may be wrong. */
  check?(raw: Record<string, unknown>): CrossProblem[]
}

/** Largest learning rate and weight decay: they are multiplied with each other before a tensor sees them. */
const LARGEST_RATE = 1e30
const LARGEST_DECAY = 1e8

export const learningRate = () => positive(LARGEST_RATE).describe('peak learning rate, after the warm-up')

/** @param how what it is multiplied with, and what the product does */
export const weightDecay = (rate: number, how: string) =>
  z.number().min(0).max(LARGEST_DECAY).default(rate).describe(`${how}; batch-norm parameters are spared`)

export const layerDecay = () =>
  z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe("learning rate of a block over that of the one behind it, from the classifier's down; 1: all alike")
