/**
 * The schema of training configurations: the keys, their units and their defaults.
 *
 * The defaults are the recipe of the EfficientNet paper (arXiv:1905.11946) as in its published code. Optimisers,
 * schedules, losses and data sets describe their own options; this file combines them from their registries. Nothing
 * here loads native code.
 */
import { z } from 'zod'
import { AUGMENTATIONS } from '../data/augment/kinds'
import { MOST_REPEATS, SAMPLERS } from '../data/batches/order'
import { FITS } from '../data/images/preprocessing'
import { DEFAULT_DATASET, datasetFields } from '../data/sources/kinds'
import { GLOBAL_POOL_NAMES } from '../models/arch/choices'
import { TASKS } from '../models/export/task'
import type { ModelName } from '../models/families/catalogue'
import { BACKENDS } from '../models/network/backend'
import { PROFILE_NAMES } from '../models/network/profiles'
import { criterionFields } from '../optim/criteria/kinds'
import { DEFAULT_OPTIMIZER, OPTIMIZERS, type OptimizerConfig } from '../optim/kinds'
import { alpha, mixSchema } from '../optim/mixing/mix'
import { PRECISIONS } from '../optim/precision'
import { DEFAULT_SCHEDULE, SCHEDULES } from '../optim/schedules/kinds'
import { METRICS } from '../optim/schedules/schedule'
import { count, fraction, LARGEST, positive, resolution, seedSchema } from '../schema/fields'
import { schemasOf } from '../schema/kinds'
import { logSchema } from './loggers'
import { RECIPE_NAMES } from './recipes'

const channels = (min: number) => z.int().min(min).max(1_000_000)
const perChannel = (value: z.ZodType<number, number>, what: string) =>
  z
    .union([value, z.array(value).min(1)])
    .nullable()
    .default(null)
    .describe(`${what} of the input in 0..1, one number or one a channel; null: the training set's own`)

const model = z.strictObject({
  name: (z.string().min(1) as unknown as z.ZodType<ModelName, ModelName>).describe(
    "architecture, one of those `mbconv models` lists; also in short, b0, and timm's and torchvision's names",
  ),
  stem: channels(1).nullable().default(null).describe("channels behind the stem; null: the architecture's"),
  stages: z
    .array(z.string().max(100))
    .min(1)
    .max(100)
    .nullable()
    .default(null)
    .describe("stages in place of the architecture's, as `mbconv models NAME --config` writes them"),
  head: channels(0).nullable().default(null).describe("channels of the head, 0: none; null: the architecture's"),
  globalPool: z
    .enum(GLOBAL_POOL_NAMES)
    .nullable()
    .default(null)
    .describe(
      "what the last feature map is reduced to: avg, max, avgmax (their mean), catavgmax (both); null: the architecture's",
    ),
  width: z.number().positive().default(1).describe("factor on the architecture's channels"),
  depth: z.number().positive().default(1).describe("factor on the architecture's layers per stage"),
  resolution: resolution(8, 4096)
    .nullable()
    .default(null)
    .describe("input side, px, or [height, width]; null: the architecture's"),
  divisor: channels(1).default(8).describe('channels are rounded to multiples of this'),
  profile: z
    .enum(PROFILE_NAMES)
    .nullable()
    .default(null)
    .describe(
      'whose padding, batch-norm epsilon and batch-norm momentum to use; null: those of the weights, else those that the name implies, tf for tf_efficientnet_b0, else paper',
    ),
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
      'weights to begin with: a .safetensors or .pth file, or the name of published weights; null: drawn from the seed',
    ),
  weightsEntry: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('which weights of a file that has several (state_dict); null: the averaged ones, where there are such'),
  weightsProfile: z
    .enum([...PROFILE_NAMES, 'as-is'])
    .nullable()
    .default(null)
    .describe(
      "the profile of a file of weights that does not tell it; as-is: load them under the model's, whatever theirs is",
    ),
  freeze: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('last part that keeps its weights, 0: the stem, 1: the first stage …; null: all are trained'),
  recompute: z
    .enum(['none', 'blocks', 'stages'])
    .default('none')
    .describe('whose activations are computed again for the gradient in place of being kept: less memory, more time'),
})

const range = (least: number, most: number) =>
  z
    .tuple([z.number().positive().max(most), z.number().positive().max(most)])
    .refine(([from, to]) => from <= to, 'must be [least, most]')
    .prefault([least, Math.min(most, 1 / least)])

