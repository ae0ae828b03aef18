/**
 * CUDA graphs: the work of a function, captured once, launched as a whole from then on. Launching hundreds of small
 * kernels one by one keeps the host busier than the device; a graph is a single launch.
 */
import { MbconvError } from '../errors/error'
import { requireCuda } from '../native/cuda'
import type { CudaGraph, Native } from '../native/signatures'
import { noGrad } from '../tensor/core/autograd'
import { collectTensors, keep, scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { currentStream, Stream, stream } from './streams'

export interface GraphOptions {
  /** Arguments for the function. {@link Graph.replay} copies new values into these very tensors. */
  inputs?: Tensor[]
  /** How often the function runs before it is captured, at least once; NVIDIA's libraries set themselves up meanwhile. */
  warmUp?: number
}

/**
 * Captures what `fn` does on the GPU.
 *
 * `fn` runs `warmUp` times on a stream of its own and once more for the capture, which only records. It is a whole
 * training step or part of one; what it changes (weights, statistics, optimiser state) is changed by the warm-up too.
 * A replay does the same work on the same memory, so
 *   - every tensor that `fn` reads or writes must be on the GPU and outlive the graph; new data is copied into it;
 *   - shapes, JavaScript values and branches are those of the capture; what changes from step to step has to be a tensor,
 *     which is what `capturable` optimisers and averages make of their rates and counts;
 *   - nothing in `fn` may wait for the device: no item(), toArray(), synchronize(), nonzero(), no copy to the host;
 *   - gradients are made inside: `zeroGrad()` belongs into `fn`, before backward().
 * Random numbers are new in every replay. Memory made during the capture comes from a pool of the graph.
 *
 * @throws MbconvError ERR_CUDA_UNAVAILABLE; ERR_CUDA when `fn` does what cannot be captured; whatever `fn` throws
 */
export function graph<T>(fn: (...inputs: Tensor[]) => T, options: GraphOptions = {}): Graph<T> {
  const addon = requireCuda('graph')
  const { inputs = [], warmUp = 3 } = options
  if (!Number.isSafeInteger(warmUp) || warmUp < 1)
    throw new MbconvError('ERR_VALUE', `graph: warmUp must be a positive integer, got ${warmUp}`, { op: 'graph' })
  // Of high priority, since few take such streams from the pool: what others give to this one would be captured too.
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
  // What the warm-up has freed would stay reserved for its stream; the graph has a pool of its own.
  addon.cudaEmptyCache()
  return stream(side, () => capture(addon, fn, inputs))
}

function capture<T>(addon: Native, fn: (...inputs: Tensor[]) => T, inputs: Tensor[]): Graph<T> {
  const handle = addon.cudaGraph()
  const outputs: Tensor[] = []
  try {
    addon.cudaGraphBegin(handle)
    try {
      const output = scope(() => {
        const result = fn(...inputs)
        // They are the graph's, whatever scope it is made in.
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

/** A captured graph; {@link graph} makes them. */
export class Graph<T = unknown> {
  /** The tensors that it reads its inputs from: the caller's own, to be kept alive. */
  readonly inputs: readonly Tensor[]
  /** What the function returned. Its tensors hold values from the first replay on, and are the graph's to dispose. */
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
   * Copies `values` (none, or one for every input) into the inputs and launches the graph on the current stream. Does
   * not wait for it.
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

  /** Frees the graph, its output and its pool of memory, as far as no other tensor lies there. */
  dispose(): void {
    for (const output of this.#outputs) output.dispose()
    requireCuda('Graph.dispose').cudaGraphDispose(this.#handle)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}
