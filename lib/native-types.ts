/**
 * Signatures of the addon's exports, as native/ binds them. Nothing outside lib/ sees these: the public face of each is
 * the method or function of the same name.
 */
import type { MbconvError } from './errors'
import type { Tensor } from './tensor/tensor'
import type { Device, DType, MemoryFormat, TypedArray } from './tensor/types'

type Maybe<T> = T | null | undefined
type Operand = Tensor | number | bigint | boolean
type Scalar = number | bigint | boolean
/** A number, or a floating-point tensor without dimensions that holds it. */
export type Rate = number | Tensor
type Unary = (input: Tensor) => Tensor
type Binary = (input: Tensor, other: Operand) => Tensor
type Conv = (
  input: Tensor,
  weight: Tensor,
  bias: Maybe<Tensor>,
  stride: number[],
  padding: number[],
  dilation: number[],
  groups: number,
) => Tensor
type ConvTranspose = (
  input: Tensor,
  weight: Tensor,
  bias: Maybe<Tensor>,
  stride: number[],
  padding: number[],
  outputPadding: number[],
  groups: number,
  dilation: number[],
) => Tensor

// What only the addon makes and only the addon can look into.
declare const opaque: unique symbol
export interface CudaStream {
  readonly [opaque]: 'stream'
}
export interface CudaEvent {
  readonly [opaque]: 'event'
}
export interface CudaGraph {
  readonly [opaque]: 'graph'
}

export interface Native {
  registerClasses(tensorClass: typeof Tensor, errorClass: typeof MbconvError): void
  /** Every export with its arguments' names: [name, argument, …]. */
  signatures(): string[][]

  // tensor.cc
  shape(t: Tensor): number[]
  strides(t: Tensor): number[]
  ndim(t: Tensor): number
  numel(t: Tensor): number
  dtype(t: Tensor): DType
  device(t: Tensor): Device
  isContiguous(t: Tensor, format: MemoryFormat): boolean
  memoryFormat(t: Tensor): MemoryFormat
  to(
    t: Tensor,
    dtype: Maybe<DType>,
    device: Maybe<Device>,
    format: Maybe<MemoryFormat>,
    copy: boolean,
    nonBlocking?: boolean,
  ): Tensor
  contiguous(t: Tensor, format: MemoryFormat): Tensor
  clone(t: Tensor, format?: MemoryFormat): Tensor
  detach(t: Tensor): Tensor
  item(t: Tensor): number | bigint | boolean
  fromTypedArray(data: TypedArray, shape: number[], dtype: Maybe<DType>, device: Device): Tensor
  toTypedArray(t: Tensor): TypedArray
  toTypedArrayAsync(t: Tensor): Promise<TypedArray>

  // scope.cc
  enterScope(): void
  exitScope(survivors: Tensor[]): void
  scopeDepth(): number
  keep(t: Tensor): void
  dispose(t: Tensor): void
  isDisposed(t: Tensor): boolean
  isTensor(value: unknown): boolean
  liveTensors(): number
  setStrict(on: boolean): void
  setTracking(on: boolean): void
  liveTensorList(): [dtype: DType, shape: number[], device: Device, bytes: number, op: string, stack: string][]
  memoryUsage(device: Maybe<Device>): [tensors: number, bytes: number]

  // transfer.cc
  sendTensor(t: Tensor): number
  receiveTensor(number: number): Tensor
  cancelTensor(number: number): boolean
  tensorsInTransit(): [tensors: number, bytes: number]

  // create.cc
  empty(shape: number[], dtype: DType, device: Device, requiresGrad: boolean, format?: Maybe<MemoryFormat>): Tensor
  zeros(shape: number[], dtype: DType, device: Device, requiresGrad: boolean): Tensor
  full(shape: number[], value: Scalar, dtype: DType, device: Device, requiresGrad: boolean): Tensor
  arange(start: Scalar, end: Scalar, step: Scalar, dtype: DType, device: Device): Tensor
  linspace(start: Scalar, end: Scalar, steps: number, dtype: DType, device: Device): Tensor
  eye(rows: number, columns: number, dtype: DType, device: Device): Tensor
  emptyLike(t: Tensor, dtype?: DType, device?: Device): Tensor
  fullLike(t: Tensor, value: Scalar, dtype?: DType, device?: Device): Tensor

