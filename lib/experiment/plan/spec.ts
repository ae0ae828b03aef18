/**
 * Experiment files: their schema, and how they are read and checked.
 *
 * An experiment is a page of YAML. Its `base`, `data` and `train` are parts of a training configuration and are checked
 * by its schema. A profile is a mapping that is merged over the rest, so that one file serves a laptop and a cluster.
 */
import { z } from 'zod'
import { checkFile, type FileKind } from '../../config/file'
import { applyOverrides } from '../../config/overrides'
import { type Problem, problemsOf, problemTexts, valueAt } from '../../config/problems'
import { shippedFile } from '../../config/shipped'
import { checkConfig, defaultName, type TrainConfig, trainConfigSchema, withFullName } from '../../config/train'
import { readYaml } from '../../config/yaml'
import { MbconvError } from '../../errors/error'
import type { StoredSeed } from '../../random/seed'
import { seedSchema } from '../../schema/fields'
import { isMapping } from '../../schema/values'
import { parseAmount, UNITS } from '../../text/amount'
import { nearest } from '../../text/nearest'
import type { Comparison, Limits, PaperStudy } from '../types/types'
import { type ArmSpec, type BudgetSpec, budgetOf, budgetSchema, checkArm, idSchema } from './arm-schema'
import { MOST_JOBS } from './limits'

const base = () => z.number().min(1).max(100)

/**
 * Upper limits of values for schedulers: minutes (19 years), bytes, and counts. JavaScript writes larger numbers with
 * exponents, which schedulers cannot read.
 */
const MOST_MINUTES = 10_000_000
const MOST_MEMORY = 2 ** 60
const MOST = 1_000_000

const slurm = z.strictObject({
  partition: z.string().min(1).optional().describe("of the cluster; default: the cluster's"),
  account: z.string().min(1).optional().describe('whose time is used'),
  minutes: z
    .number()
    .positive()
    .max(MOST_MINUTES)
    .optional()
    .describe('of a task; default: both attempts of a job, and five more'),
  cpus: z.int().min(1).max(MOST).optional().describe('of a task; default: threads'),
  memory: z.string().min(1).optional().describe("of a task, as sbatch's --mem takes it; default: of limits"),
  gpus: z.int().min(0).max(MOST).default(0).describe('of a task'),
  atOnce: z.int().min(1).max(MOST).optional().describe('tasks that may run at once'),
  options: z
    .array(z.string().regex(/^--[^\n]+$/, 'must be an option of sbatch: --qos=low'))
    .default([])
    .describe('further options of sbatch'),
  setup: z.array(z.string()).default([]).describe('lines of shell before the task: module load …'),
})

/** The schema itself, for tools. `arms` are checked separately, see arm-schema.ts. */
export const experimentSchema = z.strictObject({
  name: idSchema().describe('what the folder of results is called after'),
  title: z.string().optional().describe('heading of the report; default: the name'),
  question: z.string().default('').describe('what the experiment is to answer'),
  base: trainConfigSchema.shape.model.describe('model of a training configuration: what the arms scale'),
  data: trainConfigSchema.shape.data.describe('data of a training configuration: the images of every arm'),
  train: trainConfigSchema
    .omit({ seed: true, device: true, threads: true, model: true, data: true, run: true })
    .describe('the rest of a training configuration'),
  budget: budgetSchema.nullable().default(null).describe('what the arms may cost'),
  ray: z
    .strictObject({
      alpha: base().default(1.2).describe('base of the depth'),
      beta: base().default(1.1).describe('base of the width'),
      gamma: base().default(1.15).describe('base of the resolution'),
    })
    .prefault({})
    .describe('of compound scaling: depth, width and resolution grow by these to the power of φ'),
  resolutionStep: z.int().min(1).max(1024).default(1).describe('sides that are solved for are multiples of this, px'),
  arms: z.array(z.unknown()).min(1).describe('the networks to compare'),
  seeds: z
    .union([z.int().min(1).max(1000), z.array(seedSchema).min(1)])
    .default(3)
    .describe('how many, or which'),
  compare: z
    .array(
      z.strictObject({
        arm: z.string().describe('the arm that is tested'),
        against: z.string().describe('the arm that it is compared with'),
      }),
    )
    .optional()
    .describe('what is tested; default: compound against each single dimension'),
  device: trainConfigSchema.shape.device.describe('auto: every GPU there is, else the CPU'),
  threads: z.int().min(1).max(1024).default(1).describe('CPU threads of a job'),
  jobs: z
    .int()
    .min(1)
    .max(MOST_JOBS)
    .nullable()
    .default(null)
    .describe('at once; null: as many as cores or GPUs allow'),
  limits: z
    .strictObject({
      minutes: z.number().positive().max(MOST_MINUTES).default(60).describe('of an attempt at a job'),
      memory: z
        .union([
          z.number().positive().max(MOST_MEMORY),
          z.string().refine((text) => (bytesOf(text) ?? Infinity) <= MOST_MEMORY, 'must be an amount: 4GiB'),
        ])
        .default('8GiB')
        .describe('resident memory of a job'),
    })
    .prefault({})
    .describe('limits of each job'),
  estimate: z.boolean().default(true).describe('measure a step of each arm beforehand, to say how long it will take'),
  paper: z
    .enum(['table7', 'figure3', 'figure4', 'table3'])
    .optional()
    .describe('study of the paper whose points the report shows beside'),
  slurm: slurm.optional().describe('write a SLURM array script instead of running'),
  // Each profile is checked merged into the whole file.
  profiles: z
    .record(z.string(), z.looseObject({}))
    .refine((profiles) => Object.keys(profiles).length <= 100, 'must be a mapping of at most 100 profiles')
    .default({})
    .describe('by name, keys that replace those above when the profile is chosen'),
})

