/**
 * `model.weights` of a configuration: a file, or the name of published weights, which imply their profile and
 * normalisation. Nothing here loads native code.
 */
import path from 'node:path'
import { canonicalName } from '../models/families/catalogue'
import { impliedProfile } from '../models/families/library-names'
import { isPublishedName, type PublishedWeights, publishedWeightsNamed } from '../models/weights/published'
import { type Problem, preview } from './problems'
import type { TrainConfig } from './schema'

/** The published weights that `model.weights` names; undefined if it is a file's path or not set. */
export function publishedWeightsOf(weights: unknown): PublishedWeights | undefined {
  return typeof weights === 'string' && isPublishedName(weights) ? publishedWeightsNamed(weights) : undefined
}

/** The keys of `model` that contradict the named weights. */
export function weightsProblems(model: Record<string, unknown>): Problem[] {
  const problem = (key: string, message: string): Problem => ({ path: ['model', key], kind: 'value', message })
  const problems: Problem[] = []
  for (const key of ['weightsEntry', 'weightsProfile']) {
    if (typeof model[key] === 'string' && model.weights == null)
      problems.push(problem(key, 'is of a file that weights names, and there is none'))
  }
  const published = publishedWeightsOf(model.weights)
  if (published === undefined) return problems
  const { name, arch, profile } = published
  if (typeof model.name === 'string' && canonicalName(model.name) !== arch)
    problems.push(problem('weights', `is for ${arch}, not ${preview(model.name)}`))
  if (typeof model.profile === 'string' && model.profile !== profile && model.weightsProfile !== 'as-is') {
    const hint = 'weightsProfile: as-is insists on it'
    problems.push({
      ...problem('profile', `must be ${profile}, under which ${name} was trained, or left out`),
      hint,
    })
  }
  return problems
}

/**
 * The model's part of a configuration, with an absolute path, and with the profile that published weights or the name
 * imply. The profile stays null where a file of weights decides.
 */
export function resolveWeights<Model extends Pick<TrainConfig['model'], 'name' | 'weights' | 'profile'>>(
  model: Model,
  folder: () => string,
): Model {
  const published = publishedWeightsOf(model.weights)
  if (published !== undefined) return { ...model, profile: model.profile ?? published.profile }
  const implied = impliedProfile(model.name)
  if (model.weights === null) return { ...model, profile: model.profile ?? implied }
  // Where the name implies none, the file decides when it is read.
  const profile = model.profile ?? (implied === 'paper' ? null : implied)
  return { ...model, profile, weights: path.resolve(folder(), model.weights) }
}

/** The normalisation of training images: as configured, else that of the published weights, else undefined. */
export function normalizationOf({ data, model }: TrainConfig, channels: number): TrainConfig['data'] {
  const preprocessing = publishedWeightsOf(model.weights)?.preprocessing
  if (preprocessing === undefined || preprocessing.channels !== channels) return data
  return { ...data, mean: data.mean ?? [...preprocessing.mean], std: data.std ?? [...preprocessing.std] }
}
