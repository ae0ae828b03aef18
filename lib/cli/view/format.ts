/** Formats numbers and paths for people. */
import { siStep } from '../../text/figures'

export { counted, duration, percent, short, signedPercent, whole } from '../../text/figures'
export { shortPath } from '../../text/short-path'

/** 385814752 → `385.8 M`: at most four digits, SI steps. */
export function scaled(value: number): string {
  const [number, unit] = siStep(value)
  return unit === '' ? String(value) : `${number.toPrecision(4)}${unit}`
}

/** 536870912 → `512 MiB`: memory, in three digits. */
export function bytes(value: number): string {
  const [size, unit] = value < 1000 * 2 ** 20 ? [value / 2 ** 20, 'MiB'] : [value / 2 ** 30, 'GiB']
  return `${Number(size.toPrecision(3))} ${unit}`
}

/** Four significant digits: 0.0123, 2.303, `1.2e-7`; words for NaN and infinity. */
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
