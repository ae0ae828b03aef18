/** Loss scaling for float16, whose small gradients would vanish. */
import { native } from '../native'
import { full, zeros } from '../tensor/create'
import { scope } from '../tensor/scope'
import type { Tensor } from '../tensor/tensor'
import { checkNumber, type Optimizer } from './optimizer'

export interface GradScalerOptions {
  /** Default 65536. */
  initialScale?: number
  /** After `growthInterval` steps without an overflow. Default 2. */
  growthFactor?: number
  /** After an overflow. Default 0.5. */
  backoffFactor?: number
  /** Default 2000. */
  growthInterval?: number
  enabled?: boolean
}

/**
 * Multiplies the loss by a factor that is found while training: it shrinks when a gradient overflows (that step is
 * skipped) and grows after a while without. Use: `scaler.scale(loss).backward(); scaler.step(optimizer)`.
 */
export class GradScaler {
  scaleFactor: number
  readonly growthFactor: number
  readonly backoffFactor: number
  readonly growthInterval: number
  readonly enabled: boolean
  /** Steps since the factor changed. */
  goodSteps = 0
  /** Steps that overflowed and were left out. */
  skipped = 0

  constructor(options: GradScalerOptions = {}) {
    const {
      initialScale = 65536,
      growthFactor = 2,
      backoffFactor = 0.5,
      growthInterval = 2000,
      enabled = true,
    } = options
    checkNumber('GradScaler', 'initialScale', initialScale, Number.MIN_VALUE)
    checkNumber('GradScaler', 'growthFactor', growthFactor, 1)
    checkNumber('GradScaler', 'backoffFactor', backoffFactor, Number.MIN_VALUE, 1)
    checkNumber('GradScaler', 'growthInterval', growthInterval, 1)
    this.scaleFactor = initialScale
    this.growthFactor = growthFactor
    this.backoffFactor = backoffFactor
    this.growthInterval = growthInterval
    this.enabled = enabled
  }

  /** The loss to call backward() on. */
  scale(loss: Tensor): Tensor {
    return this.enabled ? loss.mul(this.scaleFactor) : loss
  }

  /**
   * Brings the gradients back to scale and takes the optimiser's step, unless one of them is not finite; then adapts the
   * factor. Waits for the device. Returns whether the step was taken.
   */
  step(optimizer: Optimizer): boolean {
    if (!this.enabled) {
      optimizer.step()
      return true
    }
    const parameters = optimizer.groups.flatMap((group) => group.params)
    const device = parameters[0]?.device ?? 'cpu'
    const finite = scope(() => {
      const found = zeros([1], { device })
      native().unscaleGradients(parameters, found, full([1], 1 / this.scaleFactor, { device }))
      return found.item() === 0
    })
    if (finite) {
      optimizer.step()
      if (++this.goodSteps >= this.growthInterval) this.#change(this.growthFactor)
    } else {
      this.skipped++
      this.#change(this.backoffFactor)
    }
    return finite
  }

  #change(factor: number): void {
    this.scaleFactor *= factor
    this.goodSteps = 0
  }

  stateDict(): { scaleFactor: number; goodSteps: number; skipped: number } {
    const { scaleFactor, goodSteps, skipped } = this
    return { scaleFactor, goodSteps, skipped }
  }

  loadStateDict(state: { scaleFactor: number; goodSteps: number; skipped: number }): void {
    Object.assign(this, { scaleFactor: state.scaleFactor, goodSteps: state.goodSteps, skipped: state.skipped })
  }
}
