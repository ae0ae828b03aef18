/**
 * Signatures of the addon's exports, as native/ binds them. Those that compute are in operations.ts. Nothing outside
 * lib/ sees these: the public API has a method or function of the same name for each.
 */
import type { MbconvError } from '../errors/error'
import type { NativeOperations } from './operations'
import type { Device, DType, Layout, MemoryFormat, Tensor, TypedArray } from './types'

type Maybe<T> = T | null | undefined
type Scalar = number | bigint | boolean
/** A number, or a floating-point tensor without dimensions that holds it. */
export type Rate = number | Tensor

// Objects that only the addon makes and can look into.
declare const opaque: unique symbol
/** A stream of the addon. @internal */
export interface CudaStream {
  readonly [opaque]: 'stream'
}
/** An event of the addon. @internal */
export interface CudaEvent {
  readonly [opaque]: 'event'
}
/** A graph of the addon. @internal */
export interface CudaGraph {
  readonly [opaque]: 'graph'
}
/** A function that sees the gradient of a tensor. */
export interface TensorHook {
  readonly [opaque]: 'tensor hook'
}

/** libjpeg-turbo, loaded. */
export interface JpegLibrary {
  readonly [opaque]: 'JPEG library'
}
/** Threads that load photographs, and what they make of them. */
export interface PhotoLoaderHandle {
  readonly [opaque]: 'photo loader'
}
/** An epoch that is being loaded. */
export interface PhotoRun {
  readonly [opaque]: 'photo run'
}

/** A network planned for prediction. */
export interface PlanHandle {
  readonly [opaque]: 'plan'
}

/** A class whose instances the addon makes. */
// biome-ignore lint/complexity/noBannedTypes: its constructor is private
export type TensorClass = Function & { prototype: Tensor }

export interface Native extends NativeOperations {
  /** Called once. Until then operations that make a tensor fail. */
  registerTensorClass(tensorClass: TensorClass): void
  /** Called once. */
  registerErrorClass(errorClass: typeof MbconvError): void
  /** Called once, with what gets libtorch's warnings. Until then they are dropped. */
  registerWarningListener(listener: (message: string) => void): void
  /** Every export with its arguments' names: [name, argument, …]. */
  signatures(): string[][]

  // native/plan/binding.cc
  makePlan(layers: readonly number[], tensors: readonly Tensor[]): PlanHandle
  runPlan(plan: PlanHandle, images: Tensor): Tensor
  profilePlan(
    plan: PlanHandle,
    images: Tensor,
    runs: number,
  ): [kernel: string, shape: string, flops: number, seconds: number][]
  dropPlan(plan: PlanHandle): void
  disposePlan(plan: PlanHandle): void
  planBytes(plan: PlanHandle): number | bigint
  cpuKernels(): string
  availableCpuKernels(): string[]

  // native/ops/tensor.cc
  shape(t: Tensor): number[]
  strides(t: Tensor): number[]
  ndim(t: Tensor): number
  numel(t: Tensor): number
  dtype(t: Tensor): DType
  device(t: Tensor): Device
  layout(t: Tensor): Layout
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
  detach_(t: Tensor): void
  toDense(t: Tensor): Tensor
  toSparse(t: Tensor): Tensor
  coalesce(t: Tensor): Tensor
  sparseIndices(t: Tensor): Tensor
  sparseValues(t: Tensor): Tensor
  item(t: Tensor): number | bigint | boolean

  // native/ops/typed-array.cc
  fromTypedArray(data: TypedArray, shape: number[], dtype: Maybe<DType>, device: Device): Tensor
  toTypedArray(t: Tensor): TypedArray
  toTypedArrayAsync(t: Tensor): Promise<TypedArray>

  // native/autograd/scope.cc
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

  // native/device/memory.cc
  releaseBytes(bytes: Uint8Array): void
  returnFreeMemory(): void

  // native/ops/transfer.cc
  sendTensor(t: Tensor): number
  receiveTensor(number: number): Tensor
  cancelTensor(number: number): boolean
  tensorsInTransit(): [tensors: number, bytes: number]

  // native/ops/create.cc
  empty(shape: number[], dtype: DType, device: Device, requiresGrad: boolean, format?: Maybe<MemoryFormat>): Tensor
  zeros(shape: number[], dtype: DType, device: Device, requiresGrad: boolean): Tensor
  full(shape: number[], value: Scalar, dtype: DType, device: Device, requiresGrad: boolean): Tensor
  arange(start: Scalar, end: Scalar, step: Scalar, dtype: DType, device: Device): Tensor
  linspace(start: Scalar, end: Scalar, steps: number, dtype: DType, device: Device): Tensor
  logspace(start: Scalar, end: Scalar, steps: number, base: number, dtype: DType, device: Device): Tensor
  trilIndices(rows: number, columns: number, offset: number, device: Device): Tensor
  triuIndices(rows: number, columns: number, offset: number, device: Device): Tensor
  eye(rows: number, columns: number, dtype: DType, device: Device): Tensor
  emptyLike(t: Tensor, dtype?: DType, device?: Device): Tensor
  fullLike(t: Tensor, value: Scalar, dtype?: DType, device?: Device): Tensor

