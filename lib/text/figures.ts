/** Formats numbers for people, in messages, tables and pictures. */

/** 5288548 → `5,288,548`; from 16 digits on `1.00e+15`, since nobody counts so many digits. */
export const whole = (value: number): string =>
  Math.abs(value) < 1e15 ? Math.round(value).toLocaleString('en-US') : value.toExponential(2)

/** At most four decimals, without trailing zeros: 1.1, 0.25, 1.728. */
export const short = (value: number): string => String(Number(value.toFixed(4)))

/** 0.98611 → `98.61 %`. */
export const percent = (fraction: number, digits = 2): string => `${(100 * fraction).toFixed(digits)} %`

/** A relative difference: 0.0126 → `+1.26 %`; from ten times as much on, the factor: 172703 → `× 172,704`. */
export function signedPercent(fraction: number, digits = 2): string {
  if (fraction >= 9) return `× ${whole(1 + fraction)}`
  return `${fraction > 0 ? '+' : ''}${percent(fraction, digits)}`
}

/** 17179869184 → `16 GiB`. */
export const gibibytes = (bytes: number): string => `${Number((bytes / 2 ** 30).toPrecision(3))} GiB`

/** `1 epoch`, `1,437 images`. */
export const counted = (value: number, noun: string): string => `${whole(value)} ${noun}${value === 1 ? '' : 's'}`

/** Seconds as `8.3 s`, `45 s`, `2 min 23 s` or, from an hour on, `1 h 6 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const total = Math.round(seconds)
  const minutes = Math.floor(total / 60)
  if (minutes === 0) return `${total} s`
  if (minutes < 60) return `${minutes} min ${total % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/**
 * Splits a number from 1000 on into a value and an SI unit prefix: 6123456 → [6.123456, ' M']. Smaller ones have no
 * prefix.
 */
export function siStep(value: number): [scaled: number, unit: string] {
  for (const [unit, letter] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= unit) return [value / unit, ` ${letter}`]
  }
  return [value, '']
}
