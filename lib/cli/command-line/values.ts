/** The values of options: how a typed text becomes one. */
import { InvalidArgumentError } from 'commander'
import { MOST_COUNT } from '../../errors/check'

/** @param most what the library takes, so that too much is a wrong call before anything begins */
export const wholeUpTo = (most: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  if (value > most) throw new InvalidArgumentError(`It must be at most ${most}.`)
  return value
}

export const wholeNumber = wholeUpTo(MOST_COUNT)

/** A whole number from 0. */
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

/** All values of an option that may be given again. */
export const collected = (text: string, before: string[]): string[] => [...before, text]

/** `a, b or c`, as a help text lists what an option takes. */
export const oneOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