type Parsed = z.output<typeof experimentSchema>

/** The input of `experiment.plan()`. */
export type ExperimentInput = z.input<typeof experimentSchema>

/** A complete experiment: a profile merged in, every default filled in. */
export interface ExperimentSpec
  extends Pick<
    Parsed,
    'name' | 'question' | 'ray' | 'resolutionStep' | 'device' | 'threads' | 'jobs' | 'estimate' | 'slurm'
  > {
  title: string
  profile: string
  /** Keys set in addition to the file, as `key=value`. */
  set: string[]
  /** The training configuration of the base. */
  config: TrainConfig
  /** Whether the base sets its drop path. Otherwise every architecture in the experiment uses its own default. */
  dropPathGiven: boolean
  budget: BudgetSpec | null
  arms: ArmSpec[]
  seeds: StoredSeed[]
  compare: Comparison[] | null
  limits: Limits
  paper?: PaperStudy
}

/** The profile's name if none was requested. */
export const NO_PROFILE = 'default'

const KIND: Pick<FileKind<ExperimentSpec>, 'override' | 'defaultName'> = {
  override: '--set train.epochs=3',
  defaultName: (key, root) =>
    key.startsWith('train.') && isMapping(root) ? defaultName(key.slice('train.'.length), root.train) : undefined,
}

/** Which profile of an experiment is taken, and which keys are set besides. */
export interface SpecOptions {
  /** A profile of the file. Default: none. */
  profile?: string
  /** `key=value` with dotted keys. Takes precedence over the profile. */
  set?: readonly string[]
}

/**
 * Reads and checks an experiment's file. Also checks the profiles that are not requested, so that a mistake does not
 * wait for the day on the cluster.
 *
 * @param given a file, or the name of one of the package's experiments
 * @throws MbconvError ERR_CONFIG with a line `file:line:column key: what is wrong` for every mistake
 */
export function parseExperimentFile(given: string, { profile, set = [] }: SpecOptions = {}): ExperimentSpec {
  const file = shippedFile(given, 'scripts/experiments')
  const document = readYaml(file, 'scripts/experiments')
  const { value } = document
  checkProfile(value, profile, file)
  const kind = (name: string | undefined): FileKind<ExperimentSpec> => ({
    ...KIND,
    select: (whole) => withProfile(whole, name),
    origin: (problem) => originOf(value, name, problem),
    check: (raw, baseOf) => checkExperiment(raw, name ?? NO_PROFILE, baseOf),
  })
  const spec = checkFile(file, document, set, kind(profile))
  for (const other of profilesOf(value)) if (other !== profile) checkFile(file, document, [], kind(other))
  return { ...spec, set: [...set] }
}

/**
 * Checks an experiment given as an object.
 *
 * @throws MbconvError ERR_CONFIG naming every wrong key, one per line
 */
export function parseExperiment(input: ExperimentInput, { profile, set = [] }: SpecOptions = {}): ExperimentSpec {
  checkProfile(input, profile, 'the experiment')
  const { raw, complaints } = applyOverrides(withProfile(input, profile), set, {
    defaultName: KIND.defaultName,
    example: KIND.override,
  })
  const checked = checkExperiment(raw, profile ?? NO_PROFILE, () => process.cwd())
  if ('value' in checked && complaints.length === 0) return { ...checked.value, set: [...set] }
  const problems = [
    ...('problems' in checked ? checked.problems : []),
    ...complaints.map(({ name, problem }) => ({ ...problem, path: [name] })),
  ]
  throw new MbconvError('ERR_CONFIG', problemTexts(problems).join('\n'), {
    hint: problems.length === 1 ? problems[0].hint : undefined,
  })
}

function profilesOf(value: unknown): string[] {
  const profiles = isMapping(value) ? value.profiles : undefined
  return isMapping(profiles) ? Object.keys(profiles).filter((name) => isMapping(profiles[name])) : []
}

function checkProfile(value: unknown, profile: string | undefined, where: string): void {
  const known = profilesOf(value)
  if (profile === undefined || known.includes(profile)) return
  const near = nearest(profile, known)
  throw new MbconvError('ERR_CONFIG', `${where}: there is no profile ${profile}`, {
    hint: near ? `did you mean ${near}?` : known.length > 0 ? `there are ${known.join(', ')}` : 'it has no profiles',
  })
}

