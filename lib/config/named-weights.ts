/**
 * `model.weights` of a configuration: a file, or the name of published weights, which imply their profile and
 * normalisation. Nothing here loads native code.
 */
import path from 'node:path'
import { canonicalName } from '../models/families/catalogue'
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
  if (typeof model.weightsEntry === 'string' && model.weights == null)
    problems.push(problem('weightsEntry', 'is of a file that weights names, and there is none'))
  const published = publishedWeightsOf(model.weights)
  if (published === undefined) return problems
  const { name, arch, profile } = published
  if (typeof model.name === 'string' && canonicalName(model.name) !== arch)
    problems.push(problem('weights', `is for ${arch}, not ${preview(model.name)}`))
  if (typeof model.profile === 'string' && model.profile !== profile)
    problems.push(problem('profile', `must be ${profile}, under which ${name} was trained, or left out`))
  return problems
}

/** The model's part of a configuration, with an absolute path, or with the profile that published weights imply. */
export function resolveWeights<Model extends Pick<TrainConfig['model'], 'weights' | 'profile'>>(
  model: Model,
  folder: () => string,
): Model {
  const published = publishedWeightsOf(model.weights)
  if (published !== undefined) return { ...model, profile: published.profile }
  return { ...model, weights: model.weights === null ? null : path.resolve(folder(), model.weights) }
}

/** The normalisation of training images: as configured, else that of the published weights, else undefined. */
export function normalizationOf({ data, model }: TrainConfig, channels: number): TrainConfig['data'] {
  const preprocessing = publishedWeightsOf(model.weights)?.preprocessing
  if (preprocessing === undefined || preprocessing.channels !== channels) return data
  return { ...data, mean: data.mean ?? [...preprocessing.mean], std: data.std ?? [...preprocessing.std] }
}
