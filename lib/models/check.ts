/** Argument checks of the pure-data functions of lib/models: every refusal names the call and the argument. */

import { MbconvError } from '../errors'
import type { Arch } from './arch'

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === null || typeof value !== 'object') return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}

/** Refuses anything but a plain options object whose keys are all known: a misspelt key must not pass as a default. */
export function checkOptions(op: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new MbconvError('ERR_TYPE', `${op}: options must be an object, got ${shown(options)}`, { op })
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new MbconvError('ERR_VALUE', `${op}: unknown option ${JSON.stringify(key)}`, {
        op,
        hint: `Known options: ${known.join(', ')}.`,
      })
    }
  }
}

export function checkNumber(op: string, name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') {
    throw new MbconvError('ERR_TYPE', `${op}: ${name} must be a number, got ${shown(value)}`, { op })
  }
  if (!Number.isFinite(value)) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name} must be finite, got ${value}`, { op })
  }
}

export function checkPositive(op: string, name: string, value: unknown): asserts value is number {
  checkNumber(op, name, value)
  if (value <= 0) throw new MbconvError('ERR_VALUE', `${op}: ${name} must be greater than 0, got ${value}`, { op })
}

/** A whole number from 1 to `max`; the bound keeps products of a few of them exact in a double. */
export function checkCount(op: string, name: string, value: unknown, max = 1_000_000): asserts value is number {
  checkNumber(op, name, value)
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name} must be a whole number from 1 to ${max}, got ${value}`, { op })
  }
}

/** A probability that leaves something alive: 0 ≤ value < 1. */
export function checkRate(op: string, name: string, value: unknown): asserts value is number {
  checkNumber(op, name, value)
  if (value < 0 || value >= 1) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name} must be at least 0 and less than 1, got ${value}`, { op })
  }
}

export function freezeArch(arch: Arch): Arch {
  return Object.freeze({ ...arch, stages: Object.freeze(arch.stages.map((stage) => Object.freeze({ ...stage }))) })
}

/**
 * Checks a table that may come from a user and returns a frozen copy.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE naming `op` and the field.
 */
export function checkArch(op: string, value: unknown): Arch {
  if (typeof value !== 'object' || value === null || !Array.isArray((value as Arch).stages)) {
    throw new MbconvError('ERR_TYPE', `${op}: expected an architecture with a list of stages`, {
      op,
      hint: 'Take one from models.arch(name), or spread it and change a field.',
    })
  }
  const arch = value as Arch
  if (typeof arch.name !== 'string' || arch.name === '') {
    throw new MbconvError('ERR_TYPE', `${op}: arch.name must be a non-empty string`, { op })
  }
  if (arch.stages.length === 0) throw new MbconvError('ERR_VALUE', `${op}: arch.stages is empty`, { op })
  for (const field of ['stem', 'head', 'resolution', 'divisor'] as const) checkCount(op, `arch.${field}`, arch[field])
  checkPositive(op, 'arch.width', arch.width)
  checkPositive(op, 'arch.depth', arch.depth)
  checkRate(op, 'arch.dropout', arch.dropout)
  let input = arch.stem
  arch.stages.forEach((stage, i) => {
    const name = `arch.stages[${i}]`
    if (typeof stage !== 'object' || stage === null) {
      throw new MbconvError('ERR_TYPE', `${op}: ${name} must be an object`, { op })
    }
    for (const field of ['kernel', 'stride', 'channels'] as const) checkCount(op, `${name}.${field}`, stage[field])
    checkCount(op, `${name}.layers`, stage.layers, 10_000)
    checkPositive(op, `${name}.expand`, stage.expand)
    checkPositive(op, `${name}.seRatio`, stage.seRatio)
    if (stage.kernel % 2 === 0) throw new MbconvError('ERR_VALUE', `${op}: ${name}.kernel must be odd`, { op })
    for (const channels of stage.layers > 1 ? [input, stage.channels] : [input]) {
      if (!Number.isInteger(channels * stage.expand)) {
        throw new MbconvError(
          'ERR_VALUE',
          `${op}: ${name}.expand ${stage.expand} times ${channels} input channels is not a whole number`,
          { op },
        )
      }
    }
    input = stage.channels
  })
  return freezeArch(arch)
}
