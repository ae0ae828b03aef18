/** The whole public surface of mbconv. */
import { Network } from './models/network'
import { faceOf } from './public-face'

export * as cuda from './cuda'
export * as data from './data'
export * as debug from './debug'
export { type ErrorCode, MbconvError, type MemoryShortage } from './errors'
export * as experiment from './experiment'
export * as io from './io'
export * as models from './models'
export * as nn from './nn'
export * as optim from './optim'
export {
  type AllocatorStatistics,
  allocatorStatistics,
  getNumThreads,
  isDeterministic,
  setDeterministic,
  setNumThreads,
  trimMemory,
  versions,
} from './runtime'
export type { NanOptions, Operand } from './tensor/arithmetic'
export { type AutocastOptions, autocast, isAutocastEnabled } from './tensor/autocast'
export { enableGrad, type GradOptions, grad, inferenceMode, isGradEnabled, noGrad } from './tensor/autograd'
export {
  arange,
  empty,
  emptyLike,
  eye,
  fromTypedArray,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  rand,
  randint,
  randLike,
  randn,
  randnLike,
  randperm,
  tensor,
  zeros,
  zerosLike,
} from './tensor/create'
export { callOp, opNames, opSchemas } from './tensor/dispatch'
export * as foreach from './tensor/foreach'
export { autogradFunction, checkpoint, type FunctionContext, type FunctionDefinition } from './tensor/function'
export type { IndexPart } from './tensor/indexing'
export type { ScatterReduceOptions } from './tensor/inplace'
export * as linalg from './tensor/linalg'
export { einsum } from './tensor/linalg'
export {
  bernoulli,
  blockDiag,
  broadcastTensors,
  cartesianProd,
  cat,
  dstack,
  hstack,
  meshgrid,
  multinomial,
  normal,
  oneHot,
  poisson,
  searchsorted,
  stack,
  standardGamma,
  vstack,
  where,
} from './tensor/ops'
export type { DiagonalOptions } from './tensor/parts'
export { getRandomState, manualSeed, setRandomState } from './tensor/random'
export type {
  Along,
  AlongOptions,
  DiffOptions,
  MomentOptions,
  QuantileOptions,
  SortOptions,
  Unique,
  UniqueOptions,
} from './tensor/reductions'
export { keep, memory, scope } from './tensor/scope'
export { Tensor } from './tensor/tensor'
export * as threads from './tensor/transfer'
export * from './tensor/types'
export { parseConfig, type TrainConfig, type TrainConfigInput, trainConfigSchema } from './train/config'
export { type ConfigSource, parseConfigFile } from './train/config-file'
export { type EvaluateRunOptions, evaluateRun, type RunEvaluation } from './train/evaluate'
export type { StopReason, TrainEvent, TrainResult } from './train/events'
export { type ExplainOptions, type Explanation, explainImage } from './train/explain'
export { type ExportRunOptions, exportRun } from './train/export'
export {
  type Guess,
  type ImageSource,
  type Prediction,
  type PredictOptions,
  predictEach,
  predictImages,
  type Unreadable,
} from './train/predict'
export { type TrainOptions, type TrainRun, train } from './train/train'

// Nothing without a code leaves any of these.
const face = faceOf(exports, [Network])
// `import mb from` of TypeScript and Babel, compiled to CommonJS, looks here.
module.exports = Object.defineProperty(face, 'default', { value: face })
