/** Parsers for the values of options. */
import { InvalidArgumentError } from 'commander'
import { MOST_COUNT } from '../../errors/check'
import { type Resolution, resolutionOf } from '../../models/arch/resolution'

/** @param most the library's limit, so that a larger number is a usage error before anything begins */
export const wholeUpTo = (most: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  if (value > most) throw new InvalidArgumentError(`It must be at most ${most}.`)
  return value
}

export const wholeNumber = wholeUpTo(MOST_COUNT)

/** A side in px, or height and width: `224`, `96x384`. */
export function resolution(text: string): Resolution {
  const [height, width = height, ...more] = text.split('x').map((side) => wholeNumber(side))
  if (more.length > 0) throw new InvalidArgumentError('It must be a side, or height and width: 96x384.')
  return resolutionOf([height, width])
}

/** A whole number, 0 or above. */
export function index(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.')
  return Number(text)
}

export function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

export function device(text: string): string {
  if (!/^(auto|cpu|cuda(:\d+)?)$/.test(text)) throw new InvalidArgumentError('It must be auto, cpu, cuda or cuda:N.')
  return text
}

/** Collects the values of an option that may be repeated. */
export const collected = (text: string, before: string[]): string[] => [...before, text]

/** `a, b or c`, for help texts that list allowed values. */
export const oneOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
