/** Ends a run whose evaluations no longer improve. */
import type { TrainConfig } from '../config/train'
import type { TrainState } from './run/checkpoint-state'

export type EarlyStoppingState = NonNullable<TrainState['earlyStopping']>

export class EarlyStopping {
  readonly #options: TrainConfig['earlyStopping']
  #best: number | null
  #bad: number

  /** @param state as stored in a checkpoint */
  constructor(options: TrainConfig['earlyStopping'], state: EarlyStoppingState | null = null) {
    this.#options = options
    // The best of another metric says nothing.
    const before = state?.metric === options?.metric ? state : null
    this.#best = before?.best ?? null
    this.#bad = before?.bad ?? 0
  }

  /** Takes the result of an evaluation. A result that is not a number is no improvement. */
  observe(evaluation: { loss: number; top1?: number; mAP?: number }): void {
    if (this.#options === null) return
    const { metric, minDelta } = this.#options
    const value = evaluation[metric] ?? Number.NaN
    const sign = metric === 'loss' ? -1 : 1
    const isBetter = this.#best === null ? Number.isFinite(value) : sign * (value - this.#best) > minDelta
    if (isBetter) this.#best = value
    this.#bad = isBetter ? 0 : this.#bad + 1
  }

  /** Whether the run ends. */
  get isDue(): boolean {
    return this.#options !== null && this.#bad >= this.#options.patience
  }

  /** For a checkpoint; null if the run is not watched. */
  get state(): EarlyStoppingState | null {
    return this.#options === null ? null : { metric: this.#options.metric, best: this.#best, bad: this.#bad }
  }
}
