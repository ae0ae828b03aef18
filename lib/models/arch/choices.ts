/** The allowed values of those table fields that are words. */

export const ACTIVATIONS = Object.freeze(['silu', 'relu', 'relu6', 'hardswish'] as const)

/**
 * What the feature map is reduced to before the classifier, by timm's names (timm 1.0.29, layers/adaptive_avgmax_pool.py):
 * the mean of each channel, its maximum, the mean of both, or both one after the other.
 */
export const GLOBAL_POOLS = Object.freeze({
  avg: { of: ['mean'], joined: 'alone' },
  max: { of: ['max'], joined: 'alone' },
  avgmax: { of: ['mean', 'max'], joined: 'mean' },
  catavgmax: { of: ['mean', 'max'], joined: 'concatenated' },
} as const)

export const GLOBAL_POOL_NAMES = Object.freeze(Object.keys(GLOBAL_POOLS)) as readonly GlobalPool[]

export type GlobalPool = keyof typeof GLOBAL_POOLS

export const SQUEEZE_CHOICES = Object.freeze({
  of: Object.freeze(['input', 'expanded'] as const),
  activation: Object.freeze(['silu', 'relu'] as const),
  gate: Object.freeze(['sigmoid', 'hardsigmoid'] as const),
})
