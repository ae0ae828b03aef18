// How much time is spent in native code: a clock around every function that the addon exports.

/**
 * Replaces the functions of an addon by ones that are timed. A call from inside of another one counts once. The time that
 * the clock itself takes counts as spent outside.
 *
 * @param {Record<string, unknown>} addon
 * @returns {() => number} the seconds since the last call of this function
 */
export function clockExports(addon) {
  let [inside, depth] = [0, 0]
  const timed = (fn) =>
    function (...words) {
      if (depth > 0) return fn.apply(this, words)
      depth++
      const begin = performance.now()
      try {
        return fn.apply(this, words)
      } finally {
        inside += performance.now() - begin
        depth--
      }
    }
  for (const [name, value] of Object.entries(addon)) if (typeof value === 'function') addon[name] = timed(value)
  return () => {
    const seconds = inside / 1000
    inside = 0
    return seconds
  }
}
