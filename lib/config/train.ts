/**
 * The training configuration: what may be set, what it is measured in, and what it is when nothing is set.
 *
 * The defaults are the recipe of the EfficientNet paper (arXiv:1905.11946) as its published code runs it. Files and
 * command-line overrides are read by config-file.ts; both ends meet in {@link checkConfig}. Nothing here loads native code.
 */
import path from 'node:path'
import { z } from 'zod'
import { MbconvError } from '../errors/error'
import { fullName, list } from '../models/families/catalogue'
import { SEED_RANGE, type Seed, type StoredSeed, storedSeed } from '../random/seed'
import { nearest } from '../text/nearest'
import { dropPathOf, freezeProblems, scaleProblems, stageProblems } from './model-table'
import { resolveWeights, weightsProblems } from './named-weights'
import { type Problem, preview, problemsOf, problemTexts } from './problems'
import { mappingHint } from './shorthand'

/** Largest float32, which is what tensors are made of. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127
/** Smallest float32 with all its digits: what is smaller may count as 0, and is divided by all the same. */
const SMALLEST = 2 ** -126
/** Largest learning rate and weight decay: they are multiplied before a tensor sees them. */
const LARGEST_RATE = 1e30
const LARGEST_DECAY = 1e8

const fraction = () => z.number().min(0).lt(1)
const count = () => z.int().min(1)
const positive = (most = LARGEST) =>
  z
    .number()
    .positive()
    .max(most)
    .refine((value) => value <= 0 || value >= SMALLEST, `must be at least ${SMALLEST}`)
const epochsOfSchedule = () => z.number().max(Number.MAX_SAFE_INTEGER)
const channels = (min: number) => z.int().min(min).max(1_000_000)
/** A {@link Seed}; the result is as files keep it. JSON Schema, which tools read, knows whole numbers only. */
export const seedSchema = z
  .unknown()
  .meta({ type: 'integer' })
  .transform((value, context) => {
    const seed = storedSeed(value)
    if (seed === undefined) context.addIssue({ code: 'custom', message: `must be ${SEED_RANGE}` })
    return seed ?? z.NEVER
  }) as unknown as z.ZodType<StoredSeed, Seed>
const imageFile = (what: string) =>
  z.string().min(1).optional().describe(`IDX file of the ${what}, plain or gzip; needed with dataset: idx`)
const perChannel = (value: z.ZodType<number, number>, what: string) =>
  z
    .union([value, z.array(value).min(1)])
    .nullable()
    .default(null)
    .describe(`${what} of the input in 0..1, one number or one a channel; null: the training set's own`)

const model = z.strictObject({
  name: z.string().min(1).describe('architecture, one of those `mbconv models` lists'),
  stem: channels(1).nullable().default(null).describe("channels behind the stem; null: the architecture's"),
  stages: z
    .array(z.string().max(100))
    .min(1)
    .max(100)
    .nullable()
    .default(null)
    .describe("stages in place of the architecture's, as `mbconv models NAME --config` writes them"),
  head: channels(0).nullable().default(null).describe("channels of the head, 0: none; null: the architecture's"),
  width: z.number().positive().default(1).describe("factor on the architecture's channels"),
  depth: z.number().positive().default(1).describe("factor on the architecture's layers per stage"),
  resolution: z.int().min(8).max(4096).nullable().default(null).describe("input side, px; null: the architecture's"),
  divisor: channels(1).default(8).describe('channels are rounded to multiples of this'),
  profile: z
    .enum(['torchvision', 'timm', 'tf', 'paper'])
    .default('paper')
    .describe('whose padding, batch-norm epsilon and batch-norm momentum to use'),
  dropout: fraction().nullable().default(null).describe("rate before the classifier; null: the architecture's"),
  dropPath: fraction()
    .nullable()
    .default(null)
    .describe(
      "rate at which the last block is skipped, earlier ones less, in a line; null: the architecture's own, 0.2 in EfficientNets, 0 in the others",
    ),
  weights: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      "weights to begin with: a .safetensors or .pth file, or a pulled checkpoint's name; null: drawn from the seed",
    ),
  weightsEntry: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('which weights of a file that has several (state_dict); null: the averaged ones, where there are such'),
  freeze: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('last part that keeps its weights, 0: the stem, 1: the first stage …; null: all are trained'),
})

