/** Detects a diverged run: a loss, gradient or weight that is NaN or infinite. */
import { MbconvError } from '../errors/error'
import type { Module } from '../nn/modules/module'
import { noGrad } from '../tensor/core/autograd'
import { keep, scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'

/**
 * The error that ends a diverged run.
 *
 * @param what for example 'the loss is NaN'
 * @param step steps done when the divergence was noticed
 * @param checkpoint folder of the newest checkpoint, which has only finite weights; undefined if there is none
 */
export function diverged(what: string, step: number, lr: number, checkpoint: string | undefined): MbconvError {
  const last = checkpoint === undefined ? 'no checkpoint was saved before' : `the last good checkpoint is ${checkpoint}`
  return new MbconvError('ERR_DIVERGED', `${what} at step ${step} (learning rate ${lr}); ${last}`, {
    hint: 'Lower optimizer.lr, lengthen the warm-up, or set clipGradNorm; onDivergence: skip passes over single bad batches.',
  })
}

/** Number of recent steps that are considered. */
const LOOK_BACK = 20

/** Which of the latest steps were skipped (onDivergence: skip). If most were, the run no longer learns. */
export class SkippedSteps {
  /** Oldest first. */
  readonly latest: boolean[]

  /** @param latest as stored in a checkpoint */
  constructor(latest: readonly boolean[] = []) {
    this.latest = latest.slice(-LOOK_BACK)
  }

  add(skipped: boolean): void {
    this.latest.push(skipped)
    if (this.latest.length > LOOK_BACK) this.latest.shift()
  }

  /** Whether the newest step was skipped. */
  get newest(): boolean {
    return this.latest.at(-1) ?? false
  }

  /**
   * For example '11 of the last 20 steps were skipped'; undefined if most were not skipped.
   *
   * @param atEnd no more steps follow, so the verdict uses those there are
   */
  tooMany(atEnd: boolean): string | undefined {
    const count = this.latest.filter(Boolean).length
    const of = atEnd ? this.latest.length : LOOK_BACK
    return count > of / 2 ? `${count} of the last ${Math.min(of, this.latest.length)} steps were skipped` : undefined
  }
}

/** The first entry of the model's state with a NaN or infinite value. Waits for the device. */
export function firstNonFinite(model: Module): string | undefined {
  for (const [name, tensor] of Object.entries(model.stateDict())) {
    if (!tensor.dtype.startsWith('float') && tensor.dtype !== 'bfloat16') continue
    const finite = noGrad(() => scope(() => tensor.detach().isfinite().all().item()))
    if (!finite) return name
  }
  return undefined
}

/**
 * Restores batch norm's running statistics after a skipped step. The forward pass changes them, and one batch of NaN
 * would make them NaN permanently.
 */
export class StatisticsGuard {
  readonly #live: Tensor[]
  readonly #held: Tensor[]

  constructor(model: Module) {
    this.#live = model.namedBuffers().map(([, buffer]) => buffer)
    this.#held = noGrad(() => this.#live.map((buffer) => keep(buffer.clone())))
  }

  /** Stores the current statistics. */
  hold(): void {
    noGrad(() => {
      this.#held.forEach((held, i) => void held.copy_(this.#live[i]))
    })
  }

  /** Restores the stored statistics. */
  restore(): void {
    noGrad(() => {
      this.#live.forEach((live, i) => void live.copy_(this.#held[i]))
    })
  }

  dispose(): void {
    for (const tensor of this.#held) tensor.dispose()
  }
}
