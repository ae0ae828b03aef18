/** Tensor: n-dimensional arrays on a device, with reverse-mode differentiation. */

import { checkFunction } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { refusePromise } from '../../errors/promise'
import { native, registerTensorClass } from '../../native/addon'
import { requireCuda } from '../../native/cuda'
import type {
  Device,
  DType,
  Element,
  ElementOf,
  FloatDType,
  Layout,
  MemoryFormat,
  MemoryFormatOptions,
  NestedArray,
  TypedArray,
} from '../../native/types'
import { Forms } from '../methods/forms'
import { type HookHandle, hookHandle } from './hook-handle'
import { inspectTensor } from './inspect'
import { nest } from './nested'
import { rowsOf, toJson, toPrimitive, UNCLONEABLE } from './values'

/** Tensors that this thread has made so far. */
let made = 0

/** The options of {@link Tensor.backward}. */
export interface BackwardOptions {
  /** Whether the graph can be used again. Default: as `createGraph`. */
  retainGraph?: boolean
  /** Whether the gradients get a graph of their own, for second derivatives. Default false. */
  createGraph?: boolean
}

/** The options of {@link Tensor.to}. */
export interface ToOptions<D extends DType = DType> {
  /** The dtype of the result. Default: unchanged. */
  dtype?: D
  /** The device of the result. Default: unchanged. */
  device?: Device
  /** How the result lies in memory. Default `preserve`. */
  memoryFormat?: MemoryFormat
  /** Whether to copy even where nothing changes. Default false. */
  copy?: boolean
  /** Whether a copy between pinned memory and a GPU returns before it is done. Default false. */
  nonBlocking?: boolean
}

/**
 * Made by `tensor()`, `zeros()` … and by every operation. Its memory belongs to libtorch. `dispose()`, the end of its
 * `scope()`, or `using` frees it; garbage collection is only a backstop.
 */
export class Tensor<D extends DType = DType> extends Forms {
  // The addon makes the instances. One made here would have no native tensor, and every use of it would throw.
  private constructor() {
    super()
  }

  /**
   * A number that no other tensor of this thread has. `assert.deepStrictEqual` and other functions that compare objects
   * see only own properties: so different tensors differ for them. `equal()` and `allclose()` compare elements.
   */
  readonly id: number = ++made
  /** Makes `structuredClone` and `postMessage`, which would copy a tensor without its elements, throw ERR_TYPE. */
  readonly uncloneable: object = UNCLONEABLE

  // --- what it is ----------------------------------------------------------------------------------------------------

  /** Its sizes, the outermost dimension first; empty for a single number. */
  get shape(): number[] {
    return native().shape(this)
  }
  /** For each dimension, the elements to skip in memory for one step along it. */
  get strides(): number[] {
    return native().strides(this)
  }
  /** Number of its dimensions. */
  get ndim(): number {
    return native().ndim(this)
  }
  /** Number of elements. */
  get numel(): number {
    return native().numel(this)
  }
  /** The type of its elements. */
  get dtype(): D {
    return native().dtype(this) as D
  }
  /** Where it is: `cpu`, `cuda:0`. */
  get device(): Device {
    return native().device(this)
  }
  /** How the elements lie in memory: `strided` for all tensors but sparse ones. */
  get layout(): Layout {
    return native().layout(this)
  }
  /** Whether it holds coordinates and values of only the elements that are not 0. */
  get isSparse(): boolean {
    return native().layout(this) === 'sparseCoo'
  }
  /** Whether its memory is on a GPU. */
  get isCuda(): boolean {
    return native().device(this).startsWith('cuda')
  }
  /** Bytes of all its elements. */
  get nbytes(): number {
    return this.numel * this.elementSize()
  }
  /** The layout that convolutions assume. If both layouts hold (one channel, one pixel), the strides decide. */
  get memoryFormat(): MemoryFormat {
    return native().memoryFormat(this)
  }
  /** Whether its elements lie in memory in the order of their indices, without gaps. */
  isContiguous({ memoryFormat = 'contiguous' }: MemoryFormatOptions = {}): boolean {
    return native().isContiguous(this, memoryFormat)
  }

  // --- its data ------------------------------------------------------------------------------------------------------

