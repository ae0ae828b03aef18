/** Tensor: n-dimensional arrays on a device, with reverse-mode differentiation. */
import { requireCuda } from '../cuda/available'
import { native } from '../native'
import { Arithmetic, type Operand } from './arithmetic'
import { type IndexPart, indexTensor, resolveIndex } from './indexing'
import { inspectTensor } from './inspect'
import { nest } from './nested'
import type { Device, DType, Element, MemoryFormat, NestedArray, TypedArray } from './types'

/**
 * Made by `tensor()`, `zeros()` … and by every operation. Its memory belongs to libtorch: it is freed by `dispose()`, by
 * leaving the `scope()` it was made in, or by `using`; garbage collection is only a backstop.
 */
export class Tensor extends Arithmetic {
  // The addon makes the instances; one made here would have no tensor behind it, and every use of it says so.
  private constructor() {
    super()
  }

  // --- what it is -------------------------------------------------------------------------------------------------------

  get shape(): number[] {
    return native().shape(this)
  }
  /** Elements to step over in memory for one step along each dimension. */
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
  /** The layout that convolutions take it for; where both hold (one channel, one pixel) the strides decide. */
  get memoryFormat(): MemoryFormat {
    return native().memoryFormat(this)
  }
  isContiguous({ memoryFormat = 'contiguous' }: { memoryFormat?: MemoryFormat } = {}): boolean {
    return native().isContiguous(this, memoryFormat)
  }

  // --- its data ---------------------------------------------------------------------------------------------------------