  // native/autograd/autograd.cc
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

  // native/autograd/custom-function.cc
  applyFunction(
    forward: (inputs: Tensor[]) => [outputs: Tensor[], saved: Tensor[]],
    backward: (gradients: (Tensor | null)[], saved: Tensor[]) => Maybe<Tensor>[],
    inputs: Tensor[],
    zeros: boolean,
  ): Tensor[]

  // native/autograd/hooks.cc
  registerHook(t: Tensor, hook: (gradient: Tensor) => Maybe<Tensor>): TensorHook
  removeHook(hook: TensorHook): void
  retainGrad(t: Tensor): void
  retainsGrad(t: Tensor): boolean

  // native/autograd/mixed-precision.cc
  enterAutocast(device: Device, enabled: boolean, dtype: DType): [enabled: boolean, dtype: DType]
  exitAutocast(device: Device, enabled: boolean, dtype: DType): void
  isAutocastEnabled(device: Device): boolean
  unscaleGradients(parameters: Tensor[], foundInf: Tensor, inverseScale: Tensor): void

  // native/train/optim.cc
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
  clipGradNorm(parameters: Tensor[], maxNorm: number, normType: number, errorIfNonfinite: boolean): Tensor
  zeroGrad(parameters: Tensor[]): void

  // native/data/scenes.cc
  renderScenes(out: Uint8Array, kinds: Uint8Array, seed: bigint, first: number, size: number, noise: number): void

  // native/data/loader.cc
  loadJpegLibrary(paths: string[]): JpegLibrary
  describeJpegLibrary(library: JpegLibrary): [path: string, minor: number]
  decodeJpeg(library: JpegLibrary, bytes: Uint8Array): Promise<Tensor>
  resizePixels(image: Tensor, size: number[], filter: string, box: number[]): Tensor
  photoLoader(
    library: Maybe<JpegLibrary>,
    threads: number,
    seed: bigint,
    size: number[],
    crop: string,
    scale: number[],
    ratio: number[],
    shorter: number,
    fill: number[],
    interpolation: string,
    flip: number,
    mostBytes: number,
    colorManagement: boolean,
  ): PhotoLoaderHandle
  photoCrop(
    loader: PhotoLoaderHandle,
    epoch: number,
    sample: number,
    height: number,
    width: number,
  ): [left: number, top: number, width: number, height: number, bicubic: number, flipped: number]
  photoRun(): PhotoRun
  cancelPhotoRun(run: PhotoRun): void
  loadPhotos(
    loader: PhotoLoaderHandle,
    run: PhotoRun,
    out: Tensor,
    epoch: number,
    files: string[],
    offsets: number[],
    lengths: number[],
    heights: number[],
    widths: number[],
    memory: Uint8Array,
    samples: number[],
    programs: Float64Array,
    programEnds: number[],
  ): Promise<[position: number, kind: number, reason: string][]>
  finishPhoto(
    loader: PhotoLoaderHandle,
    out: Tensor,
    position: number,
    epoch: number,
    sample: number,
    pixels: Uint8Array,
    height: number,
    width: number,
    channels: number,
    program: Float64Array,
  ): Promise<void>
  closePhotoLoader(loader: PhotoLoaderHandle): Promise<void>
  // native/data/augment.cc
  augmentImages(images: Tensor, programs: Float64Array, offsets: Int32Array): void
  /** The operations of programs in the order of their opcodes, from 1: [name, operand, …]. */
  augmentOpcodes(): string[][]

  // native/ops/dispatch.cc
  callOp(name: string, args: unknown[], kwargs?: object): unknown
  opNames(): string[]
  opSchemas(name: string): string[]

  // native/device/runtime.cc
  compiledVersion(): string
  loadedVersion(): string
  cpuCapability(): string
  setNumThreads(threads: number): void
  setOwnNumThreads(threads: number): void
  getNumThreads(): number
  setDeterministic(on: boolean): void
  isDeterministic(): boolean
  /** Whether the caching allocator, which counts, is in use. */
  countsCpuMemory(): boolean
  allocatorBytes(): [live: number, cached: number, peak: number, requests: number]
  trimMemory(): void

  // native/device/cuda.cc; a device left out is the current one
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

  // native/device/graph.cc
  cudaGraph(): CudaGraph
  cudaGraphBegin(graph: CudaGraph): void
  cudaGraphEnd(graph: CudaGraph): void
  cudaGraphAbandon(graph: CudaGraph): void
  cudaGraphReplay(graph: CudaGraph): void
  cudaGraphDispose(graph: CudaGraph): void
}
