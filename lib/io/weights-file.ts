/** Files of weights in any format. The first bytes tell the format; the name does not. */
import { MbconvError } from '../errors/error'
import { kindOfFile, wrongKind } from '../files/file-kind'
import { readWeights as readPth } from './pth'
import type { FileWeights } from './read-tensors'
import { read as readSafetensors } from './safetensors'

export interface WeightsFileOptions {
  /** Map a safetensors file instead of reading it. */
  mmap?: boolean
  /** The dictionary, or the prefix of the tensors' names. */
  entry?: string
}

/**
 * Reads the weights of a file, under their names in it.
 *
 * @throws MbconvError ERR_IO; ERR_FORMAT naming the file's format; ERR_VALUE for mmap with a format other than
 *   safetensors
 */
export function readWeightsFile(path: string, op: string, { mmap = false, entry }: WeightsFileOptions): FileWeights {
  const kind = kindOfFile(path, op)
  if (kind.format === 'safetensors') {
    const { tensors, unread, metadata } = readSafetensors(path, { mmap })
    const origin = { format: kind.format, metadata }
    return { tensors, unread, entry: null, within: entry ?? '', left: [], origin }
  }
  if (kind.format !== 'zip') throw wrongKind(path, op, kind)
  if (mmap) {
    const message = `${op}: mmap is for safetensors files, and ${path} is ${kind.is}`
    throw new MbconvError('ERR_VALUE', message, { op, hint: 'Leave mmap out.' })
  }
  return readPth(path, entry)
}

/**
 * Checks by its beginning that a file holds weights.
 *
 * @throws MbconvError ERR_IO, ERR_FORMAT
 */
export function checkWeightsFile(path: string, op: string): 'zip' | 'safetensors' {
  const kind = kindOfFile(path, op)
  if (kind.format === 'zip' || kind.format === 'safetensors') return kind.format
  throw wrongKind(path, op, kind)
}
