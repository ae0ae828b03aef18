/** Shared by the readers of weights: their result, and the codes of their errors. */
import { MbconvError } from '../errors/error'
import { ioError } from '../files/io-error'
import { quoted } from '../files/open'
import type { Tensor } from '../tensor/core/tensor'

/** What a file of weights says about its writer. */
export interface FileOrigin {
  /** Its kind. */
  format: 'safetensors' | 'pth'
  /** Texts of its header; in a `.pth` file those that this package wrote. */
  metadata: Readonly<Record<string, string>>
}

/** Weights of a file, and facts about their place in it. */
export interface FileWeights {
  /** The tensors, by the file's names. */
  tensors: Record<string, Tensor>
  /** Tensors in the file that this package cannot hold, with the reason: `is of dtype …`. */
  unread: Record<string, string>
  /** Dotted name of the dictionary that held them; null if the file has no other. */
  entry: string | null
  /** Prefix of the wanted tensors' names, without the dot. May be empty. */
  within: string
  /** Names of the other entries beside the dictionary. */
  left: string[]
  /** What the file says about its writer. */
  origin: FileOrigin | null
}

/** The tensors by name. Those that could not be read are not enumerable, and throw ERR_FORMAT on access. */
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
 * Runs a reader and gives every error a code. An error without one counts as a fault of the file, whatever its cause.
 *
 * @throws MbconvError as thrown by `use`; ERR_IO for errors of the system; ERR_OOM for lack of memory; ERR_FORMAT for
 *   anything else
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
