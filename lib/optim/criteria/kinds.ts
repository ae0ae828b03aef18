/** The registry of losses: what configurations and sessions read. */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import type { Criterion, CriterionKind } from './criterion'
import { crossEntropyKind } from './cross-entropy'

/** Every loss that training can lower; the first is a configuration's that names none. */
const CRITERIA = [crossEntropyKind] as const

type CriterionKeys = (typeof CRITERIA)[number]['keys']

/**
 * For the schema of configurations: the keys of every loss, and `loss`, which picks one. Where there is nothing to pick,
 * there is no such key.
 */
export function criterionFields(criteria: readonly CriterionKind[] = CRITERIA): CriterionKeys {
  const names = criteria.map(({ name }) => name)
  const choice = criteria.length > 1 ? { loss: z.enum(names).default(names[0]).describe('what training lowers') } : {}
  return Object.assign(choice, ...criteria.map(({ keys }) => keys))
}

/**
 * The loss that a configuration asks for.
 *
 * @throws MbconvError ERR_VALUE for a name that is none
 */
export function criterionOf(config: object, criteria: readonly CriterionKind[] = CRITERIA): Criterion {
  const { loss = criteria[0].name } = config as { loss?: string }
  const kind = criteria.find(({ name }) => name === loss)
  if (kind !== undefined) return kind.make(config as never)
  throw new MbconvError('ERR_VALUE', `there is no loss ${JSON.stringify(loss)}`, {
    hint: `there are ${criteria.map(({ name }) => name).join(', ')}`,
  })
}
