/** The training steps of a session: their resources, and the clean-up after a skipped one. */
import type { Batch, ByteBatch } from '../data/sources/batch'
import { type StepParts, type StepResult, trainingStep } from '../optim/step'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import { StatisticsGuard } from './divergence'
import { InputNormalizer } from './input'
import type { Session } from './session/session'

export class Stepper {
  readonly #parts: StepParts
  readonly #input: InputNormalizer
  readonly #statistics: StatisticsGuard | null

  constructor(session: Session) {
    const { config, model, criterion, optimizer, ema, device } = session
    const { memoryFormat, clipGradNorm } = config
    this.#input = new InputNormalizer(session)
    const skips = config.onDivergence === 'skip'
    // On the CPU, reading the loss costs nothing. To skip a step, the gradients must be checked before the update,
    // despite the wait.
    const mustBeFinite = skips ? 'gradients' : device === 'cpu' ? 'loss' : 'nothing'
    this.#parts = {
      ...{ model, criterion, optimizer, ema, device, memoryFormat },
      ...{ maxGradNorm: clipGradNorm, mustBeFinite },
    }
    this.#statistics = skips ? new StatisticsGuard(model) : null
  }

  /**
   * Trains on a batch. A skipped step (see onDivergence) leaves model, optimiser and average unchanged.
   *
   * @param lr the learning rate of this step
   */
  take(batch: Batch | ByteBatch, lr: number): StepResult {
    this.#parts.optimizer.lr = lr
    this.#statistics?.hold()
    const result = scope(() => {
      const images = this.#input.tensorOf(batch)
      const labels = fromTypedArray(batch.labels, [batch.labels.length])
      return trainingStep(this.#parts, { images, labels })
    })
    if (!result.updated) this.#statistics?.restore()
    return result
  }

  dispose(): void {
    this.#input.dispose()
    this.#statistics?.dispose()
  }
}
