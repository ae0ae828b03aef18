/** Numbers as people read them, in messages, tables and pictures. */

/** 5288548 → `5,288,548`; from 16 digits on, which nobody counts, `1.00e+15`. */
export const whole = (value: number): string =>
  Math.abs(value) < 1e15 ? Math.round(value).toLocaleString('en-US') : value.toExponential(2)

/** At most four decimals, none that are zero: 1.1, 0.25, 1.728. */
export const short = (value: number): string => String(Number(value.toFixed(4)))

/** 0.98611 → `98.61 %`. */
export const percent = (fraction: number, digits = 2): string => `${(100 * fraction).toFixed(digits)} %`

/** By how much a value is off: 0.0126 → `+1.26 %`; from ten times as much on, how many times: 172703 → `× 172,704`. */
export function signedPercent(fraction: number, digits = 2): string {
  if (fraction >= 9) return `× ${whole(1 + fraction)}`
  return `${fraction > 0 ? '+' : ''}${percent(fraction, digits)}`
}

/** 17179869184 → `16 GiB`. */
export const gibibytes = (bytes: number): string => `${Number((bytes / 2 ** 30).toPrecision(3))} GiB`