const augment = z.strictObject({
  rotate: z.number().min(0).max(180).default(0).describe('largest rotation either way, degrees'),
  translate: z.number().min(0).max(1).default(0).describe('largest shift either way, fraction of the side'),
  scale: fraction().default(0).describe('largest change of size either way, fraction'),
  shear: z.number().min(0).lt(90).default(0).describe('largest shear either way, degrees'),
  flip: z.boolean().default(false).describe('mirror half of the images left to right'),
})

const scenes = z.strictObject({
  classes: z
    .union([z.literal(10), z.literal(100)])
    .default(10)
    .describe('10: five textures in two arrangements; 100: ten in ten'),
  size: z
    .int()
    .min(8)
    .max(1024)
    .nullable()
    .default(null)
    .describe("side they are drawn at, px; null: the model's input"),
  train: count()
    .max(2 ** 24)
    .default(5000)
    .describe('training images'),
  test: count()
    .max(2 ** 24)
    .default(2000)
    .describe('test images'),
  seed: seedSchema.prefault(0).describe('which scenes; training and test images always differ'),
  noise: z.number().min(0).max(1).default(0.06).describe('standard deviation at 64 px, in 0..1'),
})

const data = z.strictObject({
  dataset: z
    .enum(['digits', 'scenes', 'idx'])
    .default('digits')
    .describe('digits: the embedded ones; scenes: drawn by mbconv; idx: four files of yours'),
  scenes: scenes.prefault({}).describe('which scenes, with dataset: scenes'),
  trainImages: imageFile('training images'),
  trainLabels: imageFile('training labels'),
  testImages: imageFile('test images'),
  testLabels: imageFile('test labels'),
  batchSize: count().default(64).describe('images in a training step'),
  evalBatchSize: count().default(256).describe('images in an evaluation step'),
  augment: augment.prefault({}),
  mean: perChannel(z.number().min(-LARGEST).max(LARGEST), 'mean'),
  std: perChannel(positive(), 'standard deviation'),
})

const learningRate = positive(LARGEST_RATE).describe('peak learning rate, after the warm-up')
const weightDecay = (rate: number, how: string) =>
  z.number().min(0).max(LARGEST_DECAY).default(rate).describe(`${how}; batch-norm parameters are spared`)

const layerDecay = () =>
  z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe("learning rate of a block over that of the one behind it, from the classifier's down; 1: all alike")

const rmsprop = z.strictObject({
  name: z.literal('rmsprop'),
  lr: learningRate.optional(), // 0.016 · batchSize / 256, which needs the rest of the configuration: see resolve()
  decay: fraction().default(0.9).describe('how much of the squared-gradient average a step keeps'),
  momentum: fraction().default(0.9),
  eps: positive().default(1e-3).describe('added to the squared average inside the root'),
  weightDecay: weightDecay(1e-5, 'times the weight, added to the gradient'),
  layerDecay: layerDecay(),
})

const sgd = z.strictObject({
  name: z.literal('sgd'),
  lr: learningRate,
  momentum: fraction().default(0.9),
  nesterov: z.boolean().default(true).describe('look ahead along the momentum'),
  weightDecay: weightDecay(0, 'times the weight, added to the gradient'),
  layerDecay: layerDecay(),
})

const adamw = z.strictObject({
  name: z.literal('adamw'),
  lr: learningRate,
  betas: z.tuple([fraction(), fraction()]).default([0.9, 0.999]).describe('decay of the first and second moment'),
  eps: positive().default(1e-8).describe('added to the root of the second moment'),
  weightDecay: weightDecay(0.01, 'times the learning rate times the weight, taken off the weight'),
  layerDecay: layerDecay(),
})

const warmupEpochs = (epochs: number) =>
  epochsOfSchedule().min(0).default(epochs).describe('the learning rate rises from 0 in a line over so many epochs')

const schedule = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('staircase'),
    warmupEpochs: warmupEpochs(5),
    decayEpochs: epochsOfSchedule()
      .positive()
      .default(2.4)
      .describe('epochs between two drops, counted from the first step'),
    decayRate: z.number().positive().max(1).default(0.97).describe('factor of a drop'),
  }),
  z.strictObject({
    name: z.literal('cosine'),
    warmupEpochs: warmupEpochs(0),
    minLr: z.number().min(0).default(0).describe('learning rate at the end'),
  }),
  z.strictObject({ name: z.literal('constant'), warmupEpochs: warmupEpochs(0) }),
])

const ema = z.strictObject({
  decay: fraction().default(0.9999).describe('how much of the average a step keeps'),
  warmup: z.boolean().default(true).describe('keep min(decay, (1 + t) / (10 + t)) at step t, so that it starts fast'),
})

