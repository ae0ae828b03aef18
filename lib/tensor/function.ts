/** Differentiable functions written in JavaScript, and recomputation instead of keeping. */
import { native } from '../native'
import { enableGrad } from './autograd'
import { empty } from './create'
import { getRandomState, setRandomState } from './random'
import { keep } from './scope'
import type { Tensor } from './tensor'

/** What `forward` may keep for `backward`. */
export interface FunctionContext {
  /** Tensors to have again in `backward`, in the same order. They live as long as the graph may need them. */
  save(...tensors: Tensor[]): void
  /** What was saved. */
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
 * thread: CPU tensors only. What it throws comes out of `backward()` unchanged.
 */
export function autogradFunction(definition: FunctionDefinition): (...inputs: Tensor[]) => Tensor | Tensor[] {
  return (...inputs) => {
    const saved: Tensor[] = []
    const context: FunctionContext = {
      // Copies of the handles, out of every scope: the graph outlives the scope that `forward` runs in.
      save: (...tensors) => {
        for (const tensor of tensors) saved.push(keep(tensor.detach()))
      },
      saved,
    }
    let single = false
    const outputs = native().applyFunction(
      (tensors) => {
        const result = definition.forward(context, ...tensors)
        single = !Array.isArray(result)
        return asList(result)
      },
      (gradients) => asList(definition.backward(context, ...gradients)),
      inputs,
    )
    return single ? outputs[0] : outputs
  }
}

/**
 * Runs `fn` without keeping what its gradient needs, and runs it again during backward(): memory against time.
 *
 * @param fn From tensors to one tensor. It must do the same both times; random numbers are repeated.
 * @param inputs What the gradient flows to, besides the parameters that `fn` closes over.
 */
export function checkpoint(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  let randomState: Uint8Array
  const recompute = autogradFunction({
    forward(context, _trigger, ...tensors) {
      randomState = getRandomState()
      context.save(...tensors)
      return fn(...tensors)
    },
    backward(context, gradient) {
      const now = getRandomState()
      setRandomState(randomState)
      try {
        const tensors = context.saved.map((tensor, i) => tensor.detach().requiresGrad_(inputs[i].requiresGrad))
        const output = enableGrad(() => fn(...tensors))
        output.backward(gradient)
        return [null, ...tensors.map((tensor) => tensor.grad)]
      } finally {
        setRandomState(now)
      }
    },
  })
  // Parameters inside `fn` are not among the inputs; this one sees to it that backward() comes here all the same.
  const trigger = empty([0], { requiresGrad: true })
  return recompute(trigger, ...inputs) as Tensor
}
