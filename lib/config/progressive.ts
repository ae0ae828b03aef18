/** Checks of `data.progressive` against what its values grow to. */
import { shorterSideOf } from '../models/arch/resolution'
import { arch, fullName } from '../models/families/catalogue'
import { isMapping } from '../schema/values'
import type { Problem } from './problems'

type At = (...keys: string[]) => unknown

/** What a number grows to, and the key that sets it. */
interface Goal {
  key: string
  value: number
}

/** The number at a key, or else its default. */
const numberAt = (at: At, keys: string[], byDefault: unknown): number | undefined => {
  const value = at(...keys) ?? byDefault
  return typeof value === 'number' ? value : undefined
}

/** Values that would shrink, or that have nothing to grow to. */
export function progressiveProblems(at: At): Problem[] {
  if (!isMapping(at('data', 'progressive'))) return []
  const problems: Problem[] = []
  const add = (key: string, message: string, hint?: string) =>
    problems.push({ path: ['data', 'progressive', key], kind: 'value', message, ...(hint && { hint }) })
  const given = (key: string) => numberAt(at, ['data', 'progressive', key], undefined)
  const [stages, epochs] = [at('data', 'progressive', 'stages') ?? 4, at('epochs')]
  if (typeof epochs === 'number' && Number(stages) > epochs)
    add('stages', `must be at most epochs, ${epochs}: the last stage has the model's resolution`)
  const goals = goalsOf(at)
  for (const [key, goal] of Object.entries(goals)) {
    const first = given(key)
    if (first === undefined || goal === undefined) continue
    if (typeof goal === 'string') add(key, goal)
    else if (first > goal.value) add(key, `must be at most ${goal.key}, ${goal.value}: it grows to that`)
  }
  return problems
}

/** What each key grows to; a text says why it cannot act; undefined: a mistake elsewhere hides it. */
function goalsOf(at: At): Record<string, Goal | string | undefined> {
  const name = at('model', 'name')
  const own = typeof name === 'string' && fullName(name) !== undefined ? arch(name) : undefined
  const goal = (key: string, value: number | undefined) => (value === undefined ? undefined : { key, value })
  const mix = (key: string) => {
    const value = numberAt(at, ['data', 'augment', 'mix', key], 0)
    return value === 0 ? `has no effect without data.augment.mix.${key}` : goal(`data.augment.mix.${key}`, value)
  }
  return {
    from: sizeGoal(at('model', 'resolution') ?? own?.resolution),
    magnitude: magnitudeGoal(at),
    mixup: mix('mixup'),
    cutmix: mix('cutmix'),
    dropout: goal('model.dropout', numberAt(at, ['model', 'dropout'], own?.dropout)),
  }
}

function sizeGoal(resolution: unknown): Goal | undefined {
  if (typeof resolution === 'number') return { key: 'model.resolution', value: resolution }
  const isPair = Array.isArray(resolution) && resolution.length === 2 && resolution.every(Number.isFinite)
  const value = isPair ? shorterSideOf(resolution as [number, number]) : undefined
  return value === undefined ? undefined : { key: 'the shorter side of model.resolution', value }
}

function magnitudeGoal(at: At): Goal | string | undefined {
  const operations = at('data', 'augment', 'operations')
  const policy = (Array.isArray(operations) ? operations : []).find(
    (each) => isMapping(each) && each.name === 'randAugment',
  )
  if (policy === undefined) return 'has no effect without randAugment in data.augment.operations'
  if (policy.ranges === 'torchvision')
    return 'has no effect with ranges: torchvision, whose magnitudes are whole numbers'
  const value = policy.magnitude ?? 9
  return typeof value === 'number' ? { key: "randAugment's magnitude", value } : undefined
}
