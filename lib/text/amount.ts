/** Parses amounts as people write them: `1.5G`, `8GiB`, `10ms`, `4x`, `3%`. */

export const UNITS = {
  count: { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  bytes: { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
  seconds: { s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6 },
} as const satisfies Record<string, Record<string, number>>

/**
 * `4x` as `{ times: 4 }`, or a number with one of the units; undefined for anything else, for amounts that are not
 * above 0, and for those too large for a number.
 */
export function parseAmount(text: string, units: Record<string, number>): number | { times: number } | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)\s*(\S*)$/i.exec(text.trim()) ?? []
  const value = Number(digits)
  if (!(value > 0 && value < Infinity)) return undefined
  if (unit === 'x') return { times: value }
  const amount = Object.hasOwn(units, unit) ? value * units[unit] : Infinity
  return amount > 0 && amount < Infinity ? amount : undefined
}

/** `3%` or `0.03`; undefined for values that are not between 0 and 1. */
export function parseShare(text: string): number | undefined {
  const [, digits, percent] = /^(\d*\.?\d+)\s*(%?)$/.exec(text.trim()) ?? []
  const value = Number(digits) / (percent ? 100 : 1)
  return value > 0 && value < 1 ? value : undefined
}
