/** The schema of an experiment's `arms`, and the problems of an invalid entry. */
import { z } from 'zod'
import { type Problem, preview, problemsOf } from '../../config/problems'
import { type TrainConfigInput, trainConfigSchema } from '../../config/train'
import type { Amount } from '../../models/fit/fit'
import type { Dimension } from '../../models/fit/request'
import { isMapping } from '../../schema/values'
import { parseAmount, parseShare, UNITS } from '../../text/amount'
import { nearest } from '../../text/nearest'
import { SEARCHES } from '../search/kinds'

const positive = () => z.number().positive()

/** Text is checked by the parser that reads it later, so that only one definition of an amount exists. */
const text = (reads: (text: string) => unknown, what: string) =>
  z.string().refine((value) => reads(value) !== undefined, `must be ${what}`)

const amount = z.union([
  positive(),
  text((value) => parseAmount(value, UNITS.count), 'a number, with a unit or not, or 4x for four times the base'),
])

export const budgetSchema = z.strictObject({
  macs: amount.describe('multiply-adds of an image: 3.1M, or 4x for four times the base'),
  tolerance: z
    .union([z.number().positive().lt(1), text(parseShare, 'a share: 3% or 0.03')])
    .default(0.03)
    .describe('how far off is near enough: 3%'),
})

/** A side in px, or a multiple of the base's: `1.5x`. */
const side = z.union([
  z.int().min(8).max(4096),
  z.string().regex(/^(\d+\.?\d*|\.\d+)x$/, 'must be a side in px, or 1.5x for one and a half times the base'),
])

export const idSchema = () =>
  z
    .string()
    .max(80)
    .regex(/^[A-Za-z0-9][\w.+-]*$/, 'must be letters, digits and . _ + - only')

const point = z.strictObject({
  depth: positive().default(1).describe("times the base's layers"),
  width: positive().default(1).describe("times the base's channels"),
  resolution: side.optional().describe('px, or 1.5x'),
  id: idSchema().optional().describe('name of the arm in files and reports'),
  label: z.string().min(1).max(200).optional().describe('name for people'),
  series: z.string().min(1).max(80).optional().describe('the curve it belongs to'),
})

const curve = z.strictObject({
  curve: z.enum(['depth', 'width', 'resolution', 'compound']).describe('what grows, everything else as in the base'),
  values: z
    .array(z.union([positive(), side]))
    .min(1)
    .optional()
    .describe('factors; of resolution px, or 1.5x; of compound φ'),
  budgets: z.array(amount).min(1).optional().describe('multiply-adds to be solved for: [2x, 4x, 8x]'),
})

const cross = z.strictObject({
  cross: z.strictObject({
    width: z.array(positive()).min(1).default([1]),
    depth: z.array(positive()).min(1).default([1]),
    resolution: z.array(side).min(1).optional(),
  }),
})

const group = z.strictObject({
  base: z
    .union([z.string().min(1), trainConfigSchema.shape.model.partial()])
    .describe("another base: its name, or keys of model; the rest is the experiment's base's"),
  budget: budgetSchema.optional().describe("default: the experiment's, times this base"),
  arms: z.array(z.unknown()).min(1),
})

const SINGLE = ['base', 'depth', 'width', 'resolution', 'compound'] as const

/** A side: px, or a multiple of the base's. */
export type Side = number | { times: number }

export type ArmSpec =
  | { kind: 'base' }
  | { kind: 'dimension'; dimension: Dimension }
  | { kind: 'point'; depth: number; width: number; resolution?: Side; id?: string; label?: string; series?: string }
  | { kind: 'curve'; of: Dimension; values: Side[]; budgets: Amount[] }
  | { kind: 'cross'; depth: number[]; width: number[]; resolution: Side[] }
  | { kind: 'group'; base: Partial<TrainConfigInput['model']>; budget?: BudgetSpec; arms: ArmSpec[] }
  | { kind: 'search'; search: string; options: unknown }

export interface BudgetSpec {
  macs: Amount
  tolerance: number
}

const amountOf = (value: number | string): Amount =>
  typeof value === 'number' ? value : (parseAmount(value, UNITS.count) as Amount)

const sideOf = (value: number | string): Side =>
  typeof value === 'number' ? value : { times: Number(value.slice(0, -1)) }

export function budgetOf({ macs, tolerance }: z.output<typeof budgetSchema>): BudgetSpec {
  return {
    macs: amountOf(macs),
    tolerance: typeof tolerance === 'number' ? tolerance : (parseShare(tolerance) as number),
  }
}

