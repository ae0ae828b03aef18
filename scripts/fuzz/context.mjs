// What one call of the fuzz is made of, and who throws what: shared by its parts.

/** Whether a value has an identity, and can be a key of weak maps. */
export const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function'

/**
 * The beginning of a context: what a call `owns` is disposed after it, hostile values have a `label` that the log shows,
 * and errors that are `planned` are to come out as they are.
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
