/**
 * Shared by all optimisers: groups of parameters, their state, and saving it.
 *
 * An update makes one native call per group, over whole lists of tensors. No parameter is handled in JavaScript.
 */
import { checkPositive, checkRange, shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import type { Rate } from '../native/signatures'
import { noGrad } from '../tensor/core/autograd'
import { full } from '../tensor/core/create'
import { keep, keepEach } from '../tensor/core/scope'
import { Tensor } from '../tensor/core/tensor'
import { copyState } from './copy-state'
import { checkNotAveraged } from './ema'

/** Parameters that share a learning rate and a weight decay. */
export interface ParamGroup {
  /** The parameters of the group. */
  params: Tensor[]
  /** Names for the saved state, one per parameter. Without names, state is saved by position. */
  names?: string[]
  /** Default: the optimiser's learning rate. */
  lr?: number
  /** Default: the optimiser's weight decay. */
  weightDecay?: number
  /**
   * The group's learning rate divided by the optimiser's, above 0, also after a schedule changes that. Default 1. A
   * given `lr` is the group's initial rate and is not multiplied.
   */
  lrScale?: number
}

/** A group with all defaults filled in. `state` has one list of tensors per slot, each as long as `params`. */
export interface Group {
  /** The parameters of the group. */
  readonly params: Tensor[]
  /** The parameters' names in the state dict; empty where they have none. */
  readonly names: string[]
  /** The learning rate of the group. */
  lr: number
  /** The weight decay of the group. */
  weightDecay: number
  /** Factor by which {@link Optimizer.lr} is multiplied for this group. */
  readonly lrScale: number
  /** The state tensors, by name; each list has one tensor a parameter. */
  readonly state: Record<string, Tensor[]>
}

/** Options that every optimiser has. */
export interface OptimizerOptions {
  /**
   * Keeps learning rates and the count of steps on the parameters' device, where a captured CUDA graph reads them again
   * at every replay. Setting `lr` between two replays then affects the next one, and replayed steps are counted.
   * Reading `steps` waits for the device. Default false.
   */
  capturable?: boolean
}

/** The result of {@link Optimizer.stateDict}: the count of steps, and the state by `slot.parameter`. */
export interface OptimizerState {
  /** Number of steps done. */
  step: number
  /** The state tensors, by name. */
  tensors: Record<string, Tensor>
}

/** What all optimisers have: groups of parameters, a learning rate, and a state that can be saved. */
export abstract class Optimizer {
  /** The groups of parameters, each with its own settings. */
  readonly groups: Group[] = []
  readonly #op: string
  #steps = 0
  /** The same count, if it is kept on the device. */
  readonly #stepsThere: Tensor | undefined
  /** The learning rates, if they are kept on the device. */
  readonly #ratesThere = new Map<Group, Tensor>()

  /**
   * Takes the parameters and makes their state, on their device and in their dtype. Move the model first.
   *
   * @param op the class's name, for errors
   * @param params a list of parameters, or of groups
   * @param lr learning rate of groups without one
   * @param weightDecay weight decay of groups without one
   */
  protected constructor(
    op: string,
    params: Tensor[] | ParamGroup[],
    lr: number,
    weightDecay: number,
    { capturable = false }: OptimizerOptions = {},
  ) {
    this.#op = op
    if (typeof capturable !== 'boolean')
      throw new MbconvError('ERR_TYPE', `${op}: capturable must be true or false`, { op })
    checkRange(op, 'lr', lr, 0)
    checkRange(op, 'weightDecay', weightDecay, 0)
    if (!Array.isArray(params))
      throw new MbconvError('ERR_TYPE', `${op}: params must be a list of tensors or of groups`, { op })
    const groups = params.every((entry) => entry instanceof Tensor)
      ? [{ params } as ParamGroup]
      : (params as ParamGroup[])
    const seen = new Set<Tensor>()
    let position = 0
    for (const group of groups) {
      if (!Array.isArray(group?.params) || !group.params.every((p) => p instanceof Tensor)) {
        throw new MbconvError('ERR_TYPE', `${op}: a group's params must be a list of tensors`, { op })
      }
      if (group.names !== undefined && group.names.length !== group.params.length) {
        throw new MbconvError(
          'ERR_VALUE',
          `${op}: a group has ${group.params.length} params and ${group.names.length} names`,
          { op },
        )
      }
      for (const p of group.params) {
        if (seen.has(p)) throw new MbconvError('ERR_VALUE', `${op}: a parameter occurs twice`, { op })
        if (!p.requiresGrad)
          throw new MbconvError('ERR_VALUE', `${op}: a parameter does not require a gradient`, { op })
        // Gradients accumulate only in leaves.
        if (!p.isLeaf) throw new MbconvError('ERR_VALUE', `${op}: a parameter is the result of operations`, { op })
        seen.add(p)
      }
      if (group.lr !== undefined) checkRange(op, 'lr', group.lr, 0)
      if (group.weightDecay !== undefined) checkRange(op, 'weightDecay', group.weightDecay, 0)
      const { lrScale = 1 } = group
      checkPositive(op, 'lrScale', lrScale)
      const start = position
      this.groups.push({
        params: [...group.params],
        names: group.names ? [...group.names] : group.params.map((_, i) => String(start + i)),
        lr: group.lr ?? lr * lrScale,
        lrScale,
        weightDecay: group.weightDecay ?? weightDecay,
        state: {},
      })
      position += group.params.length
    }
    if (seen.size === 0) throw new MbconvError('ERR_VALUE', `${op}: there are no parameters`, { op })
    if (capturable) {
      try {
        for (const group of this.groups) this.#keepRateThere(group)
        this.#stepsThere = scalarBeside(this.groups[0], 0)
      } catch (error) {
        this.#free()
        throw error
      }
    }
  }

  /** Makes writes to the group's `lr` update the device's copy as well. */
  #keepRateThere(group: Group): void {
    let { lr } = group
    const there = scalarBeside(group, lr)
    this.#ratesThere.set(group, there)
    Object.defineProperty(group, 'lr', {
      enumerable: true,
      get: () => lr,
      set: (value: number) => {
        noGrad(() => there.fill_(value))
        lr = value
      },
    })
  }

  /** A group's learning rate, for {@link update} to pass on. */
  protected rate(group: Group): Rate {
    return this.#ratesThere.get(group) ?? group.lr
  }

  /** The count of the current step, from 1, for {@link update} to pass on. */
  protected get currentStep(): Rate {
    return this.#stepsThere ?? this.#steps
  }

  /** Number of updates. Waits for the device if they are counted there. */
  get steps(): number {
    return this.#stepsThere === undefined ? this.#steps : Number(this.#stepsThere.item())
  }

  /**
   * Makes a slot of state: one tensor per parameter, owned by the optimiser and by no scope. If `make` throws, the slot
   * is not added, and the tensors made until then are freed.
   *
   * @throws MbconvError ERR_VALUE for an existing slot, or a name with other characters than letters and digits
   */
  protected addState(slot: string, make: (param: Tensor) => Tensor): void {
    const op = `${this.#op}.addState`
    if (typeof slot !== 'string' || !/^[a-z][a-z\d]*$/i.test(slot))
      throw new MbconvError('ERR_VALUE', `${op}: slot must be a name of letters and digits, got ${shown(slot)}`, { op })
    if (this.groups.some(({ state }) => Object.hasOwn(state, slot)))
      throw new MbconvError('ERR_VALUE', `${op}: there is a slot ${slot} already`, { op })
    const params = this.groups.flatMap((group) => group.params)
    const made = noGrad(() => keepEach(params, make))
    for (const group of this.groups) group.state[slot] = made.splice(0, group.params.length)
  }

  /**
   * Makes the slots that an optimiser begins with; for its constructor. When one cannot be made, all that the optimiser
   * holds is freed, because nobody gets the optimiser then.
   */
  protected makeState(slots: Record<string, (param: Tensor) => Tensor>): void {
    try {
      for (const [slot, make] of Object.entries(slots)) this.addState(slot, make)
    } catch (error) {
      this.#free()
      throw error
    }
  }

  /**
   * The first group's learning rate divided by its `lrScale`. Setting it sets all groups, each multiplied by its own
   * scale.
   */
  get lr(): number {
    return this.groups[0].lr / this.groups[0].lrScale
  }

  set lr(lr: number) {
    checkRange(this.#op, 'lr', lr, 0)
    for (const group of this.groups) group.lr = lr * group.lrScale
  }

  /**
   * Makes one update from the existing gradients. Parameters without a gradient stay unchanged.
   *
   * @throws MbconvError ERR_VALUE while the parameters hold an average (`Ema.whileAveraged`)
   */
  step(): void {
    for (const { params } of this.groups) checkNotAveraged(`${this.#op}.step`, params)
    if (this.#stepsThere === undefined) this.#steps++
    else noGrad(() => this.#stepsThere?.add_(1))
    for (const group of this.groups) this.update(group)
  }

  /** Updates one group. {@link currentStep} counts this step already. */
  protected abstract update(group: Group): void

  /** Removes the gradients, so that the next backward pass starts afresh. */
  zeroGrad(): void {
    for (const group of this.groups) native().zeroGrad(group.params)
  }

  /** The state: the tensors themselves, not copies. Learning rates are set by the schedule and not included. */
  stateDict(): OptimizerState {
    const tensors = this.groups.flatMap(({ state, names }) =>
      Object.entries(state).flatMap(([slot, list]) => list.map((t, i): [string, Tensor] => [`${slot}.${names[i]}`, t])),
    )
    return { step: this.steps, tensors: Object.fromEntries(tensors) }
  }

  /**
   * Loads a saved state by copying it.
   *
   * @throws MbconvError ERR_VALUE or ERR_SHAPE, naming missing or unknown entries, or those of another shape; nothing
   *   is changed then
   */
  loadStateDict({ step, tensors }: OptimizerState): void {
    const op = `${this.#op}.loadStateDict`
    if (!Number.isSafeInteger(step) || step < 0)
      throw new MbconvError('ERR_VALUE', `${op}: step must be a count, not ${step}`, { op })
    const own = this.stateDict().tensors
    copyState(op, own, tensors)
    this.#steps = step
    noGrad(() => this.#stepsThere?.fill_(step))
  }

  /** Frees the state. The parameters do not belong to the optimiser. */
  dispose(): void {
    this.#free()
  }

  #free(): void {
    for (const { state } of this.groups) {
      for (const list of Object.values(state)) for (const tensor of list) tensor.dispose()
    }
    for (const rate of this.#ratesThere.values()) rate.dispose()
    this.#stepsThere?.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** A float64 number on the device of the group's parameters. Belongs to no scope. */
function scalarBeside({ params }: Group, value: number): Tensor {
  return keep(full([], value, { dtype: 'float64', device: params[0].device }))
}
