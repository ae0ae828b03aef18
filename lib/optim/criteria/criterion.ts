/** What training lowers. */
import type { z } from 'zod'
import type { Tensor } from '../../tensor/core/tensor'

/** The loss of a batch, without dimensions, from logits [N, K] and labels [N]. */
export type Criterion = (logits: Tensor, labels: Tensor) => Tensor

/** A loss's description. kinds.ts lists them. */
export interface CriterionKind {
  /** What a configuration would pick it by. */
  readonly name: string
  /** The keys of a configuration that are its own. Each has a default. */
  readonly keys: z.ZodRawShape
  /** @param config with these keys, checked by the schema */
  make(config: never): Criterion
}