const checkpoint = z.strictObject({
  everyEpochs: count().default(1).describe('epochs between two checkpoints'),
  everySteps: count().nullable().default(null).describe('steps between two checkpoints, besides; null: none'),
  keep: count().default(3).describe('newest checkpoints to keep'),
})

const run = z.strictObject({
  dir: z.string().min(1).default('runs').describe('folder of all runs, relative to the working directory'),
  name: z
    .string()
    .max(200)
    .regex(/^[^./\\\p{Cc}][^/\\\p{Cc}]*$/u, 'must be a plain folder name')
    .nullable()
    .default(null)
    .describe("this run's folder; null: the configuration's name and the time"),
  curves: z.boolean().default(true).describe('draw curves.svg and curves.png at the end'),
})

/** The schema itself, for tools: `z.toJSONSchema(trainConfigSchema, {io: 'input'})` gives editors completion. */
export const trainConfigSchema = z.strictObject({
  seed: seedSchema.prefault(0).describe('of the initial weights, the order of the images, augmentation and drops'),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d{1,3})?)$/, 'must be auto, cpu, cuda or cuda:N')
    .default('auto')
    .describe('auto: the GPU where there is one'),
  memoryFormat: z
    .enum(['contiguous', 'channelsLast'])
    .default('channelsLast')
    .describe('how activations and kernels lie in memory; the results differ by rounding only'),
  threads: z.int().min(1).max(1024).nullable().default(null).describe("CPU threads; null: libtorch's choice"),
  model,
  data: data.prefault({}),
  optimizer: z.discriminatedUnion('name', [rmsprop, sgd, adamw]).prefault({ name: 'rmsprop' }),
  schedule: schedule.prefault({ name: 'staircase' }),
  ema: z
    .union([z.literal(false), ema])
    .prefault({})
    .describe('moving average of the weights, used to evaluate'),
  labelSmoothing: fraction().default(0.1).describe('share of the target spread evenly over all classes'),
  clipGradNorm: positive().nullable().default(null).describe('largest gradient norm; null: no limit'),
  epochs: count().describe('passes over the training set'),
  maxSteps: count().nullable().default(null).describe('end after so many steps, if that is sooner; null: no limit'),
  evalEveryEpochs: count().default(1).describe('epochs between two evaluations'),
  checkpoint: checkpoint.prefault({}),
  onDivergence: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('when the loss is not a number: stop the run, or skip the step, as long as most steps go well'),
  run: run.prefault({}),
})

type Parsed = z.output<typeof trainConfigSchema>
type WithRate<T> = T extends { lr?: number } ? Omit<T, 'lr'> & { lr: number } : never

/** What a caller of `train()` may write: everything but `model.name` and `epochs` has a default. */
export type TrainConfigInput = z.input<typeof trainConfigSchema>

/** A whole configuration: every default filled in, data paths absolute. Plain data, fit for JSON and for a worker. */
export type TrainConfig = Omit<Parsed, 'optimizer' | 'model'> & {
  optimizer: WithRate<Parsed['optimizer']>
  model: Omit<Parsed['model'], 'dropPath'> & { dropPath: number }
}

/** The four files of `data`, in the order they are asked for. */
export const DATA_FILES = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const

/**
 * What no single key can tell. It looks at the raw values, because a mistake elsewhere must not hide these: several
 * mistakes are reported at once.
 */
