/**
 * Hooks of modules: functions of the caller that run before and after `forward`, and when its gradients are known.
 *
 * A module with hooks gets a property `forward` of its own, which runs them around the function that was there before:
 * the class's method, or a function that was assigned. Modules without hooks pay nothing.
 * Source of order and rules: torch 2.13, nn/modules/module.py (`_call_impl`) and utils/hooks.py (`BackwardHook`).
 */
import { shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { refusePromise } from '../../errors/promise'
import { native } from '../../native/addon'
import type { Device, DType } from '../../native/types'
import { isGradEnabled } from '../../tensor/core/autograd'
import { zeros } from '../../tensor/core/create'
import { Tensor } from '../../tensor/core/tensor'

type Forward = (...inputs: unknown[]) => unknown
type Hook = (module: unknown, ...args: unknown[]) => unknown

/** Gradients of inputs or outputs: null for what is no tensor, or where no gradient arrived. */
export type Gradients = (Tensor | null)[]

/** When a hook runs. */
export interface HookOptions {
  /** Run before the hooks that are registered already. Default false. */
  prepend?: boolean
}

/** When a forward hook runs. */
export interface ForwardHookOptions extends HookOptions {
  /**
   * Call the hook also when `forward` throws, with undefined as the output. The error then leaves `forward` as usual;
   * one that the hook throws meanwhile becomes a warning of the process. Default false.
   */
  alwaysCall?: boolean
}

export type HookKind = 'forwardPre' | 'forward' | 'backwardPre' | 'backward'

interface Entry {
  hook: Hook
  alwaysCall: boolean
}

/** What {@link Hooks} needs to know of a module: `forward`, which its class defines. */
interface Hooked {
  forward: unknown
}

/** The hooks of one module, in the order in which they run. */
export class Hooks {
  readonly lists: Record<HookKind, Entry[]> = { forwardPre: [], forward: [], backwardPre: [], backward: [] }

  /** Adds a hook and returns the function that removes it. */
  add(
    module: Hooked,
    kind: HookKind,
    hook: Hook,
    { prepend = false, alwaysCall = false }: ForwardHookOptions,
  ): () => void {
    const entry = { hook, alwaysCall }
    const list = this.lists[kind]
    if (prepend) list.unshift(entry)
    else list.push(entry)
    install(module, this)
    return () => {
      const at = list.indexOf(entry)
      if (at !== -1) list.splice(at, 1)
      if (this.isEmpty) uninstall(module)
    }
  }

  get isEmpty(): boolean {
    return Object.values(this.lists).every((list) => list.length === 0)
  }

  /** Gives `copy` the hooks of this module, which it keeps when they are removed here. */
  copyTo(copy: Hooked, hooks: Hooks): void {
    if (this.isEmpty) return
    for (const kind of Object.keys(this.lists) as HookKind[]) hooks.lists[kind].push(...this.lists[kind])
    install(copy, hooks)
  }
}

/** The functions that {@link install} put in place of `forward`, each with the function that was assigned before. */
const assigned = new WeakMap<object, { forward: Forward | undefined }>()

/** Whether `forward` of this object is not its class's: it has hooks, or a function was assigned. */
export const isPatched = (module: Hooked): boolean => Object.hasOwn(module, 'forward')

/** The function assigned to `forward`, without the hooks around it; undefined if the class's method is used. */
export function assignedForward(module: Hooked): unknown {
  const own = Object.getOwnPropertyDescriptor(module, 'forward')
  if (own === undefined) return undefined
  return own.get !== undefined && assigned.has(own.get) ? assigned.get(own.get)!.forward : own.value
}

function install(module: Hooked, hooks: Hooks): void {
  const own = Object.getOwnPropertyDescriptor(module, 'forward')
  if (own?.get !== undefined && assigned.has(own.get)) return
  const place = { forward: own?.value as Forward | undefined }
  const hooked: Forward = (...inputs) =>
    run(module, hooks, place.forward ?? (Object.getPrototypeOf(module).forward as Forward), inputs)
  const get = () => hooked
  assigned.set(get, place)
  const set = (forward: Forward | undefined) => {
    place.forward = forward
  }
  Object.defineProperty(module, 'forward', { get, set, enumerable: false, configurable: true })
}

function uninstall(module: Hooked): void {
  const get = Object.getOwnPropertyDescriptor(module, 'forward')?.get
  const place = get === undefined ? undefined : assigned.get(get)
  if (place === undefined) return // someone has replaced it since
  Reflect.deleteProperty(module, 'forward')
  if (place.forward !== undefined) module.forward = place.forward
}

/** What a hook returned, undefined for nothing. */
function result(op: string, value: unknown): unknown {
  refusePromise(value, op)
  return value ?? undefined
}

function run(module: Hooked, hooks: Hooks, forward: Forward, given: readonly unknown[]): unknown {
  const { forwardPre, forward: after, backwardPre, backward } = hooks.lists
  const called = new Set<Entry>()
  let inputs: readonly unknown[] = Object.freeze([...given])
  let output: unknown
  try {
    for (const { hook } of [...forwardPre]) {
      const changed = result('registerForwardPreHook', hook(module, inputs))
      if (changed !== undefined) inputs = Object.freeze(Array.isArray(changed) ? [...changed] : [changed])
    }
    const gradients =
      backward.length + backwardPre.length > 0 ? new GradientHooks(module, [...backwardPre], [...backward]) : undefined
    if (gradients !== undefined) inputs = Object.freeze(gradients.ofInputs(inputs))
    output = forward.apply(module, [...inputs])
    for (const entry of [...after]) {
      called.add(entry)
      output = result('registerForwardHook', entry.hook(module, inputs, output)) ?? output
    }
    return gradients === undefined ? output : gradients.ofOutput(output)
  } catch (error) {
    for (const entry of after) {
      if (!entry.alwaysCall || called.has(entry)) continue
      try {
        result('registerForwardHook', entry.hook(module, inputs, output))
      } catch (other) {
        process.emitWarning(`a forward hook failed after forward had failed: ${String(other)}`, {
          type: 'MbconvWarning',
        })
      }
    }
    throw error
  }
}

/** A tensor that takes no gradient, as far as its gradient of zeros needs it. */
interface Still {
  shape: number[]
  dtype: DType
  /** Where the tensors go. */
  device: Device
}

/** The backward hooks of one call of `forward`: two identities in the graph, before and after it. */
class GradientHooks {
  readonly #module: unknown
  readonly #before: readonly Entry[]
  readonly #after: readonly Entry[]
  /** For each input: true if it takes a gradient; what it is if it is another tensor. */
  #inputs: (boolean | Still)[] = []
  #outputs: Gradients | undefined

  constructor(module: unknown, before: readonly Entry[], after: readonly Entry[]) {
    this.#module = module
    this.#before = before
    this.#after = after
  }

  /** The inputs, those that take gradients as outputs of an identity whose gradients call the hooks. */
  ofInputs(inputs: readonly unknown[]): unknown[] {
    const wanted = inputs.map((input) => isGradEnabled() && input instanceof Tensor && input.requiresGrad)
    this.#inputs = inputs.map((input, i) => {
      if (wanted[i] || !(input instanceof Tensor)) return wanted[i]
      const { shape, dtype, device } = input
      return { shape, dtype, device }
    })
    return passed(inputs, wanted, true, (gradients) => {
      if (this.#outputs === undefined) return gradients // they came past the output, as in a second derivative
      const changed = this.#called(unpacked(gradients, this.#inputs), this.#outputs)
      this.#outputs = undefined
      return changed.filter((_, i) => wanted[i])
    })
  }

  /** The output, or each of the outputs, through another identity. */
  ofOutput(output: unknown): unknown {
    const list = Array.isArray(output) ? output : [output]
    if (!list.every((each) => each instanceof Tensor)) {
      const op = 'registerFullBackwardHook'
      throw new MbconvError(
        'ERR_TYPE',
        `${op}: forward must return a tensor or a list of tensors, got ${shown(output)}`,
        { op },
      )
    }
    const wanted = list.map((each) => isGradEnabled() && each.requiresGrad)
    const outputs = passed(list, wanted, false, (gradients) => {
      let all = unpacked(gradients, wanted)
      for (const { hook } of this.#before)
        all = replacement('registerFullBackwardPreHook', hook(this.#module, all), all.length) ?? all
      this.#outputs = all
      if (!this.#inputs.includes(true)) {
        this.#called(
          this.#inputs.map(() => null),
          all,
          true,
        )
        this.#outputs = undefined
      }
      return all.filter((_, i) => wanted[i])
    })
    return Array.isArray(output) ? outputs : outputs[0]
  }

  /** The gradients of the inputs after the hooks have seen them. `fixed`: there are none to replace. */
  #called(inputs: Gradients, outputs: Gradients, fixed = false): Gradients {
    const op = 'registerFullBackwardHook'
    let gradients = inputs
    for (const { hook } of this.#after) {
      const changed = replacement(op, hook(this.#module, gradients, outputs), inputs.length)
      if (fixed && changed?.some((gradient) => gradient !== null)) {
        const message = `${op}: no input of the module takes a gradient, so the hook must return nothing`
        throw new MbconvError('ERR_VALUE', message, { op })
      }
      gradients = changed ?? gradients
    }
    return gradients
  }
}

/** The gradients of all, from the gradients of those that take one. Other tensors' gradients are zeros. */
function unpacked(gradients: readonly (Tensor | null)[], all: readonly (boolean | Still)[]): Gradients {
  let next = 0
  return all.map((each) => {
    if (typeof each === 'boolean') return each ? gradients[next++] : null
    return zeros(each.shape, { dtype: each.dtype, device: each.device })
  })
}

/** Checks the gradients that a hook returned. */
function replacement(op: string, value: unknown, length: number): Gradients | undefined {
  const given = result(op, value)
  if (given === undefined) return undefined
  if (!Array.isArray(given) || !given.every((each) => each === null || each === undefined || each instanceof Tensor)) {
    const message = `${op}: a hook must return nothing or a list of gradients, got ${shown(given)}`
    throw new MbconvError('ERR_TYPE', message, { op, hint: 'Return one tensor or null for each.' })
  }
  if (given.length === length) return given.map((each) => each ?? null)
  throw new MbconvError('ERR_SHAPE', `${op}: a hook must return ${length} gradients, got ${given.length}`, { op })
}

/**
 * The values, with the wanted tensors among them passed through an identity whose backward is `change`.
 *
 * @param zeros whether `change` gets zeros where no gradient arrived, or null
 */
function passed(
  values: readonly unknown[],
  wanted: readonly boolean[],
  zeros: boolean,
  change: (gradients: Gradients) => Gradients,
): unknown[] {
  const tensors = values.filter((_, i) => wanted[i]) as Tensor[]
  if (tensors.length === 0) return [...values]
  const through = native().applyFunction((inputs) => [inputs, []], change, tensors, zeros)
  let next = 0
  return values.map((value, i) => (wanted[i] ? through[next++] : value))
}
