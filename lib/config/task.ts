/**
 * The task of a training: what it decides about other keys.
 *
 * A configuration with `task: multiLabel` gets defaults of its own, and keys that need one class an image are refused.
 */
import { DEFAULT_DATASET, datasetKinds, datasetNamed } from '../data/sources/kinds'
import { CRITERIA } from '../optim/criteria/kinds'
import { isMapping } from '../schema/values'
import { type Problem, preview } from './problems'

type Raw = Record<string, unknown>

/** The defaults of `task: multiLabel`, where they are not those of one class an image. */
const DEFAULTS = { loss: 'bce', labelSmoothing: 0 }

/** The metric that decides which evaluation is the best. */
const METRIC = 'mAP'

const defaultLoss = CRITERIA[0].name
const multiLabelLosses = CRITERIA.filter((kind) => 'isMultiLabel' in kind).map(({ name }) => name)

/**
 * A raw configuration with the defaults of its task. They come before those of a recipe, which is for one class an image.
 */
export function withTask(given: unknown): unknown {
  if (!isMapping(given) || given.task !== 'multiLabel') return given
  const raw: Raw = { ...DEFAULTS, ...withoutUndefined(given) }
  if (isMapping(raw.earlyStopping)) raw.earlyStopping = { metric: METRIC, ...withoutUndefined(raw.earlyStopping) }
  if (isMapping(raw.schedule) && raw.schedule.name === 'plateau')
    raw.schedule = { metric: METRIC, ...withoutUndefined(raw.schedule) }
  if (isMapping(raw.data)) raw.data = withMultiLabel(raw.data)
  return raw
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

/** Keys that do not suit the task. */
export function taskProblems(at: (...keys: string[]) => unknown): Problem[] {
  return at('task') === 'multiLabel' ? multiLabelProblems(at) : classificationProblems(at)
}

/** Keys in which a configuration names a metric. */
const METRIC_KEYS = [
  ['earlyStopping', 'metric'],
  ['schedule', 'metric'],
]

function classificationProblems(at: (...keys: string[]) => unknown): Problem[] {
  const metrics = METRIC_KEYS.filter((path) => at(...path) === METRIC)
  const path = ['data', ...keysOf(at('data', 'dataset'))]
  const isMultiLabel = path.length > 1 && at(...path) === true
  return [
    ...metrics.map((path): Problem => {
      return { path, kind: 'value', message: `${METRIC} is measured with task: multiLabel only`, hint: 'write top1' }
    }),
    ...(isMultiLabel
      ? [
          {
            path,
            kind: 'value' as const,
            message: 'needs task: multiLabel',
            hint: 'write task: multiLabel in its place',
          },
        ]
      : []),
  ]
}

function multiLabelProblems(at: (...keys: string[]) => unknown): Problem[] {
  const problems: Problem[] = []
  const add = (path: string[], message: string, hint?: string) => problems.push({ path, kind: 'value', message, hint })
  const dataset = datasetNamed(at('data', 'dataset') ?? DEFAULT_DATASET)
  const keys = keysOf(dataset?.name)
  if (dataset !== undefined && keys.length === 0) {
    const able = datasetKinds().filter(({ multiLabelKey }) => multiLabelKey !== undefined)
    const names = able.map(({ name }) => name).join(', ')
    add(
      ['task'],
      `multiLabel needs images with several labels, and ${dataset.name} has one class an image`,
      `data sets with several labels: ${names}`,
    )
  }
  if (keys.length > 0 && at('data', ...keys) === false)
    add(['data', ...keys], 'contradicts task: multiLabel', 'leave it out: it follows from the task')
  const loss = at('loss') ?? DEFAULTS.loss
  if (CRITERIA.some(({ name }) => name === loss) && !multiLabelLosses.some((name) => name === loss))
    add(
      ['loss'],
      `must be ${multiLabelLosses.join(' or ')} with task: multiLabel, not ${preview(loss)}`,
      `${defaultLoss} needs one class an image`,
    )
  if (at('data', 'sampler') === 'balanced')
    add(
      ['data', 'sampler'],
      'must be shuffle with task: multiLabel: an image with several labels belongs to several classes',
      'posWeight: auto makes rare labels count more',
    )
  for (const path of METRIC_KEYS)
    if (at(...path) === 'top1')
      add(path, `must be ${METRIC} or loss with task: multiLabel`, 'several labels an image have no top-1')
  return problems
}