  /** The only element: a number, a boolean, or a BigInt beyond ±2^53. Waits for the device. */
  item(): ElementOf<D> {
    return native().item(this) as ElementOf<D>
  }
  /** As {@link item}, waiting off the JavaScript thread. */
  async itemAsync(): Promise<ElementOf<D>> {
    if (this.numel !== 1) return this.item() // throws the error
    const { dtype } = this
    return nest(await native().toTypedArrayAsync(this), [], dtype) as ElementOf<D>
  }
  /** Nested arrays of numbers (int64: BigInts beyond ±2^53; bool: booleans). Waits for the device. */
  toArray(): NestedArray<ElementOf<D>> {
    return nest(this.toTypedArray(), this.shape, this.dtype) as NestedArray<ElementOf<D>>
  }
  /** As {@link Tensor.toArray}, without blocking the thread while a GPU computes. */
  async toArrayAsync(): Promise<NestedArray<ElementOf<D>>> {
    const { shape, dtype } = this
    return nest(await native().toTypedArrayAsync(this), shape, dtype) as NestedArray<ElementOf<D>>
  }
  /**
   * A copy of the elements in row-major order. int64 gives a BigInt64Array, bool a Uint8Array, float16 and bfloat16 a
   * Uint16Array of their bits. Waits for the device.
   */
  toTypedArray(): TypedArray {
    return native().toTypedArray(this)
  }
  /** As {@link Tensor.toTypedArray}, without blocking the thread while a GPU computes. */
  async toTypedArrayAsync(): Promise<TypedArray> {
    return native().toTypedArrayAsync(this)
  }
  /** A copy with memory of its own. */
  clone({ memoryFormat = 'preserve' }: MemoryFormatOptions = {}): Tensor<D> {
    return native().clone(this, memoryFormat) as Tensor<D>
  }
  /**
   * The same elements with another dtype, device or layout. Shares memory if nothing has to change.
   *
   * @param options.nonBlocking From pinned host memory to a GPU, or to the host: as for copy_().
   */
  to<To extends DType = D>(options: ToOptions<To>): Tensor<To>
  /** To a dtype. */
  to<To extends DType>(dtype: To): Tensor<To>
  /** To the dtype and the device of another tensor. */
  to<To extends DType>(other: Tensor<To>): Tensor<To>
  /** To a device. */
  to(device: Device): Tensor<D>
  to<To extends DType = D>(target: ToOptions<To> | string | Tensor): Tensor<To> {
    const options = typeof target === 'string' ? named(target) : target
    if (options instanceof Tensor)
      return native().to(this, options.dtype, options.device, undefined, false, false) as Tensor<To>
    const { dtype, device, memoryFormat, copy = false, nonBlocking = false } = options
    return native().to(this, dtype, device, memoryFormat, copy, nonBlocking) as Tensor<To>
  }
  /**
   * A copy in page-locked host memory. A GPU can fetch from it while the host goes on.
   *
   * @throws MbconvError ERR_CUDA_UNAVAILABLE with the reason, without a GPU
   */
  pinMemory(): Tensor {
    return requireCuda('pinMemory').pinMemory(this)
  }
  /** Whether its memory is page-locked. */
  get isPinned(): boolean {
    return native().isPinned(this)
  }
  /** This tensor if it is contiguous, or else a contiguous copy. */
  contiguous({ memoryFormat = 'contiguous' }: MemoryFormatOptions = {}): Tensor<D> {
    return native().contiguous(this, memoryFormat) as Tensor<D>
  }

  // --- its life ------------------------------------------------------------------------------------------------------

  /** Frees the tensor now. Repeated calls are harmless. Gradients that need its values still have them. */
  dispose(): void {
    native().dispose(this)
  }
  [Symbol.dispose](): void {
    native().dispose(this)
  }
  /** Whether its memory has been given back. Every other use is then ERR_DISPOSED. */
  get isDisposed(): boolean {
    return native().isDisposed(this)
  }

  // --- gradients -----------------------------------------------------------------------------------------------------

  /** Whether operations on it are recorded for gradients. */
  get requiresGrad(): boolean {
    return native().requiresGrad(this)
  }
  set requiresGrad(value: boolean) {
    native().setRequiresGrad(this, value)
  }
  /** Sets {@link Tensor.requiresGrad} and returns the tensor. */
  requiresGrad_(value = true): this {
    native().setRequiresGrad(this, value)
    return this
  }
  /** Whether the user made it, and not a recorded operation. Gradients accumulate in leaves. */
  get isLeaf(): boolean {
    return native().isLeaf(this)
  }
  /** The gradient that backward() has accumulated, or null. Every read returns a new handle. */
  get grad(): Tensor | null {
    return native().grad(this)
  }
  set grad(gradient: Tensor | null) {
    native().setGrad(this, gradient)
  }
  /** The same elements, detached from the graph. */
  detach(): Tensor<D> {
    return native().detach(this) as Tensor<D>
  }
  /** Detaches this tensor itself from the graph that made it. Views cannot be detached. */
  detach_(): this {
    native().detach_(this)
    return this
  }
  /**
   * Accumulates d(this)/d(leaf) in the `grad` of every leaf that requires it.
   *
   * @param gradient The incoming gradient, of this shape. Optional for a single element (then 1).
   * @throws MbconvError ERR_AUTOGRAD when nothing here requires a gradient, or an earlier pass has freed the graph.
   */
  backward(gradient?: Tensor | null, options: BackwardOptions = {}): void {
    native().backward([this], [gradient], options.retainGraph, options.createGraph ?? false)
  }

