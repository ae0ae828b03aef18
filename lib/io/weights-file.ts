/** A file of weights, whichever its format: told by its first bytes, never by its name. */
import { MbconvError } from '../errors/error'
import { kindOfFile, wrongKind } from '../files/file-kind'
import { readWeights as readPth } from './pth'
import type { FileWeights } from './read-tensors'
import { read as readSafetensors } from './safetensors'

export interface WeightsFileOptions {
  /** Map a safetensors file instead of reading it. */
  mmap?: boolean
  /** The dictionary, or what the names of the tensors begin with. */
  entry?: string
}

/**
 * Reads the weights of a file, under the names that they have in it.
 *
 * @throws MbconvError ERR_IO; ERR_FORMAT naming the format that the file has; ERR_VALUE for mmap with another format than
 *   safetensors
 */
export function readWeightsFile(path: string, op: string, { mmap = false, entry }: WeightsFileOptions): FileWeights {
  const kind = kindOfFile(path, op)
  if (kind.format === 'safetensors') {
    const { tensors, unread } = readSafetensors(path, { mmap })
    return { tensors, unread, entry: null, within: entry ?? '', left: [] }
  }
  if (kind.format !== 'zip') throw wrongKind(path, op, kind)
  if (mmap) {
    const message = `${op}: mmap is for safetensors files, and ${path} is ${kind.is}`
    throw new MbconvError('ERR_VALUE', message, { op, hint: 'Leave mmap out.' })
  }
  return readPth(path, entry)
}

/**
 * That a file is one of weights at all, by its beginning.
 *
 * @throws MbconvError ERR_IO, ERR_FORMAT
 */
export function checkWeightsFile(path: string, op: string): 'zip' | 'safetensors' {
  const kind = kindOfFile(path, op)
  if (kind.format === 'zip' || kind.format === 'safetensors') return kind.format
  throw wrongKind(path, op, kind)
}
