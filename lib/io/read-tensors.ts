/** What readers of weights have in common: their result, and the net under their errors. */
import { MbconvError } from '../errors/error'
import { ioError } from '../files/io-error'
import { quoted } from '../files/open'
import type { Tensor } from '../tensor/core/tensor'

/** Weights of a file, with what was found beside them. */
export interface FileWeights {
  tensors: Record<string, Tensor>
  /** Tensors that the file has and this package cannot hold, with the reason: `is of dtype …`. */
  unread: Record<string, string>
  /** The dictionary that they stood in, by its dotted name; null where the file has no other. */
  entry: string | null
  /** What the names of the wanted tensors begin with, without the dot; may be empty. */
  within: string
  /** Names of what stands beside the dictionary. */
  left: string[]
}

/** The tensors, and among them those that could not be read: not to be seen, and ERR_FORMAT when they are asked for. */
export function tensorsWith(
  path: string,
  op: string,
  { tensors, unread }: Pick<FileWeights, 'tensors' | 'unread'>,
): Record<string, Tensor> {
  for (const [name, problem] of Object.entries(unread)) {
    Object.defineProperty(tensors, name, {
      get: () => {
        throw new MbconvError('ERR_FORMAT', `${path}: tensor ${quoted(name)} ${problem}`, { op })
      },
      enumerable: false,
      configurable: true,
    })
  }
  return tensors
}

/**
 * Runs a reader. What it throws has a code: a file that makes it stumble is not as it should be, whoever is to blame.
 *
 * @throws MbconvError what `use` throws; ERR_IO where the system refuses; ERR_OOM for lack of memory; ERR_FORMAT for anything else
 */
export function codedErrors<T>(path: string, op: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (error instanceof MbconvError) throw error
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw ioError('read', path, error)
    const memory = error instanceof RangeError && /alloc|array length|buffer/i.test(error.message)
    if (memory) throw new MbconvError('ERR_OOM', `cannot read ${path}: not enough memory`, { op, cause: error })
    throw new MbconvError('ERR_FORMAT', `${path} cannot be read: ${(error as Error).message}`, { op, cause: error })
  }
}
