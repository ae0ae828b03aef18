/**
 * Every failure this package reports, as one class with a stable `code`.
 *
 * Programs branch on the code, which also decides the command's exit status (see ./exit-codes). `message` and `hint`
 * are for people.
 */
import { printableLines } from '../text/foreign-text'

/** Codes that a caller may branch on. The list is complete: a new kind of failure needs a new code here. */
export type ErrorCode =
  // A wrong call.
  | 'ERR_TYPE' // an argument of the wrong JavaScript type or dtype
  | 'ERR_VALUE' // right type, unusable value
  | 'ERR_SHAPE' // shapes that do not fit each other
  | 'ERR_INDEX' // index outside a tensor or list
  | 'ERR_DISPOSED' // a tensor used after dispose()
  | 'ERR_SCOPE' // an asynchronous function given to scope(), noGrad() …
  | 'ERR_NOT_IMPLEMENTED' // libtorch has no kernel for this dtype or device
  | 'ERR_AUTOGRAD' // backward through something that has no gradient
  | 'ERR_OOM' // host memory
  | 'ERR_CUDA_OOM' // device memory
  | 'ERR_CUDA' // any other CUDA failure
  | 'ERR_NATIVE' // anything libtorch reports that fits none of the above
  | 'ERR_INTERNAL' // a fault of this package; `cause` is the original error
  | 'ERR_UNREACHED' // nothing within the tolerance of a budget
  // The command line and the configuration.
  | 'ERR_USAGE'
  | 'ERR_CONFIG'
  // The machine.
  | 'ERR_NATIVE_LOAD' // the addon is missing, or was built against another libtorch
  | 'ERR_CUDA_UNAVAILABLE'
  | 'ERR_ENVIRONMENT'
  // Files.
  | 'ERR_DATA' // a data set or image that cannot be read
  | 'ERR_CHECKPOINT' // a checkpoint that is not whole, or of another run
  | 'ERR_FORMAT' // a file whose content does not fit its name
  | 'ERR_IO'
  | 'ERR_NETWORK' // a server that cannot be reached, or does not give what was asked for
  // Training.
  | 'ERR_DIVERGED' // loss is NaN or infinite, or most steps were skipped for that
  | 'ERR_ABORTED'

/** Facts about a refused allocation, in bytes. */
export interface MemoryShortage {
  /** Where memory ran out: `cpu`, `cuda:0`. */
  device: string
  /** Bytes requested from the device. Allocators round up, so at least as many as the tensor needs. */
  asked: number
  /** Bytes free on the device; on GPUs only. */
  free?: number
  /** The tensors of this thread that hold most memory on the device: at most three, largest first. */
  holders: {
    /** Dtype and shape of a tensor. */
    tensor: string
    /** The memory that it holds, bytes. */
    bytes: number
  }[]
}

/** What an error has besides its code and its message. */
export interface MbconvErrorOptions {
  /** The failed operation, under the name that the caller used. */
  op?: string
  /** The remedy, in one sentence. */
  hint?: string
  /** The error that led to this one. */
  cause?: unknown
  /** The C++ stack, if the failure came from libtorch. */
  nativeTrace?: string
  /** For ERR_OOM and ERR_CUDA_OOM: what was asked for, and who holds memory. */
  memory?: MemoryShortage
}

/** The class of every error of this package. README.md lists the codes, with what happened and what to do. */
export class MbconvError extends Error {
  /** What kind of error it is: `ERR_SHAPE`, `ERR_CONFIG` … */
  readonly code: ErrorCode
  /** The function that failed; undefined where none did. */
  readonly op?: string
  /** What to do about it; undefined where nothing is known to help. */
  readonly hint?: string
  /** The C++ stack of an error from libtorch. */
  readonly nativeTrace?: string
  /** With ERR_OOM and ERR_CUDA_OOM, if an allocator refused. The process can go on. */
  readonly memory?: MemoryShortage

  constructor(code: ErrorCode, message: string, options: MbconvErrorOptions = {}) {
    // Messages contain names of files and classes, and text from servers. Escape them for terminals and logs.
    super(printableLines(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MbconvError'
    this.code = code
    if (options.op !== undefined) this.op = options.op
    if (options.hint !== undefined) this.hint = printableLines(options.hint)
    if (options.nativeTrace !== undefined) this.nativeTrace = options.nativeTrace
    if (options.memory !== undefined) this.memory = options.memory
  }

  /** The value for JSON.stringify: the error's facts without stacks. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, op, hint, memory } = this
    return { name, code, message, op, hint, memory }
  }
}
