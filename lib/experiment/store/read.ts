/** Reads the files of an experiment for its report. A running experiment may write them at the same time. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { readText } from '../../files/open'
import type { StoredSeed } from '../../random/seed'
import { seedSchema } from '../../schema/fields'
import type { Plan, ResultRow, TimingRow } from '../types/types'

export interface ExperimentFiles {
  plan: Plan
  /** One for each arm and seed of the plan. */
  results: ResultRow[]
  timings: TimingRow[]
  /** Lines that belong to no arm and seed of the plan. */
  strangers: number
}

// The schema covers only what the report needs. The writers of the files check the rest.
const share = z.number().min(0).max(1)
const cost = z.number().positive()
const coefficients = z.looseObject({ depth: z.number(), width: z.number(), resolution: z.number() })

const planSchema = z.looseObject({
  format: z.literal(1),
  name: z.string(),
  title: z.string(),
  question: z.string(),
  profile: z.string(),
  set: z.array(z.string()).optional(),
  dir: z.string().optional(),
  base: z.looseObject({ name: z.string(), params: cost, macs: cost }),
  budget: z.looseObject({ macs: cost, times: z.number().nullable(), tolerance: z.number() }).nullable(),
  chance: share,
  seeds: z.array(seedSchema),
  device: z.string(),
  data: z.looseObject({}),
  arms: z.array(
    z.looseObject({
      id: z.string(),
      label: z.string(),
      series: z.string(),
      coefficients,
      params: cost,
      macs: cost,
      budgetError: z.number().nullable(),
      compound: z.looseObject({ alpha: z.number(), beta: z.number(), gamma: z.number(), phi: z.number() }).optional(),
      stages: z.array(z.string()).optional(),
      phase: z.int(),
    }),
  ),
  refused: z.array(
    z.looseObject({
      id: z.string(),
      label: z.string(),
      reason: z.string(),
      nearest: z.looseObject({ macs: cost, error: z.number(), coefficients }).optional(),
    }),
  ),
  comparisons: z.array(z.looseObject({ arm: z.string(), against: z.string() })),
  paper: z.enum(['table7', 'figure3', 'figure4', 'table3']).optional(),
  versions: z.looseObject({}),
  revision: z.string().nullable(),
  machine: z.looseObject({}),
})

const job = { arm: z.string(), seed: seedSchema, attempt: z.int() }
const rowSchema = z.discriminatedUnion('status', [
  z.looseObject({ ...job, status: z.literal('done'), top1: share, top5: share, loss: z.number().nullable() }),
  z.looseObject({
    ...job,
    status: z.literal('failed'),
    error: z.looseObject({ code: z.string(), message: z.string() }),
  }),
])
const timingSchema = z.looseObject({ ...job, seconds: z.number().min(0), wallSeconds: z.number().min(0) })

function read(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  const refuse = (reason: string, cause: unknown) => new MbconvError('ERR_DATA', `${path}: ${reason}`, { cause })
  return readText(path, { op: 'report', refuse })
}

function check<T>(schema: z.ZodType, value: unknown, where: string): T {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data as T
  const [{ path, message }] = checked.error.issues
  const field = path.length > 0 ? `${path.join('.')}: ` : ''
  throw new MbconvError('ERR_DATA', `${where}: ${field}${message}`)
}

/** The lines of a file. The last one is omitted if it is only half written. */
function readLines<T>(path: string, schema: z.ZodType): T[] {
  const lines = (read(path) ?? '').split('\n')
  const last = lines.length - 1
  return lines.flatMap((text, i) => {
    if (text.trim() === '') return []
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      if (i === last) return []
      throw new MbconvError('ERR_DATA', `${path}: line ${i + 1} is not JSON`, { cause })
    }
    return [check<T>(schema, value, `${path}, line ${i + 1}`)]
  })
}

/** One line per arm and seed, in the order of the plan: the first line, but a finished one is preferred to a failure. */
function chosen<T extends { arm: string; seed: StoredSeed; status?: string }>(plan: Plan, rows: T[]): T[] {
  const found = new Map<string, T>()
  const key = (arm: string, seed: StoredSeed) => JSON.stringify([arm, seed])
  for (const row of rows) {
    const at = key(row.arm, row.seed)
    const before = found.get(at)
    if (before === undefined || (before.status === 'failed' && row.status === 'done')) found.set(at, row)
  }
  return plan.arms.flatMap(({ id }) => plan.seeds.flatMap((seed) => found.get(key(id, seed)) ?? []))
}

/**
 * Reads experiment.json, results.jsonl and timings.jsonl. The last two are missing while nothing has been trained.
 *
 * @param folder of the experiment
 * @throws MbconvError ERR_DATA if a file is missing or has other content
 */
export function readExperiment(folder: string): ExperimentFiles {
  if (typeof folder !== 'string') {
    throw new MbconvError('ERR_TYPE', `folder must be a string, got ${shown(folder)}`, { op: 'report' })
  }
  const path = join(folder, 'experiment.json')
  const text = read(path)
  if (text === undefined) {
    throw new MbconvError('ERR_DATA', `${path}: there is no such file`, {
      hint: 'The folder of an experiment has one, written by `mbconv experiment run`.',
    })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MbconvError('ERR_DATA', `${path}: is not JSON`, { cause })
  }
  const plan = check<Plan>(planSchema, value, path)
  const rows = readLines<ResultRow>(join(folder, 'results.jsonl'), rowSchema)
  const results = chosen(plan, rows)
  const known = new Set(plan.arms.map(({ id }) => id))
  return {
    plan,
    results,
    timings: chosen(plan, readLines<TimingRow>(join(folder, 'timings.jsonl'), timingSchema)),
    strangers: rows.filter(({ arm, seed }) => !known.has(arm) || !plan.seeds.includes(seed)).length,
  }
}
