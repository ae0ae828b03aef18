/** Tensor: n-dimensional arrays on a device, with reverse-mode differentiation. */

import { native, registerTensorClass } from '../../native/addon'
import { requireCuda } from '../../native/cuda'
import type { Device, DType, Element, MemoryFormat, NestedArray, TypedArray } from '../../native/types'
import { Parts } from '../methods/parts'
import { inspectTensor } from './inspect'
import { nest } from './nested'

/**
 * Made by `tensor()`, `zeros()` … and by every operation. Its memory belongs to libtorch. `dispose()`, the end of its
 * `scope()`, or `using` frees it; garbage collection is only a backstop.
 */
export class Tensor extends Parts {
  // The addon makes the instances. One made here would have no native tensor, and every use of it would throw.
  private constructor() {
    super()
  }

  // --- what it is ----------------------------------------------------------------------------------------------------

  get shape(): number[] {
    return native().shape(this)
  }
  /** For each dimension, the elements to skip in memory for one step along it. */
  get strides(): number[] {
    return native().strides(this)
  }
  get ndim(): number {
    return native().ndim(this)
  }
  /** Number of elements. */
  get numel(): number {
    return native().numel(this)
  }
  get dtype(): DType {
    return native().dtype(this)
  }
  get device(): Device {
    return native().device(this)
  }
  /** The layout that convolutions assume. If both layouts hold (one channel, one pixel), the strides decide. */
  get memoryFormat(): MemoryFormat {
    return native().memoryFormat(this)
  }
  isContiguous({ memoryFormat = 'contiguous' }: { memoryFormat?: MemoryFormat } = {}): boolean {
    return native().isContiguous(this, memoryFormat)
  }

  // --- its data ------------------------------------------------------------------------------------------------------

  /** The only element: a number, a boolean, or a BigInt beyond ±2^53. Waits for the device. */
  item(): Element {
    return native().item(this)
  }
  /** As {@link item}, waiting off the JavaScript thread. */
  async itemAsync(): Promise<Element> {
    if (this.numel !== 1) return this.item() // throws the error
    const { dtype } = this
    return nest(await native().toTypedArrayAsync(this), [], dtype) as Element
  }
  /** Nested arrays of numbers (int64: BigInts beyond ±2^53; bool: booleans). Waits for the device. */
  toArray(): NestedArray<Element> {
    return nest(this.toTypedArray(), this.shape, this.dtype)
  }
  async toArrayAsync(): Promise<NestedArray<Element>> {
    const { shape, dtype } = this
    return nest(await native().toTypedArrayAsync(this), shape, dtype)
  }
  /**
   * A copy of the elements in row-major order. int64 gives a BigInt64Array, bool a Uint8Array, float16 and bfloat16 a
   * Uint16Array of their bits. Waits for the device.
   */
  toTypedArray(): TypedArray {
    return native().toTypedArray(this)
  }
  async toTypedArrayAsync(): Promise<TypedArray> {
    return native().toTypedArrayAsync(this)
  }
  /** A copy with memory of its own. */
  clone({ memoryFormat = 'preserve' }: { memoryFormat?: MemoryFormat } = {}): Tensor {
    return native().clone(this, memoryFormat)
  }
  /**
   * The same elements with another dtype, device or layout. Shares memory if nothing has to change.
   *
   * @param options.nonBlocking From pinned host memory to a GPU, or to the host: as for copy_().
   */
  to(options: {
    dtype?: DType
    device?: Device
    memoryFormat?: MemoryFormat
    copy?: boolean
    nonBlocking?: boolean
  }): Tensor {
    const { dtype, device, memoryFormat, copy = false, nonBlocking = false } = options
    return native().to(this, dtype, device, memoryFormat, copy, nonBlocking)
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
  contiguous({ memoryFormat = 'contiguous' }: { memoryFormat?: MemoryFormat } = {}): Tensor {
    return native().contiguous(this, memoryFormat)
  }

  // --- its life ------------------------------------------------------------------------------------------------------

  /** Frees the tensor now. Repeated calls are harmless. Gradients that need its values still have them. */
  dispose(): void {
    native().dispose(this)
  }
  [Symbol.dispose](): void {
    native().dispose(this)
  }
  get isDisposed(): boolean {
    return native().isDisposed(this)
  }

  // --- gradients -----------------------------------------------------------------------------------------------------

  get requiresGrad(): boolean {
    return native().requiresGrad(this)
  }
  set requiresGrad(value: boolean) {
    native().setRequiresGrad(this, value)
  }
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
  detach(): Tensor {
    return native().detach(this)
  }
  /**
   * Accumulates d(this)/d(leaf) in the `grad` of every leaf that requires it.
   *
   * @param gradient The incoming gradient, of this shape. Optional for a single element (then 1).
   * @throws MbconvError ERR_AUTOGRAD when nothing here requires a gradient, or an earlier pass has freed the graph.
   */
  backward(gradient?: Tensor | null, options: { retainGraph?: boolean; createGraph?: boolean } = {}): void {
    native().backward([this], [gradient], options.retainGraph, options.createGraph ?? false)
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return inspectTensor(this)
  }
}

registerTensorClass(Tensor)

type ThisClass = Tensor // inside the declaration below, Tensor means the type declared there

declare module '../../native/types' {
  interface Registered {
    tensor: ThisClass
  }
}
