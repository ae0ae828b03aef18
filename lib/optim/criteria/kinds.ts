/** The registry of losses, which configurations and sessions read. */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import type { Criterion, CriterionKind } from './criterion'
import { crossEntropyKind } from './cross-entropy'

/** Every loss for training. The first one is the default. */
const CRITERIA = [crossEntropyKind] as const

type CriterionKeys = (typeof CRITERIA)[number]['keys']

/**
 * Fields for the schema of configurations: the keys of every loss, and `loss`, which picks one. With only one loss
 * there is no key `loss`.
 */
export function criterionFields(criteria: readonly CriterionKind[] = CRITERIA): CriterionKeys {
  const names = criteria.map(({ name }) => name)
  const choice = criteria.length > 1 ? { loss: z.enum(names).default(names[0]).describe('what training lowers') } : {}
  return Object.assign(choice, ...criteria.map(({ keys }) => keys))
}

/**
 * The loss that a configuration requests.
 *
 * @throws MbconvError ERR_VALUE for an unknown name
 */
export function criterionOf(config: object, criteria: readonly CriterionKind[] = CRITERIA): Criterion {
  const { loss = criteria[0].name } = config as { loss?: string }
  const kind = criteria.find(({ name }) => name === loss)
  if (kind !== undefined) return kind.make(config as never)
  throw new MbconvError('ERR_VALUE', `there is no loss ${JSON.stringify(loss)}`, {
    hint: `there are ${criteria.map(({ name }) => name).join(', ')}`,
  })
}
