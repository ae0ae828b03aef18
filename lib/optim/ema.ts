/**
 * An exponential moving average of a model's weights. It usually evaluates better than the weights themselves.
 *
 * Parameters and batch-norm statistics are averaged; integer buffers (the count of batches seen) are copied.
 */
import { checkFunction, checkOneOf, checkRange } from '../errors/check'
import { MbconvError } from '../errors/error'
import { refusePromise } from '../errors/promise'
import { native } from '../native/addon'
import type { Rate } from '../native/signatures'
import { noGrad } from '../tensor/core/autograd'
import { full } from '../tensor/core/create'
import { keep, keepEach, scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { copyState } from './copy-state'

/** A model as seen by the average: its parameters and buffers by name (the tensors themselves). */
export interface StateSource {
  /** The tensors to average, by name. */
  stateDict(): Record<string, Tensor>
}

/** A rule for how much an update keeps. */
export type EmaRule = 'tensorflow' | 'timm'

/** Exponent of timm's warm-up. */
const TIMM_POWER = 2 / 3

/** How weights are averaged. */
export interface EmaOptions {
  /** Fraction of the average that an update keeps. Default 0.9999. */
  decay?: number
  /** Keep less at first, so that the first weights are soon forgotten; see `rule`. Default true. */
  warmup?: boolean
  /**
   * How much update t, counted from 0, keeps.
   *
   * - `tensorflow` (default): min(decay, (1 + t) / (10 + t)) in the warm-up, as tf.train.ExponentialMovingAverage with
   *   `num_updates`; otherwise `decay`.
   * - `timm`: min(decay, 1 - (1 + t)^(-2/3)) in the warm-up, as timm's ModelEmaV3; otherwise `decay`. The first update
   *   keeps nothing in both cases: the average starts from the weights after it.
   */
  rule?: EmaRule
  /**
   * Counts updates on the model's device, so that replays of a captured CUDA graph are counted, as with optimisers.
   * Default false.
   */
  capturable?: boolean
}

/** The tensors that hold an average in place of their own values now. */
const averaged = new Set<Tensor>()

/**
 * Refuses to go on with tensors that hold an average: a step would train the average, and be lost afterwards.
 *
 * @throws MbconvError ERR_VALUE
 */
export function checkNotAveraged(op: string, tensors: readonly Tensor[]): void {
  if (averaged.size === 0 || !tensors.some((tensor) => averaged.has(tensor))) return
  throw new MbconvError('ERR_VALUE', `${op}: the model holds an average of its weights now`, {
    op,
    hint: 'Await whileAveraged() before the next step, or use whileAveragedSync().',
  })
}

/** A moving average of a model's weights and running statistics. */
export class Ema {
  /** How much of the average a step keeps. */
  readonly decay: number
  /** Whether early steps keep less. */
  readonly warmup: boolean
  /** Whose rule of the warm-up: TensorFlow's or timm's. */
  readonly rule: EmaRule
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
  constructor(model: StateSource, options: EmaOptions = {}) {
    const { decay = 0.9999, warmup = true, rule = 'tensorflow', capturable = false } = options
    checkRange('Ema', 'decay', decay, 0, 1)
    checkOneOf('Ema', 'rule', rule, ['tensorflow', 'timm'])
    this.decay = decay
    this.warmup = warmup
    this.rule = rule
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
    const { updates, decay, warmup, rule } = this
    if (rule === 'timm') {
      if (updates === 0) return 0
      return warmup ? Math.min(decay, 1 - (1 + updates) ** -TIMM_POWER) : decay
    }
    return warmup ? Math.min(decay, (1 + updates) / (10 + updates)) : decay
  }

  /**
   * Moves the average towards the model's current state.
   *
   * @throws MbconvError ERR_VALUE while the model holds an average
   */
  update(): void {
    checkNotAveraged('Ema.update', this.#live)
    const there = this.#updatesThere
    if (there === undefined) {
      native().emaUpdate(this.#average, this.#live, this.nextDecay)
      this.#updates++
    } else {
      noGrad(() =>
        scope(() => {
          native().emaUpdate(this.#average, this.#live, this.#nextDecayThere(there))
          there.add_(1)
        }),
      )
    }
  }

  /** The same as {@link nextDecay}, computed on the device. */
  #nextDecayThere(updates: Tensor): Rate {
    const { decay, warmup, rule } = this
    if (rule === 'timm') {
      if (!warmup) return updates.clamp({ max: 1 }).mul(decay)
      return updates.add(1).pow(-TIMM_POWER).neg().add(1).clamp({ max: decay })
    }
    return warmup ? updates.add(1).div(updates.add(10)).clamp({ max: decay }) : decay
  }

  /**
   * Runs `use` while the model holds the averaged state. Restores the model's own state however `use` ends. The two are
   * exchanged by copying, so every tensor keeps its identity and every bit its value.
   *
   * The model holds the average from this call until the promise is settled. Steps of its optimiser and updates of
   * averages throw ERR_VALUE meanwhile, so await it.
   *
   * @throws MbconvError ERR_TYPE; ERR_VALUE while the model holds an average already
   */
  async whileAveraged<T>(use: () => T | Promise<T>): Promise<T> {
    this.#begin('whileAveraged', use)
    try {
      return await use()
    } finally {
      this.#end()
    }
  }

  /**
   * {@link whileAveraged} for a synchronous function: returns its result.
   *
   * @throws MbconvError ERR_TYPE; ERR_SCOPE for a function that returns a promise; ERR_VALUE while the model holds an
   *   average already
   */
  whileAveragedSync<T>(use: () => T): T {
    const op = 'whileAveragedSync'
    this.#begin(op, use)
    try {
      const result = use()
      refusePromise(result, op)
      return result
    } finally {
      this.#end()
    }
  }

  #begin(op: string, use: unknown): void {
    checkFunction(op, 'use', use)
    checkNotAveraged(op, this.#live)
    this.#exchange()
    for (const tensor of this.#live) averaged.add(tensor)
  }

  #end(): void {
    for (const tensor of this.#live) averaged.delete(tensor)
    this.#exchange()
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
    checkNotAveraged('Ema.loadStateDict', this.#live)
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
