/** Operations with a custom gradient, written in JavaScript. */
import { checkFunction } from '../../errors/check'
import { guarded } from '../../errors/coded'
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import type { Tensor } from './tensor'

/** Passed to `forward` and `backward`: keeps tensors from one for the other. */
export interface FunctionContext {
  /**
   * Called in `forward`: saves tensors for `backward`, in this order. They belong to the graph, even if these handles
   * are disposed. They are freed with the graph, or by the first backward() that does not retain it. `memory()` counts
   * them.
   *
   * @throws MbconvError ERR_AUTOGRAD outside `forward`
   */
  save(...tensors: Tensor[]): void
  /** The saved tensors. In `backward` these are handles that last until it returns. */
  readonly saved: Tensor[]
}

/** A function and its gradient, both written in JavaScript. */
export interface FunctionDefinition {
  /** Computes the outputs. Nothing in it is recorded. */
  forward(context: FunctionContext, ...inputs: Tensor[]): Tensor | Tensor[]
  /** Takes the outputs' gradients (zeros where none arrived). Returns one gradient for each input, or null. */
  backward(context: FunctionContext, ...gradients: Tensor[]): (Tensor | null) | (Tensor | null)[]
}

const asList = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value])

/**
 * Makes an operation with a custom gradient: `const square = autogradFunction({ forward, backward })`.
 *
 * The operation takes tensors. It returns a tensor, or an array if `forward` does. Its backward runs on the JavaScript
 * thread, so it works for CPU tensors only. Exceptions of its backward leave `backward()` unchanged. Its backward may
 * start a backward pass through another graph, nested up to 60 deep. A pass through its own graph throws ERR_AUTOGRAD.
 */
export function autogradFunction(definition: FunctionDefinition): (...inputs: Tensor[]) => Tensor | Tensor[] {
  const op = 'autogradFunction'
  if (typeof definition !== 'object' || definition === null)
    throw new MbconvError('ERR_TYPE', `${op}: expected an object with forward and backward`, { op })
  for (const role of ['forward', 'backward'] as const) checkFunction(op, role, definition[role])
  return guarded(op, (...inputs) => {
    let saved: Tensor[] = []
    let inForward = true
    const context: FunctionContext = {
      save: (...tensors) => {
        if (!inForward) {
          throw new MbconvError('ERR_AUTOGRAD', 'save: tensors can only be saved in forward', { op })
        }
        saved.push(...tensors)
      },
      get saved() {
        return saved
      },
    }
    let single = false
    const outputs = native().applyFunction(
      (tensors) => {
        try {
          const result = definition.forward(context, ...tensors)
          single = !Array.isArray(result)
          return [asList(result), saved]
        } finally {
          saved = []
          inForward = false
        }
      },
      (gradients, kept) => {
        saved = kept
        try {
          return asList(definition.backward(context, ...(gradients as Tensor[])))
        } finally {
          saved = []
        }
      },
      inputs,
      true,
    )
    return single ? outputs[0] : outputs
  })
}
