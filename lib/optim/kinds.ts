/** The registry of optimisers, which configurations, the memory model and the command line's help read. */
import type { z } from 'zod'
import { MbconvError } from '../errors/error'
import { kindNamed, type NameOf, namesOf } from '../schema/kinds'
import { adamwKind } from './adamw'
import { decayGroups, layerwiseGroups, type ParameterSource } from './groups'
import type { OptimizerKind } from './kind'
import { lambKind } from './lamb'
import { lionKind } from './lion'
import type { Optimizer } from './optimizer'
import { rmspropKind } from './rmsprop'
import { sgdKind } from './sgd'

/** Every optimiser that a configuration can name. */
export const OPTIMIZERS = [rmspropKind, sgdKind, adamwKind, lionKind, lambKind] as const

/** The optimiser of a configuration that names none: the paper's. */
export const DEFAULT_OPTIMIZER = 'rmsprop'

export type OptimizerName = NameOf<typeof OPTIMIZERS>

export const optimizerNames: readonly OptimizerName[] = Object.freeze(namesOf(OPTIMIZERS))

type WithRate<T> = T extends { lr?: number } ? Omit<T, 'lr'> & { lr: number } : never

/** An optimiser's options in a complete configuration: with every default filled in, and the learning rate. */
export type OptimizerConfig = WithRate<z.output<(typeof OPTIMIZERS)[number]['schema']>>

/** @throws MbconvError ERR_VALUE for an unknown name */
export function optimizerKind(name: string): OptimizerKind {
  const kind: OptimizerKind | undefined = kindNamed<OptimizerKind>(OPTIMIZERS, name)
  if (kind !== undefined) return kind
  throw new MbconvError('ERR_VALUE', `there is no optimiser ${JSON.stringify(name)}`, {
    hint: `there are ${optimizerNames.join(', ')}`,
  })
}

/**
 * The optimiser that a configuration describes, for a model's trained parameters. Batch norm's parameters have no
 * weight decay. Learning rates fall from the classifier to the stem if `layerDecay` is below 1.
 */
export function optimizerOf(model: ParameterSource, options: OptimizerConfig): Optimizer {
  const { weightDecay, layerDecay = 1 } = options // missing in runs older than layerDecay
  const groups =
    layerDecay === 1 ? decayGroups(model, weightDecay) : layerwiseGroups(model, { weightDecay, decay: layerDecay })
  return optimizerKind(options.name).make(groups, options as never)
}
