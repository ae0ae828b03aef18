/** Checks of training configurations that concern several keys. */
import { DEFAULT_DATASET, datasetKinds, datasetNamed } from '../data/sources/kinds'
import { fullName, list } from '../models/families/catalogue'
import type { OptimizerKind } from '../optim/kind'
import { OPTIMIZERS } from '../optim/kinds'
import { SCHEDULES } from '../optim/schedules/kinds'
import type { ScheduleKind } from '../optim/schedules/schedule'
import { type CrossProblem, kindNamed } from '../schema/kinds'
import { isMapping } from '../schema/values'
import { nearest } from '../text/nearest'
import { freezeProblems, scaleProblems, stageProblems } from './model-table'
import { weightsProblems } from './named-weights'
import { type Problem, preview } from './problems'
import { trainConfigSchema } from './schema'

type At = (...keys: string[]) => unknown

/** Model keys that are valid one by one, but give no network together. */
function modelProblems(at: At): Problem[] {
  const problems: Problem[] = []
  const name = at('model', 'name')
  if (typeof name === 'string' && !list().includes(name)) {
    const near = fullName(name) ?? nearest(name, list())
    problems.push({
      path: ['model', 'name'],
      kind: 'value',
      message: `must be an architecture, not ${preview(name)}`,
      hint: near ? `did you mean ${near}?` : `there are ${list().join(', ')}`,
    })
  }
  const model = at('model')
  if (isMapping(model)) problems.push(...stageProblems(model), ...freezeProblems(model), ...weightsProblems(model))
  const whole = trainConfigSchema.shape.model.safeParse(model)
  if (whole.success && problems.length === 0) problems.push(...scaleProblems(whole.data))
  return problems
}

/** Files that the chosen data set requires and that are not given, or that are given but belong to another. */
function fileProblems(at: At): Problem[] {
  const chosen = datasetNamed(at('data', 'dataset') ?? DEFAULT_DATASET)
  if (chosen === undefined) return []
  return datasetKinds().flatMap((kind) =>
    kind.files.flatMap((file): Problem[] => {
      const path = ['data', file]
      const isGiven = at(...path) !== undefined
      if (kind === chosen)
        return isGiven ? [] : [{ path, kind: 'missing', message: `is required with dataset: ${kind.name}` }]
      if (!isGiven) return []
      const hint = `write dataset: ${kind.name} to train on ${kind.summary}`
      return [{ path, kind: 'value', message: `has no effect with dataset: ${chosen.name}`, hint }]
    }),
  )
}

/** Keys of `data` that concern image files only, and keys that concern images of one size only. */
const FOR_FILES = [
  ...[['fit'], ['cropShare'], ['interpolation'], ['colorManagement'], ['maxUnreadable'], ['loaderThreads']],
  ...[['augment', 'crop']],
]
const FOR_PIXELS = ['rotate', 'translate', 'scale', 'shear'].map((key) => ['augment', key])

/** Keys that the chosen data set would ignore. Values that ask for nothing are allowed: a run stores every key. */
function unusedProblems(at: At): Problem[] {
  const chosen = datasetNamed(at('data', 'dataset') ?? DEFAULT_DATASET)
  if (chosen === undefined) return []
  const hint = chosen.hasFiles ? 'it is for images of one size' : 'it is for image files'
  return (chosen.hasFiles ? FOR_PIXELS : FOR_FILES).flatMap((keys): Problem[] => {
    const value = at('data', ...keys)
    if (value == null || value === 0 || value === false) return []
    const path = ['data', ...keys]
    return [{ path, kind: 'value', message: `has no effect with dataset: ${chosen.name}`, hint }]
  })
}

function channelProblems(at: At): Problem[] {
  const [mean, std] = [at('data', 'mean'), at('data', 'std')]
  if (!Array.isArray(mean) || !Array.isArray(std) || mean.length === std.length) return []
  const message = `must have as many channels as mean, ${mean.length}, not ${std.length}`
  return [{ path: ['data', 'std'], kind: 'value', message }]
}

/** Problems that the optimiser and the schedule find in their options. */
function optionProblems(at: At): Problem[] {
  const found = (key: string, problems: CrossProblem[] = []): Problem[] =>
    problems.map((problem) => ({ ...problem, kind: 'value', path: [key, ...problem.path] }))
  const [optimizer, schedule] = [at('optimizer'), at('schedule')]
  const problems: Problem[] = []
  if (isMapping(optimizer)) {
    const kind = kindNamed<OptimizerKind>(OPTIMIZERS, optimizer.name)
    problems.push(...found('optimizer', kind?.check?.(optimizer)))
  }
  if (isMapping(schedule)) {
    const kind = kindNamed<ScheduleKind>(SCHEDULES, schedule.name)
    problems.push(...found('schedule', kind?.check?.(schedule, at('optimizer', 'lr'))))
  }
  return problems
}

/** Checks the raw values, so that a mistake elsewhere does not hide these: several mistakes are reported at once. */
export function crossCheck(raw: unknown): Problem[] {
  const at: At = (...keys) =>
    keys.reduce<unknown>((value, key) => (isMapping(value) && Object.hasOwn(value, key) ? value[key] : undefined), raw)
  return [...modelProblems(at), ...fileProblems(at), ...unusedProblems(at), ...channelProblems(at), ...optionProblems(at)]
}
