/** Loss scaling for float16, whose small gradients would underflow. The protocol is that of torch.amp.GradScaler. */
import { checkCount, checkNumber, checkPositive } from '../errors/check'
import { type ErrorCode, MbconvError } from '../errors/error'
import { native } from '../native/addon'
import { full, zeros } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import { Tensor } from '../tensor/core/tensor'
import { Optimizer } from './optimizer'

/** How the factor on the loss changes. */
export interface GradScalerOptions {
  /** Default 65536. */
  initialScale?: number
  /** The scale is multiplied by this after `growthInterval` updates without an overflow; above 1. Default 2. */
  growthFactor?: number
  /** The scale is multiplied by this after an overflow; above 0, below 1. Default 0.5. */
  backoffFactor?: number
  /** Default 2000. */
  growthInterval?: number
  /** With false, `scale`, `unscale_` and `update` do nothing, and `step` only steps the optimiser. Default true. */
  enabled?: boolean
}

/** The result of {@link GradScaler.stateDict}. */
export interface GradScalerState {
  /** The factor on the loss. */
  scaleFactor: number
  /** The factor is multiplied by this when it grows. */
  growthFactor: number
  /** The factor is multiplied by this after an overflow. */
  backoffFactor: number
  /** Updates without an overflow before the factor grows. */
  growthInterval: number
  /** Updates without an overflow since the factor changed. */
  goodSteps: number
  /** Steps that were skipped because of an overflow. */
  skipped: number
}

/** What was done with an optimiser's gradients since the last update. */
interface Progress {
  stage: 'unscaled' | 'stepped'
  /** Undefined if there were no gradients to check. */
  overflow: boolean | undefined
}

/**
 * Multiplies the loss by a factor that adapts during training. It shrinks when a gradient overflows (that step is
 * skipped), and grows after some updates without an overflow. Call in this order:
 *
 *     scaler.scale(loss).backward()
 *     scaler.unscale_(optimizer)            // only where gradients are read or clipped
 *     clipGradNorm(model.parameters(), 1)
 *     scaler.step(optimizer)                // unscales, unless that was done
 *     scaler.update()                       // once, after every optimiser's step
 *
 * A call out of order throws ERR_VALUE and changes nothing. The factor is a float32, as in PyTorch.
 */
export class GradScaler {
  /** Whether it does anything. */
  readonly enabled: boolean
  #factor: number
  #growthFactor: number
  #backoffFactor: number
  #growthInterval: number
  #goodSteps = 0
  #skipped = 0
  /** Whether any loss was scaled: gradients of an unscaled loss must not be divided. */
  #used = false
  readonly #progress = new Map<Optimizer, Progress>()

  constructor(options: GradScalerOptions = {}) {
    const {
      initialScale = 65536,
      growthFactor = 2,
      backoffFactor = 0.5,
      growthInterval = 2000,
      enabled = true,
    } = options
    checkFactors('GradScaler', { initialScale, growthFactor, backoffFactor, growthInterval })
    this.#factor = Math.fround(initialScale)
    this.#growthFactor = growthFactor
    this.#backoffFactor = backoffFactor
    this.#growthInterval = growthInterval
    this.enabled = enabled
  }

  /** The factor on the loss. */
  get scaleFactor(): number {
    return this.enabled ? this.#factor : 1
  }
  /** The factor is multiplied by this when it grows. */
  get growthFactor(): number {
    return this.#growthFactor
  }
  /** The factor is multiplied by this after an overflow. */
  get backoffFactor(): number {
    return this.#backoffFactor
  }
  /** Updates without an overflow before the factor grows. */
  get growthInterval(): number {
    return this.#growthInterval
  }
  /** Updates since the last change of the factor. */
  get goodSteps(): number {
    return this.#goodSteps
  }
  /** Number of updates after an overflow, each of which skipped the step of at least one optimiser. */
  get skipped(): number {
    return this.#skipped
  }

