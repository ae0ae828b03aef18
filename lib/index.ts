/** The whole public surface of mbconv. */
import { Network } from './models/network/network'
import { faceOf } from './public-face'
import { Predictor as PredictorClass } from './serving/predictor'

export { type ConfigSource, parseConfigFile } from './config/file'
export { parseConfig, type TrainConfig, type TrainConfigInput, trainConfigSchema } from './config/train'
export * as cuda from './cuda'
export * as data from './data'
export type { DecodeOptions, NamedBytes } from './data/images/image-file'
export type { Region } from './data/images/placement'
export type { Views } from './data/images/views'
export { type ErrorCode, MbconvError, type MemoryShortage } from './errors/error'
export * as experiment from './experiment'
export type { EachImageOptions, ImageSource, ImageSources, Unreadable } from './inference/each-image'
export { type Embedding, embedEach } from './inference/embed'
export { type EvaluateRunOptions, evaluateRun, type RunEvaluation } from './inference/evaluate'
export { type ExplainOptions, type Explanation, explainImage } from './inference/explain'
export { type ExportRunOptions, exportRun } from './inference/export'
export {
  type Guess,
  type PredictedLabel,
  type Prediction,
  type PredictOptions,
  predictEach,
  predictImages,
} from './inference/predict'
export * as io from './io'
export * as models from './models'
export type { Confidence } from './models/export/confidence'
export type { Task } from './models/export/task'
export {
  type AllocatorStatistics,
  allocatorStatistics,
  cpuKernels,
  getNumThreads,
  isDeterministic,
  setDeterministic,
  setNumThreads,
  trimMemory,
  versions,
} from './native/runtime'
export * from './native/types'
export * as nn from './nn/layers'
export * as optim from './optim'
export type { Precision } from './optim/precision'
export type { StopReason, StopSignal } from './process/stop-reason'
export {
  type EmbedRequestOptions,
  loadPredictor,
  type Predictor,
  type PredictorImage,
  type PredictorOptions,
  type PredictRequestOptions,
} from './serving/predictor'
export { type AutocastOptions, autocast, isAutocastEnabled } from './tensor/core/autocast'
export { enableGrad, type GradOptions, grad, inferenceMode, isGradEnabled, noGrad } from './tensor/core/autograd'
export { autogradFunction, type FunctionContext, type FunctionDefinition } from './tensor/core/autograd-function'
export {
  arange,
  asTensor,
  empty,
  emptyLike,
  eye,
  fromTypedArray,
  full,
  fullLike,
  isTensor,
  linspace,
  logspace,
  ones,
  onesLike,
  rand,
  randint,
  randLike,
  randn,
  randnLike,
  randperm,
  type TriangleOptions,
  tensor,
  trilIndices,
  triuIndices,
  zeros,
  zerosLike,
} from './tensor/core/create'
export * as debug from './tensor/core/debug'
export { type FloatInfo, finfo, type IntegerInfo, iinfo } from './tensor/core/dtype-info'
export { getRandomState, manualSeed, setRandomState } from './tensor/core/random'
// `checkpoint` is PyTorch's name of `recompute`: the same function.
export { recompute, recompute as checkpoint } from './tensor/core/recompute'
export { keep, type MemoryUsage, memory, scope } from './tensor/core/scope'
export { Tensor } from './tensor/core/tensor'
export * as threads from './tensor/core/transfer'
export type { NanOptions, Operand } from './tensor/methods/arithmetic'
export type { IndexPart } from './tensor/methods/indexing'
export type { ScatterReduceOptions } from './tensor/methods/inplace'
export type { DiagonalOptions } from './tensor/methods/parts'
export type {
  Along,
  AlongOptions,
  DiffOptions,
  MomentOptions,
  QuantileOptions,
  SortOptions,
  Unique,
  UniqueOptions,
} from './tensor/methods/reductions'
export {
  blockDiag,
  broadcastTensors,
  cartesianProd,
  cat,
  columnStack,
  dstack,
  hstack,
  meshgrid,
  oneHot,
  searchsorted,
  stack,
  vstack,
  where,
} from './tensor/ops/combining'
export { complex, polar, viewAsComplex, viewAsReal } from './tensor/ops/complex'
export { callOp, opNames, opSchemas } from './tensor/ops/dispatch'
export * as fft from './tensor/ops/fft'
export * as foreach from './tensor/ops/foreach'
export * as linalg from './tensor/ops/linalg'
export { einsum } from './tensor/ops/linalg'
export { bernoulli, multinomial, normal, poisson, standardGamma } from './tensor/ops/sampling'
export type { LoggedTraining, OpenTrainLogger, TrainLogger } from './train/record/caller-loggers'
export type {
  CheckpointEvent,
  ClassEvaluation,
  EndEvent,
  EvalEvent,
  Evaluation,
  LabelFigures,
  MultiLabelEvaluation,
  PerClass,
  RunFacts,
  StartEvent,
  StepEvent,
  TrainEvent,
  TrainResult,
  WarningEvent,
} from './train/record/events'
export type { ClassFigures, Figures, MultiLabelFigures, Score } from './train/run/score'
export { type TrainOptions, type TrainRun, train } from './train/train'

// Nothing without a code leaves any of these.
const face = faceOf(exports, [Network, PredictorClass])
// `import mb from` of TypeScript and Babel, compiled to CommonJS, looks here.
module.exports = Object.defineProperty(face, 'default', { value: face })
