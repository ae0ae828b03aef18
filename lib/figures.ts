/** Numbers as people read them, in messages, tables and pictures. */

/** 5288548 → `5,288,548`. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en-US')

/** At most four decimals, none that are zero: 1.1, 0.25, 1.728. */
export const short = (value: number): string => String(Number(value.toFixed(4)))

/** 0.98611 → `98.61 %`. */
export const percent = (fraction: number, digits = 2): string => `${(100 * fraction).toFixed(digits)} %`

/** 0.0126 → `+1.26 %`; from ten times more on, how many times: `× 172,704`. */
export function signedPercent(fraction: number, digits = 2): string {
  if (fraction >= 9) return `× ${fraction < 1e12 ? whole(1 + fraction) : fraction.toExponential(1)}`
  return `${fraction > 0 ? '+' : ''}${percent(fraction, digits)}`
}
