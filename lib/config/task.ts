/**
 * The task of a training: what it decides about other keys.
 *
 * A configuration with `task: multiLabel` gets defaults of its own, and keys that need one class an image are refused.
 */

import type { DatasetKind } from '../data/dataset/kind'
import { DEFAULT_DATASET, datasetKinds, datasetNamed } from '../data/sources/kinds'
import { CRITERIA } from '../optim/criteria/kinds'
import { SCHEDULES } from '../optim/schedules/kinds'
import type { ScheduleKind } from '../optim/schedules/schedule'
import { kindNamed } from '../schema/kinds'
import { isMapping } from '../schema/values'
import { type Problem, preview } from './problems'

type Raw = Record<string, unknown>

/** Losses that take several labels an image. The first one is the default of `task: multiLabel`. */
const multiLabelLosses = CRITERIA.filter((kind) => 'isMultiLabel' in kind).map(({ name }) => name)

/** The defaults of `task: multiLabel`, where they are not those of one class an image. */
const DEFAULTS = { loss: multiLabelLosses[0], labelSmoothing: 0 }

/** The metric that decides which evaluation is the best. */
const METRIC = 'mAP'

/**
 * A raw configuration with the defaults of its task. They come before those of a recipe, which is for one class an image.
 */
export function withTask(given: unknown): unknown {
  if (!isMapping(given) || given.task !== 'multiLabel') return given
  const raw: Raw = { ...DEFAULTS, ...withoutUndefined(given) }
  if (isMapping(raw.earlyStopping)) raw.earlyStopping = withMetric(raw.earlyStopping)
  if (isMapping(raw.schedule) && followsMetric(raw.schedule.name)) raw.schedule = withMetric(raw.schedule)
  if (isMapping(raw.data)) raw.data = withMultiLabel(raw.data)
  return raw
}

const withMetric = (section: Raw): Raw => ({ metric: METRIC, ...withoutUndefined(section) })

/** Whether a schedule depends on a metric. */
const followsMetric = (name: unknown): boolean => {
  const kind = kindNamed<ScheduleKind>(SCHEDULES, name)
  return kind !== undefined && 'metric' in kind.schema.shape
}

/** An object of a caller may have keys whose value is undefined. */
const withoutUndefined = (mapping: Raw): Raw =>
  Object.fromEntries(Object.entries(mapping).filter(([, value]) => value !== undefined))

/** The section `data` with the key of its data set that says that images have several labels. */
function withMultiLabel(data: Raw): Raw {
  const [section, key] = keysOf(data.dataset)
  const options = section === undefined ? undefined : data[section]
  if (section === undefined || key === undefined || !isMapping(options)) return data
  return { ...data, [section]: { [key]: true, ...withoutUndefined(options) } }
}

/** The path of `multiLabelKey` in `data`; empty for a data set without it. */
const keysOf = (dataset: unknown): string[] => datasetNamed(dataset ?? DEFAULT_DATASET)?.multiLabelKey?.split('.') ?? []

type At = (...keys: string[]) => unknown
type Add = (path: string[], message: string, hint: string) => void

/** Keys that do not suit the task. */
export function taskProblems(at: At): Problem[] {
  const problems: Problem[] = []
  const add: Add = (path, message, hint) => problems.push({ path, kind: 'value', message, hint })
  const check = at('task') === 'multiLabel' ? checkMultiLabel : checkClassification
  check(at, add)
  return problems
}

/** Keys in which a configuration names a metric. */
const METRIC_KEYS = [
  ['earlyStopping', 'metric'],
  ['schedule', 'metric'],
]

function checkClassification(at: At, add: Add): void {
  for (const path of METRIC_KEYS)
    if (at(...path) === METRIC) add(path, `${METRIC} is measured with task: multiLabel only`, 'write top1')
  const keys = keysOf(at('data', 'dataset'))
  if (keys.length > 0 && at('data', ...keys) === true)
    add(['data', ...keys], 'needs task: multiLabel', 'write task: multiLabel in its place')
}

function checkMultiLabel(at: At, add: Add): void {
  const dataset = datasetNamed(at('data', 'dataset') ?? DEFAULT_DATASET)
  const keys = keysOf(dataset?.name)
  const isAble = ({ multiLabelKey, saysMultiLabel }: DatasetKind) => multiLabelKey !== undefined || saysMultiLabel
  if (dataset !== undefined && !isAble(dataset)) {
    const able = datasetKinds().filter(isAble)
    const problem = `multiLabel needs images with several labels, and ${dataset.name} has one class an image`
    add(['task'], problem, `data sets with several labels: ${able.map(({ name }) => name).join(', ')}`)
  }
  if (keys.length > 0 && at('data', ...keys) === false)
    add(['data', ...keys], 'contradicts task: multiLabel', 'leave it out: it follows from the task')
  const loss = at('loss') ?? DEFAULTS.loss
  if (CRITERIA.some(({ name }) => name === loss) && !multiLabelLosses.some((name) => name === loss)) {
    const problem = `must be ${multiLabelLosses.join(' or ')} with task: multiLabel, not ${preview(loss)}`
    add(['loss'], problem, 'each class must be a question of its own')
  }
  if (at('data', 'sampler') === 'balanced') {
    const problem = 'must be shuffle with task: multiLabel: an image with several labels belongs to several classes'
    add(['data', 'sampler'], problem, 'posWeight: auto makes rare labels count more')
  }
  for (const path of METRIC_KEYS)
    if (at(...path) === 'top1')
      add(path, `must be ${METRIC} or loss with task: multiLabel`, 'several labels an image have no top-1')
}
