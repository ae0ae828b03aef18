/**
 * `model.weights`: a file, or the name of one of timm's checkpoints, whose profile and normalisation come with it. What
 * configurations say of it; nothing here loads native code.
 */
import path from 'node:path'
import { canonicalName } from '../models/families/catalogue'
import { type Checkpoint, checkpointNamed, isCheckpointName } from '../models/weights/published'
import { type Problem, preview } from './problems'
import type { TrainConfig } from './schema'

/** The checkpoint that `model.weights` names; undefined where it is a file's path, or nothing. */
export function checkpointOf(weights: unknown): Checkpoint | undefined {
  return typeof weights === 'string' && isCheckpointName(weights) ? checkpointNamed(weights) : undefined
}

/** What beside a checkpoint's name cannot be. */
export function weightsProblems(model: Record<string, unknown>): Problem[] {
  const problem = (key: string, message: string): Problem => ({ path: ['model', key], kind: 'value', message })
  const problems: Problem[] = []
  if (typeof model.weightsEntry === 'string' && model.weights == null)
    problems.push(problem('weightsEntry', 'is of a file that weights names, and there is none'))
  const checkpoint = checkpointOf(model.weights)
  if (checkpoint === undefined) return problems
  const { name, arch, profile } = checkpoint
  if (typeof model.name === 'string' && canonicalName(model.name) !== arch)
    problems.push(problem('weights', `is for ${arch}, not ${preview(model.name)}`))
  if (typeof model.profile === 'string' && model.profile !== profile)
    problems.push(problem('profile', `must be ${profile}, under which ${name} was trained, or left out`))
  return problems
}

/** The model's part of a configuration with the path made absolute, or with what a checkpoint brings. */
export function resolveWeights<Model extends Pick<TrainConfig['model'], 'weights' | 'profile'>>(
  model: Model,
  folder: () => string,
): Model {
  const checkpoint = checkpointOf(model.weights)
  if (checkpoint !== undefined) return { ...model, profile: checkpoint.profile }
  return { ...model, weights: model.weights === null ? null : path.resolve(folder(), model.weights) }
}

/** What training images are normalised by: as configured, else as the checkpoint's were, else undefined. */
export function normalizationOf({ data, model }: TrainConfig, channels: number): TrainConfig['data'] {
  const preprocessing = checkpointOf(model.weights)?.preprocessing
  if (preprocessing === undefined || preprocessing.channels !== channels) return data
  return { ...data, mean: data.mean ?? [...preprocessing.mean], std: data.std ?? [...preprocessing.std] }
}