  /**
   * Scales a loss, or several, for backward(). A float16 loss without dimensions becomes float32, which holds the
   * product.
   */
  scale<T extends Tensor | Tensor[]>(loss: T): T {
    const losses = Array.isArray(loss) ? loss : [loss]
    if (!losses.every((each) => each instanceof Tensor)) {
      fail('GradScaler.scale', 'loss must be a tensor or a list of tensors', 'ERR_TYPE')
    }
    if (!this.enabled) return loss
    const scaled = losses.map((each) => scope(() => each.mul(full([], this.#factor, { device: each.device }))))
    this.#used = true
    return (Array.isArray(loss) ? scaled : scaled[0]) as T
  }

  /**
   * Divides the gradients of the optimiser's parameters by the factor and notes whether all are finite. Waits for the
   * device.
   *
   * @throws MbconvError ERR_VALUE the second time before an update, and after {@link step}; ERR_TYPE for float16
   *   gradients, which underflow even with a scaled loss
   */
  unscale_(optimizer: Optimizer): void {
    const op = 'GradScaler.unscale_'
    checkOptimizer(op, optimizer)
    if (!this.enabled) return
    const stage = this.#progress.get(optimizer)?.stage
    if (stage === 'unscaled') fail(op, 'has already been called for this optimiser since the last update()')
    if (stage === 'stepped') fail(op, 'is called after step(); call update() in between')
    this.#checkUsed(op)
    this.#unscale(op, optimizer)
  }

  /**
   * Steps the optimiser with the unscaled gradients, unless one of them is not finite. Returns whether it stepped.
   *
   * @throws MbconvError ERR_VALUE the second time before an update, or when there are no gradients
   */
  step(optimizer: Optimizer): boolean {
    const op = 'GradScaler.step'
    checkOptimizer(op, optimizer)
    if (!this.enabled) {
      optimizer.step()
      return true
    }
    this.#checkUsed(op)
    const known = this.#progress.get(optimizer)
    if (known?.stage === 'stepped') fail(op, 'has already been called for this optimiser since the last update()')
    const progress = known ?? this.#unscale(op, optimizer)
    if (progress.overflow === undefined) {
      if (known === undefined) this.#progress.delete(optimizer)
      fail(op, 'No inf checks were recorded for this optimiser: it has no gradients')
    }
    if (!progress.overflow) optimizer.step()
    progress.stage = 'stepped'
    return !progress.overflow
  }

  /**
   * Adapts the factor to the result of the steps since the last update. Call it once after all steps.
   *
   * @param newScale sets the factor to this value
   * @throws MbconvError ERR_VALUE when no optimiser was stepped or unscaled
   */
  update(newScale?: number): void {
    const op = 'GradScaler.update'
    if (newScale !== undefined) checkScale(op, 'newScale', newScale)
    if (!this.enabled) return
    this.#checkUsed(op)
    const overflows = [...this.#progress.values()].flatMap(({ overflow }) => overflow ?? [])
    if (newScale !== undefined) {
      this.#factor = Math.fround(newScale)
    } else if (overflows.length === 0) {
      fail(op, 'No inf checks were recorded since the last update(): call step() first')
    } else if (overflows.includes(true)) {
      this.#factor = Math.fround(this.#factor * this.#backoffFactor)
      this.#goodSteps = 0
      this.#skipped++
    } else if (++this.#goodSteps === this.#growthInterval) {
      const grown = Math.fround(this.#factor * this.#growthFactor)
      if (Number.isFinite(grown)) this.#factor = grown
      this.#goodSteps = 0
    }
    this.#progress.clear()
  }

  #unscale(op: string, optimizer: Optimizer): Progress {
    // The kernels need a list for each device and dtype.
    const lists = new Map<string, Tensor[]>()
    scope(() => {
      for (const { params } of optimizer.groups) {
        for (const param of params) {
          if (param.grad === null) continue
          const key = `${param.device} ${param.dtype}`
          const list = lists.get(key)
          if (list === undefined) lists.set(key, [param])
          else list.push(param)
        }
      }
    })
    if ([...lists.keys()].some((key) => key.endsWith(' float16'))) {
      fail(op, 'gradients are float16; keep the parameters in float32 and compute under autocast', 'ERR_TYPE')
    }
    const inverse = 1 / this.#factor
    const overflow = [...lists.values()].map((list) =>
      scope(() => {
        const [{ device }] = list
        const found = zeros([1], { device })
        native().unscaleGradients(list, found, full([1], inverse, { device }))
        return found.item() !== 0
      }),
    )
    const progress: Progress = {
      stage: 'unscaled',
      overflow: overflow.length === 0 ? undefined : overflow.includes(true),
    }
    this.#progress.set(optimizer, progress)
    return progress
  }

  #checkUsed(op: string): void {
    if (!this.#used) fail(op, 'no loss was scaled: call scale(loss).backward() first')
  }

  /** Call it after {@link update}. */
  stateDict(): GradScalerState {
    const { growthFactor, backoffFactor, growthInterval, goodSteps, skipped } = this
    return { scaleFactor: this.#factor, growthFactor, backoffFactor, growthInterval, goodSteps, skipped }
  }

  /** @throws MbconvError ERR_TYPE or ERR_VALUE naming the wrong entry; nothing is changed then */
  loadStateDict(state: GradScalerState): void {
    const op = 'GradScaler.loadStateDict'
    if (typeof state !== 'object' || state === null) fail(op, 'expected what stateDict() gives', 'ERR_TYPE')
    const { scaleFactor, growthFactor, backoffFactor, growthInterval, goodSteps, skipped } = state
    checkScale(op, 'scaleFactor', scaleFactor)
    checkFactors(op, { growthFactor, backoffFactor, growthInterval })
    checkCount(op, 'goodSteps', goodSteps, COUNTS)
    checkCount(op, 'skipped', skipped, COUNTS)
    this.#factor = Math.fround(scaleFactor)
    this.#growthFactor = growthFactor
    this.#backoffFactor = backoffFactor
    this.#growthInterval = growthInterval
    this.#goodSteps = goodSteps
    this.#skipped = skipped
  }
}

const COUNTS = { min: 0, max: Number.MAX_SAFE_INTEGER }

function fail(op: string, what: string, code: ErrorCode = 'ERR_VALUE'): never {
  throw new MbconvError(code, `${op}: ${what}`, { op })
}

function checkOptimizer(op: string, optimizer: unknown): void {
  if (!(optimizer instanceof Optimizer)) fail(op, 'optimizer must be an optimiser', 'ERR_TYPE')
}

/** Checks that float32 can hold a factor. */
function checkScale(op: string, name: string, value: unknown): asserts value is number {
  checkPositive(op, name, value)
  const rounded = Math.fround(value)
  if (rounded === 0 || !Number.isFinite(rounded)) fail(op, `${name} must be a float32 above 0, got ${value}`)
}

function checkFactors(
  op: string,
  factors: { initialScale?: number; growthFactor: number; backoffFactor: number; growthInterval: number },
): void {
  const { initialScale, growthFactor, backoffFactor, growthInterval } = factors
  if (initialScale !== undefined) checkScale(op, 'initialScale', initialScale)
  checkNumber(op, 'growthFactor', growthFactor)
  if (growthFactor <= 1) fail(op, `growthFactor must be above 1, got ${growthFactor}`)
  checkPositive(op, 'backoffFactor', backoffFactor)
  if (backoffFactor >= 1) fail(op, `backoffFactor must be below 1, got ${backoffFactor}`)
  checkCount(op, 'growthInterval', growthInterval, { max: Number.MAX_SAFE_INTEGER })
}
