/**
 * Log of losses that are still on the device. They are read in groups, so that the host does not wait at every step.
 */

import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { stack } from '../tensor/ops/combining'

/** A step whose loss may still be on the device. */
export interface StepRecord {
  /** Steps done, including this one. */
  step: number
  epoch: number
  lr: number
  images: number
  /** A 0-dimensional tensor that this log owns, or the number if it has been read. */
  loss: Tensor | number
}

export type ReadStep = Omit<StepRecord, 'loss'> & { loss: number }

/** Steps whose losses are read from a GPU together. One wait per this many steps has no measurable cost. */
const TOGETHER = 10

export class LossLog {
  #pending: StepRecord[] = []

  add(record: StepRecord): void {
    this.#pending.push(record)
  }

  /** Whether to read now: at once for a loss that is a number, in groups for losses on a device. */
  get isDue(): boolean {
    const newest = this.#pending.at(-1)
    return newest !== undefined && (typeof newest.loss === 'number' || this.#pending.length >= TOGETHER)
  }

  /** Everything added since the last call, in order. Waits for the device once, if any loss is there. */
  read(): ReadStep[] {
    const records = this.#pending
    this.#pending = []
    const onDevice = records.map(({ loss }) => loss).filter((loss) => typeof loss !== 'number')
    const values = onDevice.length === 0 ? [] : scope(() => Array.from(stack(onDevice, 0).toTypedArray(), Number)) // waits for the device
    for (const loss of onDevice) loss.dispose()
    let next = 0
    return records.map((record) => ({
      ...record,
      loss: typeof record.loss === 'number' ? record.loss : values[next++],
    }))
  }

  /** Frees the losses that were not read. */
  dispose(): void {
    for (const { loss } of this.#pending) if (typeof loss !== 'number') loss.dispose()
    this.#pending = []
  }
}
