// The context of one fuzz call, shared by the parts of the fuzz: its values, and who throws what.

/** Whether a value has an identity and can be a key of a WeakMap. */
export const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function'

/**
 * Makes a context. What a call `owns` is disposed after it, hostile values have a `label` for the log, and `planned`
 * errors must come out unchanged.
 */
export function beginContext({ random, remember }) {
  const made = []
  const labels = new WeakMap()
  return {
    random,
    remember,
    plan: () => remember(new RangeError('thrown by the fuzz')),
    own: (value) => {
      made.push(value)
      return value
    },
    labelled: (label, value) => {
      if (isObject(value)) labels.set(value, label)
      return value
    },
    labelOf: (value) => labels.get(value),
    isHostile: (value) => labels.has(value),
    disposeAll: () => {
      for (const one of made) one.dispose()
    },
  }
}
