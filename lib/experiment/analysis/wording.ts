/** Numbers and names as a report writes them. */
import { siStep, percent as withDigits } from '../../text/figures'
import type { Interval } from './statistics'

const signed = (text: string) => text.replace('-', '−')

/** 0.61349 → `61.3 %`: what is measured with few seeds has no more digits. */
export const percent = (share: number): string => withDigits(share, 1)

/** 0.021 → `2.1`; with `sign`, `+2.1`. A value that rounds to 0 has no sign. */
export function points(share: number, { sign = false } = {}): string {
  const text = (100 * share).toFixed(1)
  if (Number(text) === 0) return '0.0'
  return signed(sign && share > 0 ? `+${text}` : text)
}

/** `0.4 to 3.8`, in points. */
export const range = ([low, high]: Interval, options?: { sign: boolean }): string =>
  `${points(low, options)} to ${points(high, options)}`

/** `p = 0.021`. A p is never written as 0, nor as 0.05 when it is below 0.05. */
export function pValue(p: number): string {
  if (p < 0.001) return 'p < 0.001'
  const digits = p < 0.1 ? 3 : 2
  if (p < 0.05 && p.toFixed(digits) === '0.050') return 'p < 0.05'
  return p > 0.995 ? 'p = 1' : `p = ${p.toFixed(digits)}`
}

/** 6123456 → `6.12 M`. */
export function amount(value: number): string {
  const [scaled, unit] = siStep(value)
  return `${Number(scaled.toPrecision(3))}${unit}`
}

/** 0.0123 → `+1.2 %`. */
export function deviation(error: number): string {
  const text = (100 * error).toFixed(1)
  return `${Number(text) === 0 ? '0.0' : signed(error > 0 ? `+${text}` : text)} %`
}

/** 4.0312 → `4.03×`. */
export const times = (factor: number): string => `${Number(factor.toPrecision(3))}×`

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
