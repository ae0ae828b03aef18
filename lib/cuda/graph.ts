/**
 * CUDA graphs: the work of a function is captured once and then launched as a whole. Launching hundreds of small kernels
 * one by one keeps the host busier than the device; a graph needs a single launch.
 */
import { MbconvError } from '../errors/error'
import { requireCuda } from '../native/cuda'
import type { CudaGraph, Native } from '../native/signatures'
import type { Synchronous } from '../native/types'
import { noGrad } from '../tensor/core/autograd'
import { collectTensors, keep, scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { currentStream, Stream, stream } from './streams'

/** What is fixed while a function is recorded as a CUDA graph. */
export interface GraphOptions {
  /** Arguments for the function. {@link Graph.replay} copies new values into these very tensors. */
  inputs?: Tensor[]
  /** Number of runs before the capture, at least 1. NVIDIA's libraries initialise themselves during these runs. */
  warmUp?: number
}

/**
 * Captures what `fn` does on the GPU.
 *
 * `fn` runs `warmUp` times on a separate stream, and once more for the capture, which only records. It can be a whole
 * training step or part of one. The warm-up runs really change weights, statistics and optimiser state.
 * A replay does the same work on the same memory, so
 *   - every tensor that `fn` reads or writes must be on the GPU and outlive the graph; new data is copied into it;
 *   - shapes, JavaScript values and branches stay those of the capture; a value that changes from step to step must be a
 *     tensor (`capturable` optimisers and averages keep their rates and counts in tensors);
 *   - nothing in `fn` may wait for the device: no item(), toArray(), synchronize(), nonzero(), no copy to the host;
 *   - gradients must be created inside: call `zeroGrad()` in `fn`, before backward().
 * Every replay draws new random numbers. Memory that the capture allocates comes from a pool of the graph.
 *
 * @throws MbconvError ERR_CUDA_UNAVAILABLE; ERR_CUDA when `fn` does what cannot be captured; whatever `fn` throws
 */
export function graph<T>(fn: (...inputs: Tensor[]) => Synchronous<T>, options: GraphOptions = {}): Graph<T> {
  const addon = requireCuda('graph')
  const { inputs = [], warmUp = 3 } = options
  if (!Number.isSafeInteger(warmUp) || warmUp < 1)
    throw new MbconvError('ERR_VALUE', `graph: warmUp must be a positive integer, got ${warmUp}`, { op: 'graph' })
  // High priority, because streams of that pool are rarely used: work that others put into this stream would be
  // captured too.
  const side = new Stream({ highPriority: true })
  side.wait(currentStream())
  stream(side, () => {
    for (let i = 0; i < warmUp; i++) {
      scope(() => {
        fn(...inputs)
      })
    }
  })
  side.synchronize()
  // Memory freed by the warm-up would stay reserved for its stream; the graph has a separate pool.
  addon.cudaEmptyCache()
  return stream(side, () => capture(addon, fn, inputs))
}

function capture<T>(addon: Native, fn: (...inputs: Tensor[]) => Synchronous<T>, inputs: Tensor[]): Graph<T> {
  const handle = addon.cudaGraph()
  const outputs: Tensor[] = []
  try {
    addon.cudaGraphBegin(handle)
    try {
      const output = scope<T>(() => {
        const result = fn(...inputs)
        // The outputs belong to the graph, not to the surrounding scope.
        outputs.push(...collectTensors(result).filter((t) => !inputs.includes(t)))
        for (const t of outputs) keep(t)
        return result
      })
      addon.cudaGraphEnd(handle)
      return new Graph(handle, inputs, output, outputs)
    } catch (error) {
      addon.cudaGraphAbandon(handle)
      throw error
    }
  } catch (error) {
    for (const output of outputs) output.dispose()
    addon.cudaGraphDispose(handle)
    throw error
  }
}

/** A captured graph, made by {@link graph}. */
export class Graph<T = unknown> {
  /** The tensors that the graph reads its inputs from. They are the caller's and must be kept alive. */
  readonly inputs: readonly Tensor[]
  /** The function's return value. Its tensors have values after the first replay, and the graph disposes them. */
  readonly output: T
  readonly #handle: CudaGraph
  readonly #outputs: Tensor[]

  /** @internal */
  constructor(handle: CudaGraph, inputs: Tensor[], output: T, outputs: Tensor[]) {
    this.#handle = handle
    this.inputs = [...inputs]
    this.output = output
    this.#outputs = outputs
  }

  /**
   * Copies `values` (none, or one for every input) into the inputs and launches the graph on the current stream, without
   * waiting for it.
   *
   * @returns the output: the same tensors every time, with new values
   */
  replay(...values: Tensor[]): T {
    const addon = requireCuda('Graph.replay')
    if (values.length !== 0 && values.length !== this.inputs.length) {
      const message = `Graph.replay: ${this.inputs.length} inputs, ${values.length} values`
      throw new MbconvError('ERR_VALUE', message, { op: 'Graph.replay' })
    }
    noGrad(() => {
      for (const [i, value] of values.entries()) this.inputs[i]?.copy_(value, { nonBlocking: true })
    })
    addon.cudaGraphReplay(this.#handle)
    return this.output
  }

  /** Frees the graph, its output, and its memory pool except where another tensor is in it. */
  dispose(): void {
    for (const output of this.#outputs) output.dispose()
    requireCuda('Graph.dispose').cudaGraphDispose(this.#handle)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}
