/** Checks of architecture tables, which users may write themselves. */
import { checkCount, checkPositive, checkRate } from '../check'
import { MbconvError } from '../errors'
import type { Arch } from './arch'

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
  for (const [i, stage] of arch.stages.entries()) {
    const name = `arch.stages[${i}]`
    if (typeof stage !== 'object' || stage === null) {
      throw new MbconvError('ERR_TYPE', `${op}: ${name} must be an object`, { op })
    }
    for (const field of ['kernel', 'stride', 'channels'] as const) checkCount(op, `${name}.${field}`, stage[field])
    checkCount(op, `${name}.layers`, stage.layers, { max: 10_000 })
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
  }
  return freezeArch(arch)
}
