/** Formats the numbers of the page. */

/** A space at which no line breaks, between a number and its unit. */
const FIXED = '\u00a0'

/** Four significant digits: 0.0123, 2.303, 1.2e-7. */
export function loss(value) {
  if (value === null) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e4)) return value.toExponential(2)
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4)
}

export const whole = (value) => (value === null ? '–' : Math.round(value).toLocaleString('en-US'))

export const percent = (share, digits = 2) => (share === null ? '–' : `${(100 * share).toFixed(digits)}${FIXED}%`)

export const rate = (value) => (value === null ? '–' : value === 0 ? '0' : value.toExponential(2))

export function bytes(value) {
  if (value === null) return '–'
  const [size, unit] = value < 1000 * 2 ** 20 ? [value / 2 ** 20, 'MiB'] : [value / 2 ** 30, 'GiB']
  return `${Number(size.toPrecision(3))}${FIXED}${unit}`
}

/** How long ago, in the largest unit that fits: `12 s ago`. */
export function ago(time, now = Date.now()) {
  if (time === null) return '–'
  const seconds = Math.max(0, Math.round((now - time) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}
