/** Numbers and paths as people read them. */
import { whole } from '../../text/figures'

export { percent, short, signedPercent, whole } from '../../text/figures'
export { shortPath } from '../../text/short-path'

/** 385814752 → `385.8 M`: at most four digits, SI steps. */
export function scaled(value: number): string {
  const steps: [number, string][] = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ]
  for (const [unit, letter] of steps) if (value >= unit) return `${(value / unit).toPrecision(4)} ${letter}`
  return String(value)
}

/** Four digits that matter: 0.0123, 2.303, `1.2e-7`, and words for what is no number. */
export function loss(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : 'infinite'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e4)) return value.toExponential(2)
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4)
}

/** 0.0016 → `1.6e-3`; two digits are enough to follow a schedule. */
export function rate(value: number): string {
  if (value === 0) return '0'
  return value.toExponential(1)
}

/** Seconds as `4:05` or `1:02:09`. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const total = Math.max(0, Math.round(seconds))
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** Seconds as `8.3 s`, `143 s` or, from ten minutes on, `12 min 40 s`. */
export function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(1)} s`
  if (seconds < 600) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  return `${minutes} min ${Math.round(seconds - 60 * minutes)} s`
}

/** `1 epoch`, `1,437 images`. */
export const counted = (value: number, noun: string): string => `${whole(value)} ${noun}${value === 1 ? '' : 's'}`
