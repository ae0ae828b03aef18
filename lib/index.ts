/** The whole public surface of mbconv. */
export * as cuda from './cuda'
export { type ErrorCode, MbconvError } from './errors'
export * as nn from './nn'
export { allocatorStatistics, getNumThreads, setNumThreads, trimMemory, versions } from './runtime'
export type { Operand } from './tensor/arithmetic'
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
export { callOp, opSchemas } from './tensor/dispatch'
export type { IndexPart } from './tensor/indexing'
export { bernoulli, cat, oneHot, stack, where } from './tensor/ops'
export { getRandomState, manualSeed, setRandomState } from './tensor/random'
export { keep, memory, scope } from './tensor/scope'
export { Tensor } from './tensor/tensor'
export * from './tensor/types'