function withProfile(value: unknown, profile: string | undefined): unknown {
  if (profile === undefined || !isMapping(value) || !isMapping(value.profiles)) return value
  return merged(value, value.profiles[profile])
}

/**
 * Merges key by key. Lists and plain values are replaced. A mapping with another `name` is also replaced: adamw's keys
 * do not apply to sgd.
 */
function merged(below: unknown, above: unknown): unknown {
  if (!isMapping(below) || !isMapping(above)) return above
  if (above.name !== undefined && below.name !== undefined && above.name !== below.name) return above
  const result: Record<string, unknown> = {}
  for (const key of new Set([...Object.keys(below), ...Object.keys(above)])) {
    const value = Object.hasOwn(above, key)
      ? Object.hasOwn(below, key)
        ? merged(below[key], above[key])
        : above[key]
      : below[key]
    // Assigning to __proto__ would set the prototype; a defined property is an unknown key like any other.
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return result
}

/**
 * The place of a problem in the file: in the profile if the profile sets the key. A missing key belongs to the mapping
 * that lacks it.
 */
function originOf(value: unknown, profile: string | undefined, { path: keys, kind }: Problem): Problem['path'] {
  const shown = kind === 'missing' ? keys.slice(0, -1) : keys
  if (profile === undefined || shown.length === 0) return keys
  const there = ['profiles', profile]
  return valueAt(value, [...there, ...shown]) === undefined ? keys : [...there, ...keys]
}

/** Keys of a training configuration that an experiment sets elsewhere. */
const ELSEWHERE: Record<string, string> = {
  ...{ seed: 'the experiment has seeds', device: 'the experiment has device', threads: 'the experiment has threads' },
  ...{ model: 'the experiment has base', data: 'the experiment has data', run: 'runs lie in the folder of --dir' },
}

const bytesOf = (text: string): number | undefined => {
  const amount = parseAmount(text, UNITS.bytes)
  return typeof amount === 'number' ? amount : undefined
}

function checkExperiment(
  raw: unknown,
  profile: string,
  baseOf: (key: string) => string,
): { value: ExperimentSpec } | { problems: Problem[] } {
  const parsed = experimentSchema.safeParse(raw)
  const problems = (parsed.success ? [] : problemsOf(experimentSchema, parsed.error, raw)).map((found) => {
    const problem = withFullName(found)
    const [first, second] = problem.path.map(String)
    if (problem.kind !== 'unknown' || first !== 'train' || !Object.hasOwn(ELSEWHERE, second)) return problem
    return { ...problem, hint: ELSEWHERE[second], meant: undefined }
  })
  const told = new Set(problems.map((problem) => problem.path.join('.')))
  const add = (more: Problem[]) => problems.push(...more.filter((problem) => !told.has(problem.path.join('.'))))
  const rawArms = valueAt(raw, ['arms'])
  const arms = Array.isArray(rawArms) ? rawArms.map((arm, i) => checkArm(arm, ['arms', i])) : []
  add(arms.flatMap((arm) => arm.problems))
  // The whole training configuration is needed for checks across keys; its parts have other names there.
  const at = (key: string) => valueAt(raw, [key])
  const train = at('train')
  const moved = (path: Problem['path']) => {
    if (path[0] === 'model') return ['base', ...path.slice(1)]
    return path[0] === 'data' ? path : ['train', ...path]
  }
  const whole = checkConfig({ ...(isMapping(train) ? train : {}), model: at('base'), data: at('data') ?? {} }, (key) =>
    baseOf(moved(key.split('.')).join('.')),
  )
  if (whole.problems && problems.every(({ path }) => !['base', 'data', 'train'].includes(String(path[0]))))
    add(whole.problems.map((problem) => ({ ...problem, path: moved(problem.path) })))
  if (whole.config?.task === 'multiLabel') {
    const message = 'must be classification: experiments compare top-1'
    add([{ path: ['train', 'task'], kind: 'value', message, hint: 'mbconv train trains with several labels an image' }])
  }
  const needsBudget = arms.findIndex(({ arm }) => arm?.kind === 'dimension')
  if (parsed.success && parsed.data.budget === null && needsBudget >= 0)
    add([{ path: ['arms', needsBudget], kind: 'value', message: 'needs a budget', hint: 'budget: {macs: 4x}' }])
  if (problems.length > 0 || !parsed.success || !whole.config) return { problems }

  const { seeds, limits, budget, compare, title, name, paper, ...rest } = parsed.data
  const value: ExperimentSpec = {
    ...rest,
    name,
    title: title ?? name,
    profile,
    set: [],
    config: whole.config,
    dropPathGiven: typeof valueAt(raw, ['base', 'dropPath']) === 'number',
    budget: budget === null ? null : budgetOf(budget),
    arms: arms.map(({ arm }) => arm as ArmSpec),
    seeds: typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i) : [...new Set(seeds)],
    compare: compare ?? null,
    limits: {
      minutes: limits.minutes,
      memory: typeof limits.memory === 'number' ? limits.memory : (bytesOf(limits.memory) as number),
    },
  }
  return { value: paper === undefined ? value : { ...value, paper } }
}
