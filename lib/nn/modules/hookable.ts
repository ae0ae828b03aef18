/** The registration of hooks: the part of {@link Module} that concerns `forward`. */
import { checkFunction, checkOptions } from '../../errors/check'
import { type HookHandle, hookHandle } from '../../tensor/core/hook-handle'
import {
  assignedForward,
  type ForwardHookOptions,
  type Gradients,
  type HookKind,
  type HookOptions,
  Hooks,
} from './hooks'

export abstract class Hookable<Inputs extends unknown[], Output> {
  readonly #hooks = new Hooks()

  /** Computes the output. A module is called by this method, which also runs its hooks. */
  abstract forward(...inputs: Inputs): Output

  /**
   * Calls `hook` before each {@link forward}, with the module and the list of inputs. What it returns replaces the
   * inputs: a list of them, or a single input; null and undefined leave them. The hook is synchronous.
   */
  registerForwardPreHook(
    hook: (module: this, inputs: Inputs) => Inputs | Inputs[0] | null | undefined,
    options: HookOptions = {},
  ): HookHandle {
    return this.#hook('registerForwardPreHook', 'forwardPre', hook, options, ['prepend'])
  }

  /**
   * Calls `hook` after each {@link forward}, with the module, the inputs and the output. What it returns replaces the
   * output; null and undefined leave it. The hook is synchronous.
   *
   * Tensors that it gets belong to the scope of the forward pass: `keep()` those that are to be used after it.
   *
   * ```js
   * network.features.at(3).registerForwardHook((module, inputs, output) => { maps.push(mb.keep(output.detach())) })
   * ```
   */
  registerForwardHook(
    hook: (module: this, inputs: Inputs, output: Output) => Output | null | undefined,
    options: ForwardHookOptions = {},
  ): HookHandle {
    return this.#hook('registerForwardHook', 'forward', hook, options, ['prepend', 'alwaysCall'])
  }

  /**
   * Calls `hook` in backward passes when the gradients of the outputs are known, with the module and these gradients
   * (null where none arrived). A list that it returns replaces them. For tensors on the CPU, as {@link Tensor.registerHook}.
   */
  registerFullBackwardPreHook(
    hook: (module: this, gradOutputs: Gradients) => Gradients | null | undefined,
    options: HookOptions = {},
  ): HookHandle {
    return this.#hook('registerFullBackwardPreHook', 'backwardPre', hook, options, ['prepend'])
  }

  /**
   * Calls `hook` in backward passes when the gradients of the inputs are known, with the module, these gradients (null
   * for inputs that are no tensors) and those of the outputs. A list that it returns replaces the inputs' gradients.
   * Where no input requires a gradient, it is called with null for each, once the outputs' gradients are known.
   *
   * `forward` must return a tensor or a list of tensors. No in-place operation may change an input or output of the
   * module. For tensors on the CPU, as {@link Tensor.registerHook}.
   */
  registerFullBackwardHook(
    hook: (module: this, gradInputs: Gradients, gradOutputs: Gradients) => Gradients | null | undefined,
    options: HookOptions = {},
  ): HookHandle {
    return this.#hook('registerFullBackwardHook', 'backward', hook, options, ['prepend'])
  }

  #hook(op: string, kind: HookKind, hook: unknown, options: ForwardHookOptions, known: readonly string[]): HookHandle {
    checkFunction(op, 'hook', hook)
    checkOptions(op, options, known)
    return hookHandle(this.#hooks.add(this, kind, hook as (...args: unknown[]) => unknown, options))
  }

  /** Gives a copy of this module its hooks, and the function that was assigned to its `forward`. */
  protected copyHooks(copy: Hookable<Inputs, Output>): void {
    const forward = assignedForward(this)
    if (forward !== undefined) copy.forward = forward as this['forward']
    this.#hooks.copyTo(copy, copy.#hooks)
  }
}
