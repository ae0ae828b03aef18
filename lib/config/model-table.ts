/** The unscaled network that a configuration's `model:` names: a published table, or one with custom stages. */
import { MbconvError } from '../errors/error'
import type { Arch, Stage } from '../models/arch/arch'
import { parseStage } from '../models/arch/block-string'
import { checkStage } from '../models/arch/check'
import { defaultDropPath } from '../models/arch/plan'
import { type ScaleOptions, scale } from '../models/arch/scaling'
import { arch, fullName } from '../models/families/catalogue'
import { printable } from '../text/foreign-text'
import type { Problem } from './problems'
import type { TrainConfig } from './schema'

type ModelConfig = TrainConfig['model']

/** The keys that replace parts of the named table. Older runs lack them. */
type TableKeys = Pick<ModelConfig, 'name'> & Partial<Pick<ModelConfig, 'stem' | 'stages' | 'head' | 'globalPool'>>

/** @throws MbconvError ERR_VALUE or ERR_TYPE for problems that {@link stageProblems} reports */
export function tableOf({ name, stem, stages, head, globalPool }: TableKeys): Arch {
  const named = globalPool == null ? arch(name) : { ...arch(name), globalPool }
  const own = {
    ...(stem == null ? {} : { stem }),
    // Such a table is its own baseline, whatever the scaling of the named one.
    ...(stages == null ? {} : { stages: stages.map(parseStage), width: 1, depth: 1 }),
    ...(head == null ? {} : { head }),
  }
  // Numeric profiles and layer names depend on the beginning of the name.
  return Object.keys(own).length === 0 ? named : { ...named, ...own, name: `${named.name}_custom` }
}

/** The configured drop path rate, or else the architecture's default, as in `create`. */
export function dropPathOf({ dropPath, ...keys }: TableKeys & { dropPath: number | null }): number {
  return dropPath ?? defaultDropPath(tableOf(keys))
}

/** What a configuration without `dropPath` trained with before the default became the architecture's own. */
const FORMER_DROP_PATH = 0.2

/**
 * What to do where the drop paths of a stored configuration and of a new one differ, perhaps only because the default has
 * changed. Undefined where that cannot be the reason.
 *
 * @param what was stored: a run, say
 * @param key where the drop path is set
 */
export function formerDropPathHint(
  what: string,
  key: string,
  stored: { dropPath?: number | null } | undefined,
  wanted: TableKeys & { dropPath?: number | null },
): string | undefined {
  const isNewDefault = wanted.dropPath === dropPathOf({ ...wanted, dropPath: null })
  if (stored?.dropPath !== FORMER_DROP_PATH || wanted.dropPath === FORMER_DROP_PATH || !isNewDefault) return undefined
  const former = `The ${what} began when the default was ${FORMER_DROP_PATH} for every architecture.`
  return `${former} To go on with it, set ${key}: ${FORMER_DROP_PATH}.`
}

/**
 * Problems in `model.stages`, stage by stage: in its text, or in how it follows the stages before.
 *
 * @param model raw values, any of which may be invalid; problems that the schema reports are not repeated
 */
export function stageProblems({ name, stem, stages }: Record<string, unknown>): Problem[] {
  if (!Array.isArray(stages)) return []
  const problems: Problem[] = []
  const found = (i: number, error: unknown, prefix: RegExp) => {
    if (!(error instanceof MbconvError)) throw error
    const message = printable(error.message.replace(prefix, ''))
    problems.push({ path: ['model', 'stages', i], kind: 'value', message, hint: error.hint })
  }
  const parsed: Stage[] = []
  for (const [i, text] of stages.entries()) {
    if (typeof text !== 'string') return []
    try {
      parsed.push(parseStage(text))
    } catch (error) {
      found(i, error, /^parseStage: /)
    }
  }
  if (problems.length > 0) return problems
  let input = typeof name === 'string' && fullName(name) !== undefined ? arch(name).stem : 32
  if (Number.isSafeInteger(stem)) input = stem as number
  for (const [i, stage] of parsed.entries()) {
    try {
      checkStage('model', 'stage', stage, input)
    } catch (error) {
      found(i, error, /^model: stage[.:] ?/)
    }
    input = stage.channels
  }
  return problems
}

/** Factors that exceed the limits of a network, such as millions of channels. */
export function scaleProblems(model: TableKeys & Pick<ModelConfig, 'width' | 'depth' | 'divisor'>): Problem[] {
  if (fullName(model.name) === undefined) return []
  const failure = (factors: ScaleOptions): string | undefined => {
    try {
      scale(tableOf(model), factors)
      return undefined
    } catch (error) {
      if (!(error instanceof MbconvError)) throw error
      return error.message.replace(/^scale: (arch\.)?/, '')
    }
  }
  const { width, depth, divisor } = model
  const together = failure({ width, depth, divisor })
  // A problem that does not depend on the factors is reported at its own key.
  if (together === undefined || failure({}) !== undefined) return []
  const key = (['width', 'depth', 'divisor'] as const).find((name) => failure({ [name]: model[name] }) !== undefined)
  const message = `leads to no network: ${key === undefined ? together : failure({ [key]: model[key] })}`
  return [{ path: ['model', key ?? 'width'], kind: 'value', message }]
}

/** A `model.freeze` beyond the last part of the network. */
export function freezeProblems({ name, stages, head, freeze }: Record<string, unknown>): Problem[] {
  if (typeof name !== 'string' || fullName(name) === undefined || typeof freeze !== 'number') return []
  const named = arch(name)
  const parts = (Array.isArray(stages) ? stages : named.stages).length + ((head ?? named.head) === 0 ? 0 : 1)
  if (freeze <= parts) return []
  const hint = `0 is the stem, ${parts} all but the classifier`
  return [{ path: ['model', 'freeze'], kind: 'value', message: `must be at most ${parts}, not ${freeze}`, hint }]
}
