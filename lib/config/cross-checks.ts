/** Checks of training configurations that concern several keys. */
import { z } from 'zod'
import type { AugmentationKind } from '../data/augment/kind'
import { AUGMENTATIONS } from '../data/augment/kinds'
import { FITS, showsParts, WITHOUT_EFFECT } from '../data/images/preprocessing'
import { DEFAULT_DATASET, datasetKinds, datasetNamed } from '../data/sources/kinds'
import { fullName, list } from '../models/families/catalogue'
import { criterionProblems } from '../optim/criteria/kinds'
import type { OptimizerKind } from '../optim/kind'
import { OPTIMIZERS } from '../optim/kinds'
import { SCHEDULES } from '../optim/schedules/kinds'
import type { ScheduleKind } from '../optim/schedules/schedule'
import { type CrossProblem, kindNamed, nameOf } from '../schema/kinds'
import { isMapping } from '../schema/values'
import { nearest } from '../text/nearest'
import { freezeProblems, scaleProblems, stageProblems } from './model-table'
import { weightsProblems } from './named-weights'
import { type Problem, preview } from './problems'
import { progressiveProblems } from './progressive'
import { trainConfigSchema } from './schema'
import { taskProblems } from './task'

type At = (...keys: string[]) => unknown

/** Model keys that are valid one by one, but give no network together. */
function modelProblems(at: At): Problem[] {
  const problems: Problem[] = []
  const name = at('model', 'name')
  if (typeof name === 'string' && fullName(name) === undefined) {
    const near = nearest(name, list())
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

/** Files that the chosen data set requires and that are not given, and keys that belong to another. */
function datasetProblems(at: At): Problem[] {
  const chosen = datasetNamed(at('data', 'dataset') ?? DEFAULT_DATASET)
  if (chosen === undefined) return []
  const missing = chosen.files.map((file) => ['data', ...file.split('.')]).filter((path) => at(...path) === undefined)
  const others = datasetKinds().filter((kind) => kind !== chosen)
  return [
    ...missing.map((path): Problem => {
      return { path, kind: 'missing', message: `is required with dataset: ${chosen.name}` }
    }),
    ...others.flatMap((kind) =>
      Object.entries(kind.keys)
        // A run stores every key that has a default, whatever its data set.
        .filter(([key, schema]) => at('data', key) !== undefined && z.safeParse(schema, undefined).data === undefined)
        .map(([key]): Problem => {
          const hint = `write dataset: ${kind.name} to train on ${kind.summary}`
          return { path: ['data', key], kind: 'value', message: `has no effect with dataset: ${chosen.name}`, hint }
        }),
    ),
  ]
}

/** Keys of `data` that concern image files only, and keys that concern images of one size only. */
const FOR_FILES = [
  ...[['fit'], ['cropShare'], ['interpolation'], ['colorManagement'], ['maxUnreadable'], ['loaderThreads']],
  ...[
    ['augment', 'crop'],
    ['augment', 'operations'],
  ],
]
const FOR_PIXELS = ['rotate', 'translate', 'scale', 'shear'].map((key) => ['augment', key])

/** Keys that the chosen data set would ignore. Values that ask for nothing are allowed: a run stores every key. */
function unusedProblems(at: At): Problem[] {
  const chosen = datasetNamed(at('data', 'dataset') ?? DEFAULT_DATASET)
  if (chosen === undefined) return []
  const hint = chosen.hasFiles ? 'it is for images of one size' : 'it is for image files'
  return (chosen.hasFiles ? FOR_PIXELS : FOR_FILES).flatMap((keys): Problem[] => {
    const value = at('data', ...keys)
    if (value == null || value === 0 || value === false || (Array.isArray(value) && value.length === 0)) return []
    const path = ['data', ...keys]
    return [{ path, kind: 'value', message: `has no effect with dataset: ${chosen.name}`, hint }]
  })
}

/** Repeated augmentation where images would not come varied, or where the sampler repeats them already. */
function repeatProblems(at: At): Problem[] {
  const repeats = at('data', 'repeats')
  if (typeof repeats !== 'number' || repeats <= 1) return []
  const refused = (message: string, hint: string): Problem[] => [
    { path: ['data', 'repeats'], kind: 'value', message, hint },
  ]
  if (at('data', 'sampler') === 'balanced')
    return refused('cannot be combined with sampler: balanced', 'which repeats the images of rare classes already')
  const chosen = datasetNamed(at('data', 'dataset') ?? DEFAULT_DATASET)
  const augment = at('data', 'augment')
  if (chosen === undefined || (isMapping(augment) && augment.flip)) return []
  const varied = chosen.hasFiles ? filesAreVaried(at) : FOR_PIXELS.some((keys) => Boolean(at('data', ...keys)))
  if (varied) return []
  return refused('would show equal images', 'set data.augment, so that an image is varied each time it comes')
}

/** Whether training shows another part of an image file each time, or changes its pixels. */
function filesAreVaried(at: At): boolean {
  const fit = FITS.find((each) => each === at('data', 'fit')) ?? 'crop'
  const operations = at('data', 'augment', 'operations')
  return showsParts(fit, at('data', 'augment', 'crop')) || (Array.isArray(operations) && operations.length > 0)
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

/** Problems that augmentations find in their options, and augmentations that cannot be combined. */
function augmentationProblems(at: At): Problem[] {
  const operations = at('data', 'augment', 'operations')
  if (!Array.isArray(operations)) return []
  const path = ['data', 'augment', 'operations']
  const purposes = new Map<number, string>()
  return operations.flatMap((raw, i): Problem[] => {
    const kind = isMapping(raw) ? kindNamed<AugmentationKind>(AUGMENTATIONS, raw.name) : undefined
    if (kind === undefined) return []
    const own = kind.check?.(raw as Record<string, unknown>) ?? []
    const problems: Problem[] = own.map((each) => ({ ...each, kind: 'value', path: [...path, i, ...each.path] }))
    const before = purposes.get(kind.purpose)
    purposes.set(kind.purpose, nameOf(kind))
    if (before === undefined) return problems
    const message = `cannot be combined with ${before}`
    const hint = 'give at most one policy, one colorJitter and one randomErasing'
    return [...problems, { path: [...path, i, 'name'], kind: 'value', message, hint }]
  })
}

/** Keys of `data` that contradict each other or the length of the run. */
function sizeProblems(at: At): Problem[] {
  const problems: Problem[] = []
  const fit = FITS.find((each) => each === at('data', 'fit'))
  for (const keys of fit === undefined ? [] : WITHOUT_EFFECT[fit]) {
    if (at('data', ...keys) == null) continue
    const path = ['data', ...keys]
    problems.push({ path, kind: 'value', message: `has no effect with fit: ${fit}`, hint: 'nothing is cut off' })
  }
  return problems
}

/** The keys of gradient clipping, of which a configuration may set one. */
const CLIPPING = ['clipGradNorm', 'clipGradValue', 'clipGradAgc'] as const

function clippingProblems(at: At): Problem[] {
  const [first, ...others] = CLIPPING.filter((key) => at(key) !== undefined && at(key) !== null)
  return others.map((key) => ({
    path: [key],
    kind: 'value',
    message: `is given besides ${first}`,
    hint: 'gradients are clipped in one way: leave out the others',
  }))
}

function lossProblems(raw: unknown): Problem[] {
  return isMapping(raw) ? criterionProblems(raw).map((problem) => ({ ...problem, kind: 'value' })) : []
}

/** Checks the raw values, so that a mistake elsewhere does not hide these: several mistakes are reported at once. */
export function crossCheck(raw: unknown): Problem[] {
  const at: At = (...keys) =>
    keys.reduce<unknown>((value, key) => (isMapping(value) && Object.hasOwn(value, key) ? value[key] : undefined), raw)
  return [
    ...modelProblems(at),
    ...datasetProblems(at),
    ...unusedProblems(at),
    ...augmentationProblems(at),
    ...sizeProblems(at),
    ...progressiveProblems(at),
    ...repeatProblems(at),
    ...channelProblems(at),
    ...optionProblems(at),
    ...clippingProblems(at),
    ...lossProblems(raw),
    ...taskProblems(at),
  ]
}