  // random.cc
  rand(shape: number[], dtype: DType, device: Device, requiresGrad: boolean): Tensor
  randn(shape: number[], dtype: DType, device: Device, requiresGrad: boolean): Tensor
  randint(low: number, high: number, shape: number[], dtype: DType, device: Device): Tensor
  randperm(n: number, dtype: DType, device: Device): Tensor
  bernoulli: Unary
  uniform_(t: Tensor, low: number, high: number): void
  normal_(t: Tensor, mean: number, std: number): void
  dropout(t: Tensor, p: number, training: boolean): Tensor
  dropPath(t: Tensor, p: number, training: boolean): Tensor
  seedGenerator(seed: number | bigint): void
  manualSeed(seed: number | bigint): void
  getRandomState(device: Device): Tensor
  setRandomState(state: Tensor, device: Device): void

  // ops_math.cc
  neg: Unary
  abs: Unary
  exp: Unary
  expm1: Unary
  log: Unary
  log1p: Unary
  log2: Unary
  sqrt: Unary
  rsqrt: Unary
  square: Unary
  reciprocal: Unary
  sigmoid: Unary
  tanh: Unary
  sin: Unary
  cos: Unary
  erf: Unary
  floor: Unary
  ceil: Unary
  trunc: Unary
  sign: Unary
  isnan: Unary
  isfinite: Unary
  logicalNot: Unary
  round: Unary
  add(t: Tensor, other: Operand, alpha: Scalar): Tensor
  sub(t: Tensor, other: Operand, alpha: Scalar): Tensor
  mul: Binary
  div: Binary
  floorDivide: Binary
  remainder: Binary
  pow: Binary
  maximum: Binary
  minimum: Binary
  eq: Binary
  ne: Binary
  lt: Binary
  le: Binary
  gt: Binary
  ge: Binary
  logicalAnd: Binary
  logicalOr: Binary
  logicalXor: Binary
  add_(t: Tensor, other: Operand, alpha: Scalar): void
  sub_(t: Tensor, other: Operand, alpha: Scalar): void
  mul_(t: Tensor, other: Operand): void
  div_(t: Tensor, other: Operand): void
  fill_(t: Tensor, value: Scalar): void
  zero_(t: Tensor): void
  copy_(t: Tensor, source: Tensor, nonBlocking?: boolean): void
  lerp_(t: Tensor, end: Tensor, weight: number): void
  sigmoid_(t: Tensor): void
  clamp(t: Tensor, min: Maybe<Scalar>, max: Maybe<Scalar>): Tensor
  clamp_(t: Tensor, min: Maybe<Scalar>, max: Maybe<Scalar>): void
  where(condition: Tensor, input: Operand, other: Operand): Tensor
  sum(t: Tensor, dim: Maybe<number[]>, keepdim: boolean, dtype?: DType): Tensor
  mean(t: Tensor, dim: Maybe<number[]>, keepdim: boolean, dtype?: DType): Tensor
  var(t: Tensor, dim: Maybe<number[]>, correction: number, keepdim: boolean): Tensor
  std(t: Tensor, dim: Maybe<number[]>, correction: number, keepdim: boolean): Tensor
  prod(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  amax(t: Tensor, dim: number[], keepdim: boolean): Tensor
  amin(t: Tensor, dim: number[], keepdim: boolean): Tensor
  argmax(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  argmin(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  all(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  any(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  norm(t: Tensor, p: number, dim: number[], keepdim: boolean): Tensor
  logsumexp(t: Tensor, dim: number[], keepdim: boolean): Tensor
  cumsum(t: Tensor, dim: number): Tensor
  softmax(t: Tensor, dim: number): Tensor
  logSoftmax(t: Tensor, dim: number): Tensor
  topk(t: Tensor, k: number, dim: number, largest: boolean): [Tensor, Tensor]
  sort(t: Tensor, dim: number, descending: boolean): [Tensor, Tensor]
  equal(t: Tensor, other: Tensor): boolean
  allclose(t: Tensor, other: Tensor, rtol: number, atol: number, equalNan: boolean): boolean
  bincount(t: Tensor, minLength: number): Tensor
  oneHot(t: Tensor, classes: number): Tensor

  // ops_shape.cc
  view(t: Tensor, shape: number[]): Tensor
  reshape(t: Tensor, shape: number[]): Tensor
  permute(t: Tensor, dims: number[]): Tensor
  transpose(t: Tensor, dim0: number, dim1: number): Tensor
  squeeze(t: Tensor, dim?: number): Tensor
  unsqueeze(t: Tensor, dim: number): Tensor
  expand(t: Tensor, shape: number[]): Tensor
  flatten(t: Tensor, startDim: number, endDim: number): Tensor
  flip(t: Tensor, dims: number[]): Tensor
  roll(t: Tensor, shifts: number[], dims: number[]): Tensor
  repeat(t: Tensor, repeats: number[]): Tensor
  narrow(t: Tensor, dim: number, start: number, length: number): Tensor
  select(t: Tensor, dim: number, index: number): Tensor
  slice(t: Tensor, dim: number, start: Maybe<number>, end: Maybe<number>, step: number): Tensor
  index(t: Tensor, indices: Maybe<Tensor>[]): Tensor
  indexPut_(t: Tensor, indices: Maybe<Tensor>[], values: Operand, accumulate: boolean): void
  indexSelect(t: Tensor, dim: number, indices: Tensor): Tensor
  gather(t: Tensor, dim: number, indices: Tensor): Tensor
  scatter(t: Tensor, dim: number, indices: Tensor, source: Operand): Tensor
  maskedFill(t: Tensor, mask: Tensor, value: Scalar): Tensor
  maskedSelect(t: Tensor, mask: Tensor): Tensor
  nonzero: Unary
  tril(t: Tensor, diagonal: number): Tensor
  triu(t: Tensor, diagonal: number): Tensor
  cat(tensors: Tensor[], dim: number): Tensor
  stack(tensors: Tensor[], dim: number): Tensor
  split(t: Tensor, sizes: number[], dim: number): Tensor[]
  chunk(t: Tensor, chunks: number, dim: number): Tensor[]
  unbind(t: Tensor, dim: number): Tensor[]

  // linalg.cc
  matmul(t: Tensor, other: Tensor): Tensor
  bmm(t: Tensor, other: Tensor): Tensor
  outer(t: Tensor, other: Tensor): Tensor
  dot(t: Tensor, other: Tensor): Tensor
  addmm(t: Tensor, left: Tensor, right: Tensor, beta: Scalar, alpha: Scalar): Tensor
  einsum(equation: string, operands: Tensor[]): Tensor
  inv: Unary
  det: Unary
  solve(t: Tensor, right: Tensor): Tensor
  cholesky: Unary
  qr(t: Tensor): [Tensor, Tensor]
  svd(t: Tensor): [Tensor, Tensor, Tensor]
  eigh(t: Tensor): [Tensor, Tensor]

  // conv.cc
  conv1d: Conv
  conv2d: Conv
  conv3d: Conv
  convTranspose1d: ConvTranspose
  convTranspose2d: ConvTranspose
  convTranspose3d: ConvTranspose

  // norm.cc
  batchNorm(
    t: Tensor,
    weight: Maybe<Tensor>,
    bias: Maybe<Tensor>,
    runningMean: Maybe<Tensor>,
    runningVar: Maybe<Tensor>,
    training: boolean,
    momentum: number,
    eps: number,
  ): Tensor
  instanceNorm(t: Tensor, weight: Maybe<Tensor>, bias: Maybe<Tensor>, eps: number): Tensor
  groupNorm(t: Tensor, groups: number, weight: Maybe<Tensor>, bias: Maybe<Tensor>, eps: number): Tensor
  layerNorm(t: Tensor, shape: number[], weight: Maybe<Tensor>, bias: Maybe<Tensor>, eps: number): Tensor

  // nn.cc
  linear(t: Tensor, weight: Tensor, bias: Maybe<Tensor>): Tensor
  pad(t: Tensor, amounts: number[], mode: string, value: Maybe<number>): Tensor
  maxPool2d(
    t: Tensor,
    kernel: number[],
    stride: number[],
    padding: number[],
    dilation: number[],
    ceilMode: boolean,
  ): Tensor
  avgPool2d(
    t: Tensor,
    kernel: number[],
    stride: number[],
    padding: number[],
    ceilMode: boolean,
    countIncludePad: boolean,
  ): Tensor
  adaptiveAvgPool2d(t: Tensor, size: number[]): Tensor
  interpolate(t: Tensor, size: number[], mode: string, alignCorners: boolean, antialias: boolean): Tensor
  gelu(t: Tensor, approximate: string): Tensor
  leakyRelu(t: Tensor, slope: number): Tensor
  elu(t: Tensor, alpha: number): Tensor
  softplus(t: Tensor, beta: number, threshold: number): Tensor
  mish: Unary
  embedding(weight: Tensor, indices: Tensor): Tensor
  pixelShuffle(t: Tensor, factor: number): Tensor
  silu: Unary
  silu_(t: Tensor): void
  relu: Unary
  relu_(t: Tensor): void
  relu6: Unary
  relu6_(t: Tensor): void
  hardswish: Unary
  hardswish_(t: Tensor): void
  hardsigmoid: Unary
  hardsigmoid_(t: Tensor): void

  // loss.cc
  crossEntropy(
    logits: Tensor,
    target: Tensor,
    weight: Maybe<Tensor>,
    reduction: string,
    ignoreIndex: number,
    labelSmoothing: number,
  ): Tensor
  nllLoss(t: Tensor, target: Tensor, weight: Maybe<Tensor>, reduction: string, ignoreIndex: number): Tensor
  binaryCrossEntropyWithLogits(
    t: Tensor,
    target: Tensor,
    weight: Maybe<Tensor>,
    posWeight: Maybe<Tensor>,
    reduction: string,
  ): Tensor
  binaryCrossEntropy(t: Tensor, target: Tensor, weight: Maybe<Tensor>, reduction: string): Tensor
  mseLoss(t: Tensor, target: Tensor, reduction: string): Tensor
  l1Loss(t: Tensor, target: Tensor, reduction: string): Tensor
  smoothL1Loss(t: Tensor, target: Tensor, reduction: string, beta: number): Tensor
  huberLoss(t: Tensor, target: Tensor, reduction: string, delta: number): Tensor
  klDiv(t: Tensor, target: Tensor, reduction: string, logTarget: boolean): Tensor

  // autograd.cc
  requiresGrad(t: Tensor): boolean
  setRequiresGrad(t: Tensor, value: boolean): void
  isLeaf(t: Tensor): boolean
  grad(t: Tensor): Tensor | null
  setGrad(t: Tensor, gradient: Maybe<Tensor>): void
  backward(outputs: Tensor[], gradients: Maybe<Tensor>[], retainGraph: Maybe<boolean>, createGraph: boolean): void
  gradients(
    outputs: Tensor[],
    inputs: Tensor[],
    gradients: Maybe<Tensor>[],
    retainGraph: Maybe<boolean>,
    createGraph: boolean,
    allowUnused: boolean,
  ): (Tensor | null)[]
  setGradEnabled(enabled: boolean): boolean
  isGradEnabled(): boolean
  enterInferenceMode(): void
  exitInferenceMode(): void

  // function.cc
  applyFunction(
    forward: (inputs: Tensor[]) => Tensor[],
    backward: (gradients: Tensor[]) => Maybe<Tensor>[],
    inputs: Tensor[],
  ): Tensor[]

  // amp.cc
  enterAutocast(device: Device, enabled: boolean, dtype: DType): [enabled: boolean, dtype: DType]
  exitAutocast(device: Device, enabled: boolean, dtype: DType): void
  isAutocastEnabled(device: Device): boolean
  unscaleGradients(parameters: Tensor[], foundInf: Tensor, inverseScale: Tensor): void

  // optim.cc
  rmspropTfStep(
    parameters: Tensor[],
    squareAverages: Tensor[],
    momentumBuffers: Tensor[],
    lr: Rate,
    alpha: number,
    momentum: number,
    eps: number,
    weightDecay: number,
  ): void
  sgdStep(
    parameters: Tensor[],
    momentumBuffers: Tensor[],
    lr: Rate,
    momentum: number,
    nesterov: boolean,
    weightDecay: number,
  ): void
  adamwStep(
    parameters: Tensor[],
    averages: Tensor[],
    squareAverages: Tensor[],
    step: Rate,
    lr: Rate,
    beta1: number,
    beta2: number,
    eps: number,
    weightDecay: number,
  ): void
  emaUpdate(averages: Tensor[], sources: Tensor[], decay: Rate): void
  clipGradNorm(parameters: Tensor[], maxNorm: number): Tensor
  zeroGrad(parameters: Tensor[]): void

  // scenes.cc
  renderScenes(out: Uint8Array, kinds: Uint8Array, seed: number, first: number, size: number, noise: number): void

  // dispatch.cc
  callOp(name: string, args: unknown[], kwargs?: object): unknown
  opSchemas(name: string): string[]

  // device.cc
  compiledVersion(): string
  loadedVersion(): string
  cpuCapability(): string
  setNumThreads(threads: number): void
  getNumThreads(): number
  setDeterministic(on: boolean): void
  isDeterministic(): boolean
  allocatorBytes(): [live: number, cached: number, peak: number, requests: number]
  trimMemory(): void

  // cuda.cc; a device left out is the current one
  cudaIsBuilt(): boolean
  cudaIsAvailable(): boolean
  cudaDeviceCount(): number
  isPinned(t: Tensor): boolean
  pinMemory(t: Tensor): Tensor
  cudaDeviceProperties(
    device?: number,
  ): [name: string, major: number, minor: number, multiProcessors: number, totalMemory: number]
  cudaCurrentDevice(): number
  cudaSetDevice(device: number): void
  cudaSynchronize(device?: number): void
  cudaSynchronizeAsync(device?: number): Promise<void>
  cudaStream(device: Maybe<number>, highPriority: boolean): CudaStream
  cudaCurrentStream(device?: number): CudaStream
  cudaDefaultStream(device?: number): CudaStream
  cudaSetStream(stream: CudaStream): void
  cudaStreamDevice(stream: CudaStream): number
  cudaStreamEquals(stream: CudaStream, other: CudaStream): boolean
  cudaStreamQuery(stream: CudaStream): boolean
  cudaStreamSynchronize(stream: CudaStream): void
  cudaStreamSynchronizeAsync(stream: CudaStream): Promise<void>
  cudaStreamWaitEvent(stream: CudaStream, event: CudaEvent): void
  cudaStreamWaitStream(stream: CudaStream, other: CudaStream): void
  cudaRecordStream(t: Tensor, stream: CudaStream): void
  cudaEvent(timing: boolean): CudaEvent
  cudaEventRecord(event: CudaEvent, stream?: CudaStream): void
  cudaEventQuery(event: CudaEvent): boolean
  cudaEventSynchronize(event: CudaEvent): void
  cudaEventSynchronizeAsync(event: CudaEvent): Promise<void>
  cudaEventElapsed(start: CudaEvent, end: CudaEvent): number
  cudaEventDispose(event: CudaEvent): void
  cudaMemoryStats(
    device?: number,
  ): [allocated: number, reserved: number, maxAllocated: number, maxReserved: number, free: number, total: number]
  cudaResetPeakMemory(device?: number): void
  cudaEmptyCache(): void
  cudaGetFlag(name: string): boolean
  cudaSetFlag(name: string, on: boolean): void

  // graph.cc
  cudaGraph(): CudaGraph
  cudaGraphBegin(graph: CudaGraph): void
  cudaGraphEnd(graph: CudaGraph): void
  cudaGraphAbandon(graph: CudaGraph): void
  cudaGraphReplay(graph: CudaGraph): void
  cudaGraphDispose(graph: CudaGraph): void
}
