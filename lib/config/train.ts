/**
 * Checks training configurations, and completes what a file or a caller wrote.
 *
 * file.ts reads files and command-line overrides; both paths lead to {@link checkConfig}. Nothing here loads native
 * code.
 */
import path from 'node:path'
import { isPipe } from '../data/archives/shard-names'
import { datasetKind, fileKeys } from '../data/sources/kinds'
import { MbconvError } from '../errors/error'
import { resolutionOf, sidesOf } from '../models/arch/resolution'
import { canonicalName, fullName, list } from '../models/families/catalogue'
import { optimizerKind } from '../optim/kinds'
import { isMapping } from '../schema/values'
import { nearest } from '../text/nearest'
import { crossCheck } from './cross-checks'
import { dropPathOf } from './model-table'
import { resolveWeights } from './named-weights'
import type { DefaultName } from './overrides'
import { type Problem, problemsOf, problemTexts } from './problems'
import { recipeNamed, withRecipe } from './recipes'
import { namedDefaults, type ParsedConfig, type TrainConfig, type TrainConfigInput, trainConfigSchema } from './schema'
import { mappingHint } from './shorthand'
import { withTask } from './task'

export { type TrainConfig, type TrainConfigInput, trainConfigSchema } from './schema'

const workingFolder = () => process.cwd()

/**
 * Fills in what follows from other keys. Every configuration passes through here, also one that a checkpoint recorded.
 *
 * @param baseOf the folder that the path at a dotted key is relative to; the working directory unless given
 * @throws MbconvError ERR_VALUE or ERR_TYPE for stages that the cross-checks would have found
 */
export function completed(parsed: ParsedConfig, baseOf: (key: string) => string = workingFolder): TrainConfig {
  const { optimizer, model, data, schedule } = parsed
  const lr = optimizer.lr ?? optimizerKind(optimizer.name).rateFor?.(data.batchSize * parsed.accumulate)
  return {
    ...parsed,
    model: {
      ...resolveWeights(model, () => baseOf('model.weights')),
      name: canonicalName(model.name),
      // [64, 64] is 64, so that a run can be resumed with either.
      resolution: model.resolution === null ? null : resolutionOf(sidesOf(model.resolution)),
      dropPath: dropPathOf(model),
    },
    data: withPaths(data, fileKeys(datasetKind(data.dataset)), baseOf),
    optimizer: { ...optimizer, lr } as TrainConfig['optimizer'],
    // A warm-up in steps replaces the default one in epochs.
    schedule: 'warmupSteps' in schedule && schedule.warmupSteps !== null ? { ...schedule, warmupEpochs: 0 } : schedule,
  }
}

/** The data section with absolute paths at the given keys. */
function withPaths<T extends object>(data: T, keys: readonly string[], baseOf: (key: string) => string): T {
  const result = structuredClone(data)
  for (const key of keys) {
    const parts = key.split('.')
    const last = parts.pop() as string
    const holder = parts.reduce<unknown>((at, part) => (isMapping(at) ? at[part] : undefined), result)
    if (!isMapping(holder)) continue
    const absolute = (value: unknown) =>
      // A command is no path.
      isPipe(String(value)) ? value : path.resolve(baseOf(`data.${key}`), String(value))
    const value = holder[last]
    if (Array.isArray(value)) holder[last] = value.map(absolute)
    else if (value != null) holder[last] = absolute(value)
  }
  return result
}

/** Suggests the full name for `model: b0`. */
export function withFullName(problem: Problem): Problem {
  const { path: keys, shorthand } = problem
  const last = keys.at(-1)
  if (shorthand?.key !== 'name' || (last !== 'model' && last !== 'base')) return problem
  const value = fullName(shorthand.value) ?? nearest(shorthand.value, list()) ?? shorthand.value
  const better = { ...shorthand, value, isGuess: value !== shorthand.value }
  return { ...problem, shorthand: better, hint: mappingHint(last, better) }
}

/** The default `name` of an omitted `optimizer` or `schedule`: the recipe's, or else the paper's. */
export const defaultName: DefaultName = (key, root) => {
  const recipe = isMapping(root) ? recipeNamed(root.recipe)[key] : undefined
  return isMapping(recipe) && typeof recipe.name === 'string' ? recipe.name : namedDefaults.get(key)
}

export type Checked = { config: TrainConfig; problems?: undefined } | { config?: undefined; problems: Problem[] }

/** Names the recipe in a problem of a value that comes from it: the user did not write that key. */
function withOrigin(problem: Problem, given: unknown, raw: unknown): Problem {
  const isThere = (keys: Problem['path'], top: unknown) =>
    keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], top) !== undefined
  if (!isMapping(given) || isThere(problem.path, given) || !isThere(problem.path, raw)) return problem
  return { ...problem, recipe: String(given.recipe) }
}

/**
 * Checks a raw configuration.
 *
 * @param given the content of a YAML file, or a caller's object
 * @param baseOf the folder that the path at a dotted key is relative to; default: the working directory
 */
export function checkConfig(given: unknown, baseOf: (key: string) => string = workingFolder): Checked {
  const raw = withRecipe(withTask(given))
  const parsed = trainConfigSchema.safeParse(raw)
  const problems = parsed.success ? [] : problemsOf(trainConfigSchema, parsed.error, raw).map(withFullName)
  // Do not repeat a problem of a key that is already reported.
  const told = new Set(problems.map((problem) => problem.path.join('.')))
  problems.push(...crossCheck(raw).filter((problem) => !told.has(problem.path.join('.'))))
  if (problems.length > 0 || !parsed.success) return { problems: problems.map((each) => withOrigin(each, given, raw)) }
  return { config: completed(parsed.data, baseOf) }
}

/**
 * Checks a configuration given to `train()` as an object. Defaults and errors are those of a file, without positions.
 * Relative data paths are relative to the working directory.
 *
 * @throws {MbconvError} ERR_CONFIG naming every wrong key, one per line
 */
export function parseConfig(config: TrainConfigInput): TrainConfig {
  const checked = checkConfig(config)
  if (checked.config) return checked.config
  const lines = problemTexts(checked.problems)
  throw new MbconvError('ERR_CONFIG', lines.join('\n'), {
    hint: checked.problems.length === 1 ? checked.problems[0].hint : undefined,
  })
}