function crossCheck(raw: unknown): Problem[] {
  const problems: Problem[] = []
  const at = (...keys: string[]): unknown =>
    keys.reduce<unknown>((value, key) => (isMapping(value) && Object.hasOwn(value, key) ? value[key] : undefined), raw)
  const name = at('model', 'name')
  if (typeof name === 'string' && !list().includes(name)) {
    const near = fullName(name) ?? nearest(name, list())
    problems.push({
      path: ['model', 'name'],
      kind: 'value',
      message: `must be an architecture, not ${preview(name)}`,
      hint: near ? `did you mean ${near}?` : `there are ${list().join(', ')}`,
    })
  }
  const model = at('model')
  if (isMapping(model)) problems.push(...stageProblems(model), ...freezeProblems(model), ...weightsProblems(model))
  const whole = trainConfigSchema.shape.model.safeParse(model)
  if (whole.success && problems.length === 0) problems.push(...scaleProblems(whole.data))
  const dataset = at('data', 'dataset') ?? 'digits'
  for (const file of DATA_FILES) {
    const given = at('data', file) !== undefined
    if (dataset === 'idx' && !given)
      problems.push({ path: ['data', file], kind: 'missing', message: 'is required with dataset: idx' })
    if (dataset !== 'idx' && given)
      problems.push({
        path: ['data', file],
        kind: 'value',
        message: `has no effect with dataset: ${dataset}`,
        hint: 'write dataset: idx to train on files of yours',
      })
  }
  const [mean, std] = [at('data', 'mean'), at('data', 'std')]
  if (Array.isArray(mean) && Array.isArray(std) && mean.length !== std.length)
    problems.push({
      path: ['data', 'std'],
      kind: 'value',
      message: `must have as many channels as mean, ${mean.length}, not ${std.length}`,
    })
  if (at('optimizer', 'name') === 'sgd' && at('optimizer', 'momentum') === 0 && at('optimizer', 'nesterov') !== false)
    problems.push({
      path: ['optimizer', 'momentum'],
      kind: 'value',
      message: 'must be above 0 for nesterov',
      hint: 'write nesterov: false for plain gradient descent',
    })
  const [lr, minLr] = [at('optimizer', 'lr'), at('schedule', 'minLr')]
  if (typeof lr === 'number' && typeof minLr === 'number' && minLr > lr)
    problems.push({ path: ['schedule', 'minLr'], kind: 'value', message: `must be at most optimizer.lr, ${lr}` })
  return problems
}

/** Fills in what follows from other keys. `baseOf` gives the folder that the path at a key is relative to. */
function resolve(parsed: Parsed, baseOf: (key: string) => string): TrainConfig {
  const files = Object.fromEntries(
    DATA_FILES.flatMap((key) => {
      const file = parsed.data[key]
      return file === undefined ? [] : [[key, path.resolve(baseOf(`data.${key}`), file)]]
    }),
  )
  const { optimizer, model } = parsed
  return {
    ...parsed,
    model: { ...resolveWeights(model, () => baseOf('model.weights')), dropPath: dropPathOf(model) },
    data: { ...parsed.data, ...files },
    // The paper's rule: the rate grows with the batch, 0.016 at 256 images.
    optimizer: { ...optimizer, lr: optimizer.lr ?? (0.016 * parsed.data.batchSize) / 256 } as TrainConfig['optimizer'],
  }
}

/** `model: b0` leads to the full name at once. */
export function withFullName(problem: Problem): Problem {
  const { path: keys, shorthand } = problem
  const last = keys.at(-1)
  if (shorthand?.key !== 'name' || (last !== 'model' && last !== 'base')) return problem
  const value = fullName(shorthand.value) ?? nearest(shorthand.value, list()) ?? shorthand.value
  const better = { ...shorthand, value, isGuess: value !== shorthand.value }
  return { ...problem, shorthand: better, hint: mappingHint(last, better) }
}

export type Checked = { config: TrainConfig; problems?: undefined } | { config?: undefined; problems: Problem[] }

/**
 * Checks a raw configuration as a whole.
 *
 * @param raw what a YAML file, or a caller, wrote
 * @param baseOf the folder that the path at a dotted key is relative to; the working directory unless given
 */
export function checkConfig(raw: unknown, baseOf: (key: string) => string = () => process.cwd()): Checked {
  const parsed = trainConfigSchema.safeParse(raw)
  const problems = parsed.success ? [] : problemsOf(trainConfigSchema, parsed.error, raw).map(withFullName)
  // A key that is wrong by itself says enough; the cross-check would repeat it.
  const told = new Set(problems.map((problem) => problem.path.join('.')))
  problems.push(...crossCheck(raw).filter((problem) => !told.has(problem.path.join('.'))))
  if (problems.length > 0 || !parsed.success) return { problems }
  return { config: resolve(parsed.data, baseOf) }
}

/**
 * The configuration of `train()` given as an object: the same defaults and errors as a file's, without positions.
 * Relative data paths are relative to the working directory.
 *
 * @throws {MbconvError} ERR_CONFIG naming every wrong key, one a line
 */
export function parseConfig(config: TrainConfigInput): TrainConfig {
  const checked = checkConfig(config)
  if (checked.config) return checked.config
  const lines = problemTexts(checked.problems)
  throw new MbconvError('ERR_CONFIG', lines.join('\n'), {
    hint: checked.problems.length === 1 ? checked.problems[0].hint : undefined,
  })
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