/** The keys of a checked value that are present in the raw one. */
function written<T extends object>(checked: T, raw: unknown): Partial<T> {
  return Object.fromEntries(Object.entries(checked).filter(([key]) => Object.hasOwn(raw as object, key))) as Partial<T>
}

type CheckedArm = { arm: ArmSpec; problems: [] } | { arm?: undefined; problems: Problem[] }

/** @param path of the entry in the file */
export function checkArm(raw: unknown, path: Problem['path']): CheckedArm {
  const refuse = (message: string, hint?: string, key?: string): CheckedArm => ({
    problems: [
      { path: key === undefined ? path : [...path, key], kind: key === undefined ? 'value' : 'unknown', message, hint },
    ],
  })
  if (typeof raw === 'string') {
    if (raw === 'base') return { arm: { kind: 'base' }, problems: [] }
    const dimension = SINGLE.find((name) => name === raw)
    if (dimension !== undefined) return { arm: { kind: 'dimension', dimension: dimension as Dimension }, problems: [] }
    const near = nearest(raw, SINGLE)
    const hint = near ? `did you mean ${near}?` : `there are ${SINGLE.join(', ')}, and mappings`
    return refuse(`must be an arm, not ${preview(raw)}`, hint)
  }
  if (!isMapping(raw)) return refuse(`must be an arm, not ${preview(raw)}`, 'write depth, say, or {width: 2}')
  const searches = Object.keys(SEARCHES)
  const kinds = ['curve', 'cross', 'base', ...searches]
  const kind = kinds.find((key) => Object.hasOwn(raw, key))
  if (kind === undefined) {
    const known = [...kinds, ...Object.keys(point.shape)]
    const strange = Object.keys(raw).find((key) => !Object.hasOwn(point.shape, key))
    const near = strange === undefined ? undefined : nearest(strange, known)
    if (strange !== undefined)
      return refuse('unknown key', near ? `did you mean ${near}?` : `known here: ${known.join(', ')}`, strange)
  }
  const within = <S extends z.ZodType>(schema: S, make: (value: z.output<S>) => CheckedArm | ArmSpec): CheckedArm => {
    const parsed = schema.safeParse(raw)
    if (!parsed.success) {
      const problems = problemsOf(schema, parsed.error, raw)
      return { problems: problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] })) }
    }
    const made = make(parsed.data)
    return 'kind' in made ? { arm: made, problems: [] } : made
  }
  switch (kind) {
    case undefined:
      return within(point, ({ resolution, ...rest }) => {
        const side = resolution === undefined ? {} : { resolution: sideOf(resolution) }
        return { kind: 'point', ...rest, ...side }
      })
    case 'curve':
      return within(curve, ({ curve: of, values = [], budgets = [] }) => {
        if (values.length + budgets.length === 0) return refuse('must have values or budgets')
        const factor = of === 'resolution' ? undefined : values.findIndex((value) => typeof value !== 'number')
        if (factor !== undefined && factor >= 0)
          return refuse(`must hold plain numbers in a curve of ${of}`, undefined, 'values')
        return { kind: 'curve', of, values: values.map(sideOf), budgets: budgets.map(amountOf) }
      })
    case 'cross':
      return within(cross, ({ cross: { width, depth, resolution = ['1x'] } }) => ({
        ...{ kind: 'cross', width, depth },
        resolution: resolution.map(sideOf),
      }))
    case 'base':
      return within(group, ({ base, budget, arms }) => {
        const inner = arms.map((each, i) => checkArm(each, [...path, 'arms', i]))
        const problems = inner.flatMap((each) => each.problems)
        const nested = arms.findIndex((each) => isMapping(each) && ['base', ...searches].some((key) => key in each))
        if (nested >= 0)
          return { problems: [{ path: [...path, 'arms', nested], kind: 'value', message: 'cannot stand in a group' }] }
        if (problems.length > 0) return { problems }
        return {
          kind: 'group',
          // The schema also fills in defaults of optional keys. Keys that were not written take the experiment's
          // values.
          base: typeof base === 'string' ? { name: base } : written(base, raw.base),
          arms: inner.map((each) => each.arm as ArmSpec),
          ...(budget === undefined ? {} : { budget: budgetOf(budget) }),
        }
      })
    default: {
      const search = SEARCHES[kind]
      return within(z.strictObject({ [kind]: search.schema }), (value) => {
        const options = (value as Record<string, unknown>)[kind]
        return { kind: 'search', search: kind, options }
      })
    }
  }
}
