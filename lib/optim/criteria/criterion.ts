/** The loss that training minimises. */
import type { z } from 'zod'
import type { Tensor } from '../../tensor/core/tensor'

/** Computes a batch's loss, without dimensions, from logits [N, K] and labels [N]. */
export type Criterion = (logits: Tensor, labels: Tensor) => Tensor

/** The description of a loss. kinds.ts lists them. */
export interface CriterionKind {
  /** The name by which a configuration picks it. */
  readonly name: string
  /** The configuration keys that belong to this loss. Each has a default. */
  readonly keys: z.ZodRawShape
  /** @param config has these keys, checked by the schema */
  make(config: never): Criterion
}
