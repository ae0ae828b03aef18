/**
 * An exponential moving average of a model's weights. It usually evaluates better than the weights themselves.
 *
 * Parameters and batch-norm statistics are averaged; integer buffers (the count of batches seen) are copied.
 */
import { checkRange } from '../errors/check'
import { native } from '../native/addon'
import { noGrad } from '../tensor/core/autograd'
import { full } from '../tensor/core/create'
import { keep, keepEach, scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { copyState } from './copy-state'

/** A model as seen by the average: its parameters and buffers by name (the tensors themselves). */
export interface StateSource {
  stateDict(): Record<string, Tensor>
}

export interface EmaOptions {
  /** Fraction of the average that an update keeps. Default 0.9999. */
  decay?: number
  /**
   * Keep only min(decay, (1 + t) / (10 + t)) at update t, counted from 0, so that the first weights are soon forgotten.
   * Default true.
   */
  warmup?: boolean
  /**
   * Counts updates on the model's device, so that replays of a captured CUDA graph are counted, as with optimisers.
   * Default false.
   */
  capturable?: boolean
}

export class Ema {
  readonly decay: number
  readonly warmup: boolean
  #updates = 0
  /** The same count, if it is kept on the device. */
  readonly #updatesThere: Tensor | undefined
  readonly #live: Tensor[]
  readonly #average: Tensor[]
  readonly #names: string[]

  /**
   * Starts from the model's current state. The model must stay on its device and keep its tensors.
   *
   * @param model the model whose state is averaged
   */
  constructor(model: StateSource, { decay = 0.9999, warmup = true, capturable = false }: EmaOptions = {}) {
    checkRange('Ema', 'decay', decay, 0, 1)
    this.decay = decay
    this.warmup = warmup
    const state = model.stateDict()
    this.#names = Object.keys(state)
    this.#live = Object.values(state)
    this.#average = noGrad(() => scope(() => keepEach(this.#live, (tensor) => tensor.detach().clone())))
    if (!capturable) return
    try {
      this.#updatesThere = keep(full([], 0, { dtype: 'float64', device: this.#live[0]?.device }))
    } catch (error) {
      for (const tensor of this.#average) tensor.dispose()
      throw error
    }
  }

  /** Number of updates. Waits for the device if they are counted there. */
  get updates(): number {
    return this.#updatesThere === undefined ? this.#updates : Number(this.#updatesThere.item())
  }

  /** The decay of the next update. */
  get nextDecay(): number {
    const { updates } = this
    return this.warmup ? Math.min(this.decay, (1 + updates) / (10 + updates)) : this.decay
  }

  /** Moves the average towards the model's current state. */
  update(): void {
    const there = this.#updatesThere
    if (there === undefined) {
      native().emaUpdate(this.#average, this.#live, this.nextDecay)
      this.#updates++
    } else {
      noGrad(() =>
        scope(() => {
          // The same as nextDecay, computed on the device.
          const decay = this.warmup ? there.add(1).div(there.add(10)).clamp({ max: this.decay }) : this.decay
          native().emaUpdate(this.#average, this.#live, decay)
          there.add_(1)
        }),
      )
    }
  }

  /**
   * Runs `use` while the model holds the averaged state. Restores the model's own state however `use` ends. The two are
   * exchanged by copying, so every tensor keeps its identity and every bit its value.
   */
  async whileAveraged<T>(use: () => T | Promise<T>): Promise<T> {
    this.#exchange()
    try {
      return await use()
    } finally {
      this.#exchange()
    }
  }

  #exchange(): void {
    noGrad(() => {
      this.#live.forEach((live, i) => {
        scope(() => {
          const held = live.detach().clone()
          live.copy_(this.#average[i])
          this.#average[i].copy_(held)
        })
      })
    })
  }

  /** The averaged state under the model's names: the tensors themselves, not copies. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.#names.map((name, i) => [name, this.#average[i]]))
  }

  /**
   * Loads a saved average by copying it.
   *
   * @param tensors from {@link stateDict}
   * @param updates number of updates until the save
   * @throws MbconvError ERR_VALUE, ERR_SHAPE or ERR_TYPE naming the entry that does not fit; nothing is changed then
   */
  loadStateDict(tensors: Record<string, Tensor>, updates: number): void {
    checkRange('Ema.loadStateDict', 'updates', updates, 0)
    copyState('Ema.loadStateDict', this.stateDict(), tensors)
    this.#updates = updates
    noGrad(() => this.#updatesThere?.fill_(updates))
  }

  /** Frees the average. */
  dispose(): void {
    for (const tensor of this.#average) tensor.dispose()
    this.#updatesThere?.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