  /** The only element: a number, a boolean, or a BigInt beyond ±2^53. Waits for the device. */
  item(): Element {
    return native().item(this)
  }
  /** As {@link item}, waiting off the JavaScript thread. */
  async itemAsync(): Promise<Element> {
    if (this.numel !== 1) return this.item() // throws the error that says so
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
   * The same elements with another dtype, device or layout; shares memory when nothing has to change.
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
   * A copy in page-locked host memory, from which a GPU can fetch while the host goes on.
   *
   * @throws MbconvError ERR_CUDA_UNAVAILABLE, with the reason, where there is no GPU
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

  // --- its life -----------------------------------------------------------------------------------------------------------

  /** Frees it now. Doing so twice is harmless; gradients that need its values still have them. */
  dispose(): void {
    native().dispose(this)
  }
  [Symbol.dispose](): void {
    native().dispose(this)
  }
  get isDisposed(): boolean {
    return native().isDisposed(this)
  }

  // --- gradients ----------------------------------------------------------------------------------------------------------

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
  /** Whether it was made by the user, not by a recorded operation: gradients accumulate in leaves. */
  get isLeaf(): boolean {
    return native().isLeaf(this)
  }
  /** What backward() has accumulated, or null. Every read gives a handle of its own. */
  get grad(): Tensor | null {
    return native().grad(this)
  }
  set grad(gradient: Tensor | null) {
    native().setGrad(this, gradient)
  }
  /** The same elements, cut off from the graph. */
  detach(): Tensor {
    return native().detach(this)
  }
  /**
   * Accumulates d(this)/d(leaf) in the `grad` of every leaf that requires it.
   *
   * @param gradient What arrives from above, of this shape; may be left out for a single element (then 1).
   * @throws MbconvError ERR_AUTOGRAD when nothing here requires a gradient, or the graph has been used up.
   */
  backward(gradient?: Tensor | null, options: { retainGraph?: boolean; createGraph?: boolean } = {}): void {
    native().backward([this], [gradient], options.retainGraph, options.createGraph ?? false)
  }

  // --- shape: views where possible ------------------------------------------------------------------------------------------

  /** Another shape over the same memory; one size may be −1. */
  view(shape: number[]): Tensor {
    return native().view(this, shape)
  }
  /** As {@link view}, copying where the layout does not allow a view. */
  reshape(shape: number[]): Tensor {
    return native().reshape(this, shape)
  }
  permute(dims: number[]): Tensor {
    return native().permute(this, dims)
  }
  transpose(dim0: number, dim1: number): Tensor {
    return native().transpose(this, dim0, dim1)
  }
  /** Transpose of a matrix. */
  t(): Tensor {
    return native().transpose(this, 0, 1)
  }
  /** Without the dimensions of size 1, or without `dim` if it is one. */
  squeeze(dim?: number): Tensor {
    return native().squeeze(this, dim)
  }
  unsqueeze(dim: number): Tensor {
    return native().unsqueeze(this, dim)
  }
  /** Repeats dimensions of size 1 without copying; −1 keeps a size. */
  expand(shape: number[]): Tensor {
    return native().expand(this, shape)
  }
  flatten(startDim = 0, endDim = -1): Tensor {
    return native().flatten(this, startDim, endDim)
  }
  flip(dims: number[]): Tensor {
    return native().flip(this, dims)
  }
  roll(shifts: number[], dims: number[]): Tensor {
    return native().roll(this, shifts, dims)
  }
  /** Tiles it, copying. */
  repeat(repeats: number[]): Tensor {
    return native().repeat(this, repeats)
  }

  // --- parts ----------------------------------------------------------------------------------------------------------------

  narrow(dim: number, start: number, length: number): Tensor {
    return native().narrow(this, dim, start, length)
  }
  /** One index of a dimension, which disappears. */
  select(dim: number, index: number): Tensor {
    return native().select(this, dim, index)
  }
  slice({ dim = 0, start, end, step = 1 }: { dim?: number; start?: number; end?: number; step?: number } = {}): Tensor {
    return native().slice(this, dim, start, end, step)
  }
  /**
   * NumPy-style indexing, an entry a dimension: a number; `{start, end, step}`; `':'` for all; `'...'` for as many as
   * are left out; `null` for a new dimension; an int64 tensor or a bool mask.
   */
  index(...parts: IndexPart[]): Tensor {
    return indexTensor(this, parts)
  }
  /** Writes `values` (broadcast) into what {@link index} would give. */
  indexPut_(parts: IndexPart[], values: Operand, { accumulate = false } = {}): this {
    const { view, tensors } = resolveIndex(this, parts)
    if (tensors.length > 0) native().indexPut_(view, tensors, values, accumulate)
    else if (accumulate) native().add_(view, values, 1)
    else if (values instanceof Tensor) native().copy_(view, values)
    else native().fill_(view, values)
    if (view !== this) view.dispose()
    return this
  }
  indexSelect(dim: number, indices: Tensor): Tensor {
    return native().indexSelect(this, dim, indices)
  }
  gather(dim: number, indices: Tensor): Tensor {
    return native().gather(this, dim, indices)
  }
  /** A copy in which source[…] stands at position indices[…] of `dim`. */
  scatter(dim: number, indices: Tensor, source: Operand): Tensor {
    return native().scatter(this, dim, indices, source)
  }
  maskedFill(mask: Tensor, value: Element): Tensor {
    return native().maskedFill(this, mask, value)
  }
  /** The elements where the mask is true, as a 1-d tensor. Waits for the device. */
  maskedSelect(mask: Tensor): Tensor {
    return native().maskedSelect(this, mask)
  }
  /** Indices [n, ndim] of the elements that are not 0. Waits for the device. */
  nonzero(): Tensor {
    return native().nonzero(this)
  }
  /** The lower triangle of the last two dimensions, 0 above `diagonal`. */
  tril(diagonal = 0): Tensor {
    return native().tril(this, diagonal)
  }
  triu(diagonal = 0): Tensor {
    return native().triu(this, diagonal)
  }
  /** Pieces of the given sizes along `dim`. */
  split(sizes: number[], dim = 0): Tensor[] {
    return native().split(this, sizes, dim)
  }
  /** At most `chunks` pieces of equal size (the last may be smaller). */
  chunk(chunks: number, dim = 0): Tensor[] {
    return native().chunk(this, chunks, dim)
  }
  /** One tensor for each index of `dim`. */
  unbind(dim = 0): Tensor[] {
    return native().unbind(this, dim)
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return inspectTensor(this)
  }
}
