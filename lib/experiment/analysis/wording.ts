/** Numbers and names as a report writes them. */
import type { Interval } from './statistics'

const signed = (text: string) => text.replace('-', '−')

/** 0.61349 → `61.3 %`. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

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
  for (const [unit, letter] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))} ${letter}`
  }
  return String(Number(value.toPrecision(3)))
}

/** 0.0123 → `+1.2 %`. */
export function deviation(error: number): string {
  const text = (100 * error).toFixed(1)
  return `${Number(text) === 0 ? '0.0' : signed(error > 0 ? `+${text}` : text)} %`
}

/** 4.0312 → `4.03×`. */
export const times = (factor: number): string => `${Number(factor.toPrecision(3))}×`

/** 75 → `1 min 15 s`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.floor(Math.round(seconds) / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) - 60 * minutes} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `1 seed`, `3 seeds`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
