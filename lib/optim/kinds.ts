/** The registry of optimisers: what configurations, the memory model and the command line's help read. */
import type { z } from 'zod'
import { MbconvError } from '../errors/error'
import { type KindsOf, kindNamed } from '../schema/kinds'
import { adamwKind } from './adamw'
import { decayGroups, layerwiseGroups, type ParameterSource } from './groups'
import type { OptimizerKind } from './kind'
import { lionKind } from './lion'
import { optimizerNames } from './names'
import type { Optimizer } from './optimizer'
import { rmspropKind } from './rmsprop'
import { sgdKind } from './sgd'

/** Every optimiser that a configuration can name. Its name stands in names.ts, too. */
export const OPTIMIZERS = [rmspropKind, sgdKind, adamwKind, lionKind] as const satisfies KindsOf<typeof optimizerNames>

/** The optimiser of a configuration that names none: the paper's. */
export const DEFAULT_OPTIMIZER = 'rmsprop'

type WithRate<T> = T extends { lr?: number } ? Omit<T, 'lr'> & { lr: number } : never

/** An optimiser's options as a whole configuration has them: every default filled in, the learning rate too. */
export type OptimizerConfig = WithRate<z.output<(typeof OPTIMIZERS)[number]['schema']>>

/** @throws MbconvError ERR_VALUE for a name that is none */
export function optimizerKind(name: string): OptimizerKind {
  const kind: OptimizerKind | undefined = kindNamed<OptimizerKind>(OPTIMIZERS, name)
  if (kind !== undefined) return kind
  throw new MbconvError('ERR_VALUE', `there is no optimiser ${JSON.stringify(name)}`, {
    hint: `there are ${optimizerNames.join(', ')}`,
  })
}

/**
 * The optimiser that a configuration describes, over a model's trained parameters. Batch norm's are spared the weight
 * decay, and learning rates fall from the classifier to the stem where `layerDecay` is below 1.
 */
export function optimizerOf(model: ParameterSource, options: OptimizerConfig): Optimizer {
  const { weightDecay, layerDecay = 1 } = options // runs from before there was layerDecay lack it
  const groups =
    layerDecay === 1 ? decayGroups(model, weightDecay) : layerwiseGroups(model, { weightDecay, decay: layerDecay })
  return optimizerKind(options.name).make(groups, options as never)
}
