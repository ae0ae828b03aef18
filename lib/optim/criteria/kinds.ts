/** The registry of losses, which configurations and sessions read. */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import type { CrossProblem } from '../../schema/kinds'
import { binaryKind } from './binary'
import type { Criterion, CriterionKind, DataFacts } from './criterion'
import { crossEntropyKind } from './cross-entropy'
import { focalKind } from './focal'

/** Every loss for training. The first one is the default. */
export const CRITERIA = [crossEntropyKind, binaryKind, focalKind] as const

type Names = (typeof CRITERIA)[number]['name']
type Keys = (typeof crossEntropyKind)['keys'] & (typeof binaryKind)['keys'] & (typeof focalKind)['keys']
type Fields = { loss: z.ZodDefault<z.ZodEnum<{ [Name in Names]: Name }>> } & Keys

/**
 * Fields for the schema of configurations: the keys of every loss, and `loss`, which picks one. With only one loss
 * there is no key `loss`.
 */
export function criterionFields(criteria: readonly CriterionKind[] = CRITERIA): Fields {
  const names = criteria.map(({ name }) => name)
  const choice = criteria.length > 1 ? { loss: z.enum(names).default(names[0]).describe('what training lowers') } : {}
  return Object.assign(choice, ...criteria.map(({ keys }) => keys))
}

/**
 * Problems of a raw configuration: keys that are given and that the chosen loss does not read. A key at its default is
 * as good as not given.
 */
export function criterionProblems(
  raw: Record<string, unknown>,
  criteria: readonly CriterionKind[] = CRITERIA,
): CrossProblem[] {
  const { loss = criteria[0].name } = raw
  const chosen = criteria.find(({ name }) => name === loss)
  if (chosen === undefined) return []
  const foreign = Object.keys(criterionFields(criteria)).filter((key) => key !== 'loss' && !(key in chosen.keys))
  return foreign.flatMap((key) => {
    if (raw[key] === undefined || raw[key] === null) return []
    const owners = criteria.filter(({ keys }) => key in keys).map(({ name }) => name)
    return [
      { path: [key], message: `has no effect with loss: ${chosen.name}`, hint: `it belongs to ${owners.join(', ')}` },
    ]
  })
}

/**
 * The loss that a configuration requests. The caller disposes it.
 *
 * @throws MbconvError ERR_VALUE for an unknown name; ERR_CONFIG for class weights that do not fit the data
 */
export function criterionOf(
  config: object,
  facts: DataFacts,
  criteria: readonly CriterionKind[] = CRITERIA,
): Criterion {
  const { loss = criteria[0].name } = config as { loss?: string }
  const kind = criteria.find(({ name }) => name === loss)
  if (kind !== undefined) return kind.make(config as never, facts)
  throw new MbconvError('ERR_VALUE', `there is no loss ${JSON.stringify(loss)}`, {
    hint: `there are ${criteria.map(({ name }) => name).join(', ')}`,
  })
}
