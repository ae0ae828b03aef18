/** Operations with a gradient of their own, written in JavaScript. */
import { checkFunction } from '../../errors/check'
import { guarded } from '../../errors/coded'
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import type { Tensor } from './tensor'

/** What `forward` may keep for `backward`. */
export interface FunctionContext {
  /**
   * In `forward`: tensors to have again in `backward`, in the same order. They belong to the graph, whatever becomes of
   * these handles, and go with it, or with the first backward() that does not retain it. `memory()` counts them.
   *
   * @throws MbconvError ERR_AUTOGRAD outside `forward`
   */
  save(...tensors: Tensor[]): void
  /** What was saved. In `backward`, handles that last until it returns. */
  readonly saved: Tensor[]
}

export interface FunctionDefinition {
  /** Computes the outputs, unrecorded. */
  forward(context: FunctionContext, ...inputs: Tensor[]): Tensor | Tensor[]
  /** From the outputs' gradients (zeros where none arrived) to one for each input, or null. */
  backward(context: FunctionContext, ...gradients: Tensor[]): (Tensor | null) | (Tensor | null)[]
}

const asList = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value])

/**
 * Makes an operation with a gradient of its own: `const square = autogradFunction({ forward, backward })`.
 *
 * The result takes tensors and gives a tensor, or an array where `forward` does. Its backward runs on the JavaScript
 * thread: CPU tensors only. What it throws comes out of `backward()` unchanged. It may start a backward pass of its own
 * through another graph, up to 60 inside each other; one through the graph it belongs to is an ERR_AUTOGRAD.
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
          return asList(definition.backward(context, ...gradients))
        } finally {
          saved = []
        }
      },
      inputs,
    )
    return single ? outputs[0] : outputs
  })
}
