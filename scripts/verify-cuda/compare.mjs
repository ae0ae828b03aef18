/*
 * Runs the same computation twice: on the tested device in the tested precision, and on the CPU in float64.
 *
 * Both start from the same numbers: inputs and weights are first rounded to the tested precision. So the comparison
 * shows the error of the computation, not of storing its inputs.
 */
import mb from 'mbconv'
import { Absent } from './report.mjs'

/** Largest relative error, ‖a − b‖ / ‖b‖ with b from the CPU in float64. */
export const LIMITS = { float32: 1e-4, bfloat16: 1e-2 }

export const CPU64 = { device: 'cpu', dtype: 'float64', layout: 'contiguous' }

/** ‖a − b‖ / ‖b‖ of typed arrays; ‖a‖ if b is all 0. NaN if any value is NaN. */
export function relativeError(a, b) {
  if (a.length !== b.length) return Number.NaN
  let [difference, norm] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return Math.sqrt(difference) / (norm === 0 ? 1 : Math.sqrt(norm))
}

/** The largest error over results of equal names, and the name of that result. */
export function worstError(results, reference) {
  let worst = { error: 0, worst: '' }
  for (const [name, expected] of Object.entries(reference)) {
    const error = results[name] === undefined ? Number.NaN : relativeError(results[name], expected)
    if (!(error <= worst.error)) worst = { error, worst: name }
    if (Number.isNaN(error)) break
  }
  return worst
}

/** Host float64 values of a tensor, in row-major order. */
export const valuesOf = (t) => t.detach().to({ device: 'cpu', dtype: 'float64' }).toTypedArray()

/** A float64 tensor with its values rounded to `dtype`. */
export const rounded = (t, dtype) => t.to({ dtype }).to({ dtype: 'float64' })

/** A copy of a host tensor on the device and in the dtype and layout of `target`; integers keep their dtype. */
export function place(t, { device, dtype, layout }, requiresGrad = false) {
  if (t.dtype !== 'float64') return t.to({ device, copy: true })
  const memoryFormat = layout === 'channelsLast' && t.ndim === 4 ? 'channelsLast' : 'contiguous'
  return t.to({ device, dtype, memoryFormat, copy: true }).requiresGrad_(requiresGrad)
}

/** Normal numbers that depend only on `seed`, rounded to `dtype`. */
export function noise(shape, seed, dtype) {
  mb.manualSeed(seed)
  return rounded(mb.randn(shape, { dtype: 'float64' }), dtype)
}

/**
 * Runs a function of tensors, and backward from a fixed random gradient of its first result.
 *
 * @param {(inputs: object) => Tensor | Tensor[]} call
 * @param {Record<string, {tensor: Tensor, grad: boolean}>} inputs host tensors, float64 or integer
 * @returns {Record<string, Float64Array>} every result and gradient by name
 */
export function evaluate(call, inputs, target, { seed, dtype }) {
  return mb.scope(() => {
    const placed = {}
    for (const [name, { tensor, grad }] of Object.entries(inputs)) placed[name] = place(tensor, target, grad)
    const returned = call(placed)
    const outputs = Array.isArray(returned) ? returned : [returned]
    if (outputs[0].requiresGrad) outputs[0].backward(place(noise(outputs[0].shape, seed, dtype), target))
    const results = {}
    for (const [i, output] of outputs.entries()) results[i === 0 ? 'output' : `output ${i + 1}`] = valuesOf(output)
    for (const [name, { grad }] of Object.entries(inputs)) {
      if (grad && placed[name].grad !== null) results[`gradient of ${name}`] = valuesOf(placed[name].grad)
    }
    return results
  })
}

/** Calls `run`. A kernel that libtorch lacks on the CPU makes the check absent, on the tested device failed. */
export function orAbsent(target, run) {
  try {
    return run()
  } catch (error) {
    if (target.device === 'cpu' && error.code === 'ERR_NOT_IMPLEMENTED') {
      throw new Absent(`libtorch has no ${target.dtype} kernel for it on the CPU`)
    }
    throw error
  }
}

/** 'float32', or 'bfloat16, channels last'. */
export const label = ({ dtype, layout }) => (layout === 'channelsLast' ? `${dtype}, channels last` : dtype)