/** As in the paper and in torchvision's RandomResizedCrop. */
const crop = z.strictObject({
  scale: range(0.08, 1).describe('area of the part, as shares of the image'),
  ratio: range(3 / 4, 100).describe('width of the part divided by its height'),
})

const augment = z.strictObject({
  rotate: z.number().min(0).max(180).default(0).describe('largest rotation either way, degrees'),
  translate: z.number().min(0).max(1).default(0).describe('largest shift either way, fraction of the side'),
  scale: fraction().default(0).describe('largest change of size either way, fraction'),
  shear: z.number().min(0).lt(90).default(0).describe('largest shear either way, degrees'),
  flip: z.boolean().default(false).describe('mirror half of the images left to right'),
  crop: crop
    .nullable()
    .default(null)
    .describe('which random part of an image file is shown; null: the defaults below, or all of it with fit: stretch'),
  operations: z
    .array(z.discriminatedUnion('name', schemasOf(AUGMENTATIONS)))
    .max(8)
    .default([])
    .describe(
      'what else is done with the pixels of an image file, in this order: a policy, colorJitter, randomErasing',
    ),
  mix: mixSchema.prefault({}).describe('mixup and CutMix: images of a batch are mixed with each other'),
})

const WITH_FIRST = 'with the first images, which grows with them to its own value; null: its own value throughout'

const progressive = z.strictObject({
  from: z
    .int()
    .min(8)
    .max(4096)
    .describe("side of the first images, px, of rectangles the shorter one; the last have the model's resolution"),
  stages: z.int().min(2).max(100).default(4).describe('number of sizes, for equal shares of the epochs'),
  magnitude: z.number().min(0).max(100).nullable().default(null).describe(`magnitude of randAugment ${WITH_FIRST}`),
  mixup: alpha().nullable().default(null).describe(`data.augment.mix.mixup ${WITH_FIRST}`),
  cutmix: alpha().nullable().default(null).describe(`data.augment.mix.cutmix ${WITH_FIRST}`),
  dropout: fraction().nullable().default(null).describe(`model.dropout ${WITH_FIRST}`),
})

const datasets = datasetFields()

const data = z.strictObject({
  dataset: z.enum(datasets.names).default(DEFAULT_DATASET).describe(datasets.summary),
  ...datasets.keys,
  batchSize: count().default(64).describe('images in a training step'),
  evalBatchSize: count().default(256).describe('images in an evaluation step'),
  sampler: z
    .enum(SAMPLERS)
    .default('shuffle')
    .describe('shuffle: every image once an epoch; balanced: as many from each class'),
  repeats: z
    .int()
    .min(1)
    .max(MOST_REPEATS)
    .default(1)
    .describe('repeated augmentation: how often each image of an epoch comes; the epoch keeps its length'),
  augment: augment.prefault({}).describe('random changes of training images'),
  progressive: progressive.nullable().default(null).describe('begin with smaller images; null: one size throughout'),
  fit: z
    .enum(FITS)
    .nullable()
    .default(null)
    .describe(
      'how an image file becomes an input. crop: a random part in training, the centre in evaluation; pad: all of it, with the mean colour around it; stretch: all of it, in the shape of the input; squash: a random part, and the centre after stretching; null: as the weights were, else crop',
    ),
  cropShare: z
    .number()
    .positive()
    .max(1)
    .nullable()
    .default(null)
    .describe('side of the evaluated centre, share of the shorter side; null: as the weights were, else 0.875'),
  interpolation: z
    .enum(['bilinear', 'bicubic'])
    .nullable()
    .default(null)
    .describe('how image files are resized; null: as the weights were, else bicubic'),
  colorManagement: z.boolean().default(false).describe('apply the colour profiles of image files'),
  maxUnreadable: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('image files that may be left out because they cannot be read; null: 1 % of them, at least 10'),
  loaderThreads: z
    .int()
    .min(0)
    .max(256)
    .nullable()
    .default(null)
    .describe('threads that decode image files; null: one less than the machine has, at least 1'),
  mean: perChannel(z.number().min(-LARGEST).max(LARGEST), 'mean'),
  std: perChannel(positive(), 'standard deviation'),
})

/** By dotted key, the default `name` of a mapping that a configuration omits: see overrides.ts. */
export const namedDefaults: ReadonlyMap<string, string> = new Map([
  ['optimizer', DEFAULT_OPTIMIZER],
  ['schedule', DEFAULT_SCHEDULE],
])

