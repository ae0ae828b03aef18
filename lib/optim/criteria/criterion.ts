/** The loss that training minimises. */
import type { z } from 'zod'
import type { Tensor } from '../../tensor/core/tensor'

/**
 * Computes a batch's loss, without dimensions, from logits [N, K] and targets. Targets are classes [N] (int64), or
 * numbers from 0 to 1 for each class [N, K]: a distribution over the classes, or several classes at once.
 */
export interface Criterion {
  (logits: Tensor, targets: Tensor): Tensor
  /** Frees the tensors that the loss holds. */
  dispose?(): void
}

/** What a loss may know about the data. */
export interface DataFacts {
  numClasses: number
  /** Training images of each class, and of all classes together. An image may have several. */
  classCounts: readonly number[]
  images: number
  /** Where the logits will be. */
  device: string
}

/** The description of a loss. kinds.ts lists them. */
export interface CriterionKind {
  /** The name by which a configuration picks it. */
  readonly name: string
  /** Whether each class is a question of its own, so that an image may have any number of labels. */
  readonly isMultiLabel?: boolean
  /** The configuration keys that this loss reads. Each has a default; several losses may share a key. */
  readonly keys: z.ZodRawShape
  /** @param config has these keys, checked by the schema */
  make(config: never, facts: DataFacts): Criterion
}