  /**
   * Calls `hook` with the gradient of this tensor whenever a backward pass computes it, before it is accumulated in
   * `grad` or passed on. A tensor that the hook returns replaces the gradient; null and undefined leave it unchanged.
   * Hooks run in the order of their registration. The gradient belongs to the scope in which backward() was called.
   *
   * Hooks run on the JavaScript thread, so this works for CPU tensors only. What a hook throws leaves backward()
   * unchanged. An in-place operation on the tensor keeps earlier hooks at the gradient of the earlier value.
   *
   * @param hook gets a tensor of this shape; returns one of the same shape, dtype and device, or nothing
   * @throws MbconvError ERR_AUTOGRAD if the tensor does not require a gradient; in backward(): ERR_TYPE, ERR_SHAPE for
   *   what the hook returned, ERR_SCOPE for a promise, ERR_NOT_IMPLEMENTED for a gradient on a GPU
   */
  registerHook(hook: (gradient: Tensor) => Tensor | null | undefined): HookHandle {
    const op = 'registerHook'
    checkFunction(op, 'hook', hook)
    const registered = native().registerHook(this, (gradient) => {
      const replacement = hook(gradient)
      refusePromise(replacement, op)
      return replacement
    })
    return hookHandle(() => native().removeHook(registered))
  }
  /**
   * Makes backward() store the gradient of this tensor in `grad` even though it is the result of an operation. Does
   * nothing for a leaf.
   *
   * @throws MbconvError ERR_AUTOGRAD if the tensor does not require a gradient
   */
  retainGrad(): void {
    native().retainGrad(this)
  }
  /** Whether {@link retainGrad} was called for this tensor. False for a leaf. */
  get retainsGrad(): boolean {
    return native().retainsGrad(this)
  }

  // --- parts that are properties in PyTorch: views, a new handle with every read -------------------------------------

  /** The real parts of complex elements. Of a real tensor, the tensor. */
  get real(): Tensor {
    return native().real(this)
  }
  /**
   * The imaginary parts of complex elements.
   *
   * @throws MbconvError for a real tensor
   */
  get imag(): Tensor {
    return native().imag(this)
  }
  /**
   * Transpose of a matrix.
   *
   * @throws MbconvError ERR_SHAPE unless there are two dimensions: {@link mT} takes batches of matrices
   */
  get T(): Tensor {
    return native().transpose(asMatrix(this, 'T'), 0, 1)
  }
  /** Conjugate transpose of a matrix. */
  get H(): Tensor {
    return asMatrix(this, 'H').mH
  }
  /** Transpose of the last two dimensions. */
  get mT(): Tensor {
    return native().transpose(this, -2, -1)
  }
  /** Conjugate transpose of the last two dimensions. */
  get mH(): Tensor {
    const transposed = native().transpose(this, -2, -1)
    const result = native().conj(transposed)
    native().dispose(transposed)
    return result
  }

  // --- as a JavaScript value -----------------------------------------------------------------------------------------

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return inspectTensor(this)
  }
  /** The text that console.log prints. */
  override toString(): string {
    return inspectTensor(this)
  }
  /** What JSON.stringify writes: nested arrays of numbers, as {@link toArray}. Waits for the device. */
  toJSON(): NestedArray<Element> {
    return toJson(this)
  }
  /**
   * The slices along the first dimension, as `unbind()` gives them. Made one at a time.
   *
   * @throws MbconvError ERR_SHAPE without dimensions
   */
  [Symbol.iterator](): IterableIterator<Tensor> {
    return rowsOf(this)
  }
  /**
   * `${t}` gives the printed text, and Number(t) the only element. `+`, `==` and `<` take the element of a tensor of one
   * element. Waits for the device.
   *
   * @throws MbconvError ERR_TYPE for an operator on a tensor of several elements
   */
  [Symbol.toPrimitive](hint: string): string | Element {
    return toPrimitive(this, hint)
  }
}

function asMatrix(t: Tensor, op: string): Tensor {
  if (t.ndim === 2) return t
  throw new MbconvError('ERR_SHAPE', `${op}: takes a matrix, got ${t.ndim} dimensions`, {
    op,
    hint: 'mT swaps the last two dimensions, and permute() takes any order',
  })
}

/** What a text for {@link Tensor.to} names: devices are cpu and cuda, with a number or without. */
const named = (target: string): ToOptions =>
  /^(cpu|cuda)(:|$)/.test(target) ? { device: target } : { dtype: target as DType }

registerTensorClass(Tensor)

// Inside the declaration below, Tensor means the type declared there.
type ThisClass = Tensor
type OfFloats = Tensor<FloatDType>
type OfBooleans = Tensor<'bool'>
type OfIndices = Tensor<'int64'>

declare module '../../native/types' {
  interface Registered {
    /** The class of tensors. @internal */
    tensor: ThisClass
    /** @internal */
    float: OfFloats
    /** @internal */
    bool: OfBooleans
    /** @internal */
    index: OfIndices
  }
}