const ema = z.strictObject({
  decay: fraction().default(0.9999).describe('how much of the average a step keeps'),
  warmup: z.boolean().default(true).describe('keep min(decay, (1 + t) / (10 + t)) at step t, so that it starts fast'),
  rule: z
    .enum(['tensorflow', 'timm'])
    .default('tensorflow')
    .describe('timm: keep nothing at step 0, and in the warm-up min(decay, 1 - (1 + t)^(-2/3))'),
})

const earlyStopping = z.strictObject({
  metric: z
    .enum(METRICS)
    .default('top1')
    .describe('the result of evaluations that must improve; mAP with task: multiLabel'),
  patience: count().default(10).describe('evaluations in a row without an improvement that end the run'),
  minDelta: z.number().min(0).max(1e9).default(0).describe('an improvement must be larger'),
})

const checkpoint = z.strictObject({
  everyEpochs: count().default(1).describe('epochs between two checkpoints'),
  everySteps: count().nullable().default(null).describe('steps between two checkpoints, besides; null: none'),
  keep: count().default(3).describe('newest checkpoints to keep'),
  best: z.int().min(0).default(1).describe('checkpoints of the best evaluations to keep besides; 0: none'),
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

/** The schema itself, for tools: `z.toJSONSchema(trainConfigSchema, {io: 'input'})` enables completion in editors. */
export const trainConfigSchema = z.strictObject({
  recipe: z
    .enum(RECIPE_NAMES)
    .nullable()
    .default(null)
    .describe('how to train where other keys do not say it: a file of configs/recipes; null: as the paper'),
  task: z
    .enum(TASKS)
    .default('classification')
    .describe('classification: an image has one class; multiLabel: any number of labels'),
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
  precision: z
    .enum(['auto', ...PRECISIONS])
    .default('float32')
    .describe('of forward pass and loss; auto: bf16 on a GPU that has it, else float32'),
  backend: z
    .enum(BACKENDS)
    .default('auto')
    .describe(
      "on the CPU in float32: native kernels, or libtorch's operations (composite); auto: native where possible",
    ),
  cudaGraph: z
    .union([z.boolean(), z.literal('auto')])
    .default(false)
    .describe('replay the training step as one CUDA graph; auto: where that is possible'),
  model: model.describe('the network, and the weights it begins with'),
  data: data.prefault({}).describe('the images, and how they become inputs'),
  optimizer: z
    .discriminatedUnion('name', schemasOf(OPTIMIZERS))
    .prefault({ name: DEFAULT_OPTIMIZER })
    .describe('how gradients change the weights'),
  schedule: z
    .discriminatedUnion('name', schemasOf(SCHEDULES))
    .prefault({ name: DEFAULT_SCHEDULE })
    .describe('the learning rate over time'),
  ema: z
    .union([z.literal(false), ema])
    .prefault({})
    .describe('moving average of the weights, used to evaluate'),
  ...criterionFields(),
  accumulate: count()
    .max(100_000)
    .default(1)
    .describe('batches whose gradients are averaged for one update, which counts as one step'),
  clipGradNorm: positive().nullable().default(null).describe('largest gradient norm; null: no limit'),
  clipGradValue: positive().nullable().default(null).describe('largest element of a gradient; null: no limit'),
  clipGradAgc: positive()
    .nullable()
    .default(null)
    .describe("largest ratio of a channel's gradient norm to its weights' norm, the classifier apart; null: no limit"),
  epochs: count().describe('passes over the training set'),
  maxSteps: count().nullable().default(null).describe('end after so many steps, if that is sooner; null: no limit'),
  evalEveryEpochs: count().default(1).describe('epochs between two evaluations'),
  earlyStopping: earlyStopping
    .nullable()
    .default(null)
    .describe('end the run when evaluations stop improving; null: go on to the end'),
  checkpoint: checkpoint.prefault({}).describe('what a run saves, and when'),
  onDivergence: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('when the loss is not a number: stop the run, or skip the step, as long as most steps go well'),
  run: run.prefault({}).describe('where the run is stored'),
  log: logSchema.prefault({}).describe('what else records the run, besides metrics.jsonl'),
})

/** A configuration whose values are valid one by one. Values that follow from other keys are not filled in. */
export type ParsedConfig = z.output<typeof trainConfigSchema>

/** The input of `train()`: everything except `model.name` and `epochs` has a default. */
export type TrainConfigInput = z.input<typeof trainConfigSchema>

/**
 * A complete configuration: every default filled in, data paths absolute. Plain data, suitable for JSON and for a
 * worker.
 */
export type TrainConfig = Omit<ParsedConfig, 'optimizer' | 'model'> & {
  optimizer: OptimizerConfig
  model: Omit<ParsedConfig['model'], 'dropPath'> & { dropPath: number }
}
