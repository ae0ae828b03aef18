/** Checks of architecture tables, which users may write themselves. */
import { checkCount, checkNumber, checkOneOf, checkPositive, checkRate, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { Arch, Stage } from './arch'
import { ACTIVATIONS, GLOBAL_POOL_NAMES, SQUEEZE_CHOICES } from './choices'
import { BLOCK_KINDS, DEFAULT_KIND, kindOf } from './kinds'
import { checkResolution } from './resolution'

/** A protected member, so that a changed copy, `{ ...table, stem: 7 }`, does not have the checked type. */
declare abstract class Checked {
  protected readonly checked: true
}

/** A table that has been checked, frozen. Functions that take one need not check it again. */
export interface CheckedArch extends Arch, Checked {}

/** All tables that have passed. They are frozen, so they are still valid. */
const passed = new WeakSet<object>()

/** A copy, frozen in all its parts. */
function frozen(arch: Arch): Arch {
  const stages = Object.freeze(arch.stages.map((stage) => Object.freeze({ ...stage })))
  const { squeeze } = arch
  return Object.freeze(
    squeeze === undefined ? { ...arch, stages } : { ...arch, stages, squeeze: Object.freeze({ ...squeeze }) },
  )
}

/**
 * Checks a table that may come from a user. Returns a frozen copy, or the table itself if it has passed before.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE naming `op` and the field.
 */
export function checkArch(op: string, value: unknown): CheckedArch {
  if (passed.has(value as object)) return value as CheckedArch
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
  for (const field of ['stem', 'divisor'] as const) checkCount(op, `arch.${field}`, arch[field])
  const resolution = checkResolution(op, 'arch.resolution', arch.resolution)
  checkCount(op, 'arch.head', arch.head, { min: 0 })
  if (arch.hidden !== undefined) checkCount(op, 'arch.hidden', arch.hidden, { min: 0 })
  if (arch.stemKernel !== undefined) checkKernel(op, 'arch.stemKernel', arch.stemKernel)
  checkPositive(op, 'arch.width', arch.width)
  checkPositive(op, 'arch.depth', arch.depth)
  checkRate(op, 'arch.dropout', arch.dropout)
  if (arch.dropPath !== undefined) checkRate(op, 'arch.dropPath', arch.dropPath)
  if (arch.activation !== undefined) checkOneOf(op, 'arch.activation', arch.activation, ACTIVATIONS)
  if (arch.globalPool !== undefined) checkOneOf(op, 'arch.globalPool', arch.globalPool, GLOBAL_POOL_NAMES)
  if (arch.leastShare !== undefined) checkRate(op, 'arch.leastShare', arch.leastShare)
  for (const field of ['stemPool', 'fixedEnds', 'wideHead'] as const) {
    if (arch[field] === undefined || typeof arch[field] === 'boolean') continue
    throw new MbconvError('ERR_TYPE', `${op}: arch.${field} must be true or false, got ${shown(arch[field])}`, { op })
  }
  if (arch.squeeze !== undefined) {
    for (const field of ['of', 'activation', 'gate'] as const) {
      const value = arch.squeeze[field]
      if (value !== undefined) checkOneOf(op, `arch.squeeze.${field}`, value, SQUEEZE_CHOICES[field])
    }
  }
  let input = arch.stem
  for (const [i, stage] of arch.stages.entries()) {
    checkStage(op, `arch.stages[${i}]`, stage, input)
    input = stage.channels
  }
  const table = frozen({ ...arch, resolution }) as CheckedArch
  passed.add(table)
  return table
}

/**
 * Checks those properties of a stage that do not depend on its neighbours.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE naming `op` and the field of `name`.
 */
export function checkStageFields(op: string, name: string, stage: Stage): void {
  if (typeof stage !== 'object' || stage === null) {
    throw new MbconvError('ERR_TYPE', `${op}: ${name} must be an object`, { op })
  }
  if (stage.block !== undefined) checkOneOf(op, `${name}.block`, stage.block, BLOCK_KINDS)
  if (stage.activation !== undefined) checkOneOf(op, `${name}.activation`, stage.activation, ACTIVATIONS)
  checkKernel(op, `${name}.kernel`, stage.kernel)
  for (const field of ['stride', 'channels'] as const) checkCount(op, `${name}.${field}`, stage[field])
  checkCount(op, `${name}.layers`, stage.layers, { max: 10_000 })
  checkPositive(op, `${name}.expand`, stage.expand)
  if (stage.expanded !== undefined) checkCount(op, `${name}.expanded`, stage.expanded)
  checkNumber(op, `${name}.seRatio`, stage.seRatio)
  if (stage.seRatio < 0) throw new MbconvError('ERR_VALUE', `${op}: ${name}.seRatio must not be negative`, { op })
}

/**
 * Checks a stage that follows a layer of `input` channels.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE naming `op` and the field of `name`.
 */
export function checkStage(op: string, name: string, stage: Stage, input: number): void {
  checkStageFields(op, name, stage)
  const { block = DEFAULT_KIND, expand, channels } = stage
  const kind = kindOf(stage)
  const whole = (width: number, of: string) => {
    if (stage.expanded !== undefined || Number.isInteger(width * expand)) return
    const text = `${op}: ${name}.expand ${expand} times ${width} ${of} channels is not a whole number`
    throw new MbconvError('ERR_VALUE', text, { op })
  }
  if (!kind.expands && expand !== 1) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name}.expand must be 1 in a ${block} block, not ${expand}`, { op })
  }
  if (!kind.expands && stage.expanded !== undefined) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name}: a ${block} block has no expanded width`, { op })
  }
  if (kind.width === 'output') whole(channels, 'output')
  else for (const width of stage.layers > 1 ? [input, channels] : [input]) whole(width, 'input')
  if (!kind.squeezes && stage.seRatio > 0) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name}: a ${block} block has no squeeze-excitation`, { op })
  }
}

function checkKernel(op: string, name: string, value: number): void {
  checkCount(op, name, value)
  if (value % 2 === 0) throw new MbconvError('ERR_VALUE', `${op}: ${name} must be odd`, { op })
}
