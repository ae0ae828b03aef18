/** Gradient modes, and gradients of chosen inputs. */
import { checkFunction } from '../../errors/check'
import { refusePromise } from '../../errors/promise'
import { native } from '../../native/addon'
import type { Synchronous } from '../../native/types'
import type { Tensor } from './tensor'

function withGradEnabled<T>(enabled: boolean, fn: () => Synchronous<T>, op: string): T {
  checkFunction(op, 'fn', fn)
  const before = native().setGradEnabled(enabled)
  try {
    const result = fn()
    refusePromise(result, op)
    return result
  } finally {
    native().setGradEnabled(before)
  }
}

/** Runs `fn` without recording operations for backward(). Synchronous functions only (ERR_SCOPE). */
export function noGrad<T>(fn: () => Synchronous<T>): T {
  return withGradEnabled<T>(false, fn, 'noGrad')
}

/** Records again within {@link noGrad}. */
export function enableGrad<T>(fn: () => Synchronous<T>): T {
  return withGradEnabled<T>(true, fn, 'enableGrad')
}

/**
 * Like {@link noGrad}, and cheaper: tensors made inside have no version counter, and can never take part in a graph.
 */
export function inferenceMode<T>(fn: () => Synchronous<T>): T {
  checkFunction('inferenceMode', 'fn', fn)
  native().enterInferenceMode()
  try {
    const result = fn()
    refusePromise(result, 'inferenceMode')
    return result
  } finally {
    native().exitInferenceMode()
  }
}

/** Whether operations on this thread are recorded for gradients. */
export function isGradEnabled(): boolean {
  return native().isGradEnabled()
}

/** The options of {@link grad}. */
export interface GradOptions {
  /** The incoming gradients, one for each output. Optional for outputs of one element. */
  gradOutputs?: (Tensor | null)[]
  /** Keep the graph for another pass. Default: the value of createGraph. */
  retainGraph?: boolean
  /** Record this computation too, for higher derivatives. Default false. */
  createGraph?: boolean
  /** Return null for inputs that the outputs do not depend on; otherwise they are an error. Default false. */
  allowUnused?: boolean
}

/** Gradients of the sum of `outputs` with respect to `inputs`. Leaves every tensor's `grad` unchanged. */
export function grad(
  outputs: Tensor | Tensor[],
  inputs: Tensor | Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const from = Array.isArray(outputs) ? outputs : [outputs]
  const to = Array.isArray(inputs) ? inputs : [inputs]
  const { gradOutputs = from.map(() => null), retainGraph, createGraph = false, allowUnused = false } = options
  return native().gradients(from, to, gradOutputs, retainGraph, createGraph, allowUnused)
}
