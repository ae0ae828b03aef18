/** The allowed values of those table fields that are words. */

export const ACTIVATIONS = Object.freeze(['silu', 'relu', 'relu6', 'hardswish'] as const)

export const SQUEEZE_CHOICES = Object.freeze({
  of: Object.freeze(['input', 'expanded'] as const),
  activation: Object.freeze(['silu', 'relu'] as const),
  gate: Object.freeze(['sigmoid', 'hardsigmoid'] as const),
})
