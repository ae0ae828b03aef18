/** Formats numbers and paths for people. */
import { percent, siStep, whole } from '../../text/figures'
import type { Figures } from '../../train/run/score'

export { counted, duration, percent, short, signedPercent, whole } from '../../text/figures'
export { shortPath } from '../../text/short-path'

/** 385814752 → `385.8 M`: at most four digits, SI steps. */
export function scaled(value: number): string {
  const [number, unit] = siStep(value)
  return unit === '' ? String(value) : `${number.toPrecision(4)}${unit}`
}

/** 1234567 → `1.235 MB`. */
export const bytes = (value: number): string => `${scaled(value)}${value < 1000 ? ' ' : ''}B`

/** `1 class`, `1,000 classes`. */
export const countedClasses = (value: number): string => (value === 1 ? '1 class' : `${whole(value)} classes`)

/** 536870912 → `512 MiB`, in three digits. */
export function memory(value: number): string {
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

/** The figures of an evaluation, the one that decides which is the best first: `top-1 98.61 %`. */
export const figures = (found: Figures): string[] =>
  found.mAP === undefined
    ? [`top-1 ${percent(found.top1)}`, `top-5 ${percent(found.top5)}`]
    : [`mAP ${percent(found.mAP)}`, `macro F1 ${percent(found.macroF1)}`, `micro F1 ${percent(found.microF1)}`]

/** Seconds as `4:05` or `1:02:09`. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const total = Math.max(0, Math.round(seconds))
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}
