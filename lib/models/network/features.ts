/** The parts of a network before its pooling: stem, stages, head. */
import * as F from '../../nn/functional'
import { Sequential } from '../../nn/modules/containers'
import type { AnyModule } from '../../nn/modules/module'
import { isGradEnabled } from '../../tensor/core/autograd'
import { recompute } from '../../tensor/core/recompute'
import { disposeUnlessKept, scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'

/** The parts whose activations are computed again for the gradient. */
export type Recomputed = 'none' | 'blocks' | 'stages'

export interface FeaturesSettings {
  /** A max-pooling after the stem (ResNet). */
  stemPool: boolean
  recompute: Recomputed
}

/** Images [N, C, H, W] to feature maps [N, channels, H', W']. */
export class Features extends Sequential {
  /** Whether a max-pooling follows the stem (ResNet). */
  readonly stemPool: boolean
  /** What is computed again in the backward pass. */
  readonly recomputed: Recomputed
  /** The number of frozen parts, counted from the stem. */
  frozen = 0

  constructor(parts: AnyModule[], { stemPool, recompute }: FeaturesSettings) {
    super(...parts)
    this.stemPool = stemPool
    this.recomputed = recompute
  }

  /** The parts that keep their weights. */
  frozenParts(): AnyModule[] {
    return [...this].slice(0, this.frozen)
  }

  override forward(x: Tensor): Tensor {
    return scope(() => this.run(x))
  }

  /**
   * Runs block by block, each in its own scope: tensors that no gradient needs are freed before the next block
   * allocates. A stage with hooks, or with a `forward` that was assigned, runs as a whole.
   *
   * @param keeps gets each stage's output; returns whether it is to stay
   */
  run(x: Tensor, keeps: (stage: number, y: Tensor) => boolean = () => false): Tensor {
    let y = x
    let free = false
    let again = false
    const step = (forward: (input: Tensor) => Tensor) => {
      const input = y
      y = scope(() => (again ? recompute(forward, input) : forward(input)))
      // A module may return its input.
      if (y === input) return
      if (free) disposeUnlessKept(input)
      free = true
    }
    for (const [stage, part] of [...this].entries()) {
      // Frozen parts keep no activations, and have no gradient to compute again for.
      again = this.recomputed !== 'none' && this.training && isGradEnabled() && stage >= this.frozen
      const isPlain = part.forward === Sequential.prototype.forward
      if (!isPlain || (again && this.recomputed === 'stages')) step((input) => part.forward(input))
      else for (const block of part as Sequential) step((input) => block.forward(input))
      if (stage === 0 && this.stemPool) step((input) => F.maxPool2d(input, 3, { stride: 2, padding: 1 }))
      if (keeps(stage, y)) free = false
    }
    return y
  }
}
