/**
 * The format of a file of weights, found by its first bytes. Names are not reliable: torch.save writes
 * `model_best.pth.tar` and `last.ckpt` alike, and `weights.bin` may be anything.
 */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { MbconvError } from '../errors/error'
import { ioError } from './io-error'
import { openFile } from './open'

export interface FileKind {
  /**
   * `zip`: torch.save's format, among others. `onnx`: a network for other runtimes. `other`: a known format whose weights
   * this package does not read.
   */
  format: 'zip' | 'safetensors' | 'onnx' | 'other' | 'unknown'
  /** A description that completes the sentence "it is …". */
  is: string
  /** How to convert a file that cannot be read. */
  hint?: string
}

/** Bytes that are read: up to the magic number of a tar archive. */
const START_BYTES = 512

const RESAVE = 'In Python: torch.save(torch.load(path, weights_only=True), path), with PyTorch 1.6 or newer.'
const STATE_DICT = 'In Python: torch.save(model.state_dict(), path).'

interface Mark {
  at?: number
  bytes: string
  is: string
  hint?: string
}

/** Magic bytes (as Latin-1) at their positions. The first match counts. */
const MARKS: readonly Mark[] = [
  // A LONG1 of ten bytes: torch's magic number, after the mark of any pickle protocol.
  { at: 2, bytes: '\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19', is: 'in the format that PyTorch had before 1.6', hint: RESAVE },
  { at: 257, bytes: 'ustar', is: "a tar archive (PyTorch's first format, or a packed folder)", hint: RESAVE },
  { bytes: '\x80', is: 'a pickle that torch.save has not written', hint: STATE_DICT },
  { bytes: '\x1f\x8b', is: 'compressed with gzip', hint: 'Unpack it first: gunzip.' },
  { bytes: '\xfd7zXZ', is: 'compressed with xz', hint: 'Unpack it first: unxz.' },
  { bytes: 'BZh', is: 'compressed with bzip2', hint: 'Unpack it first: bunzip2.' },
  { bytes: '(\xb5/\xfd', is: 'compressed with Zstandard', hint: 'Unpack it first: unzstd.' },
  { bytes: '7z\xbc\xaf', is: 'a 7z archive', hint: 'Unpack it first.' },
  { bytes: '\x89HDF\r\n\x1a\n', is: 'an HDF5 file, as Keras writes', hint: 'Convert it in Python, to safetensors.' },
  { bytes: '\x93NUMPY', is: 'an array of NumPy', hint: 'Convert it in Python, to safetensors.' },
  { at: 4, bytes: 'TFL3', is: 'a TensorFlow Lite model' },
  { bytes: 'GGUF', is: 'a GGUF file' },
  {
    bytes: 'version https://git-lfs',
    is: 'a pointer of Git LFS, not the file itself',
    hint: 'git lfs pull fetches it.',
  },
  { bytes: '\x89PNG', is: 'a PNG image' },
  { bytes: '\xff\xd8\xff', is: 'a JPEG image' },
  { bytes: '%PDF', is: 'a PDF document' },
  { bytes: '{', is: 'a JSON text', hint: 'An index of several files names them: give one of these.' },
  { bytes: '<', is: 'a page or another text in HTML or XML: the server may have answered with it' },
]

/**
 * ONNX has no magic number: field 1 (the IR's version, a small number), then field 2 (the producer's name), or 7 (the
 * graph).
 */
const isOnnx = ([first, version, next]: Buffer) =>
  first === 0x08 && version >= 3 && version <= 32 && (next === 0x12 || next === 0x3a)

const ZIP = ['PK\x03\x04', 'PK\x05\x06']

/** The kind of a file that begins with these bytes. */
export function kindOfBytes(start: Buffer): FileKind {
  const text = start.toString('latin1')
  // Checked first, because a header's length may look like any other magic number.
  if (text[8] === '{' && start.readUInt32LE(4) === 0) return { format: 'safetensors', is: 'a safetensors file' }
  if (ZIP.some((mark) => text.startsWith(mark))) return { format: 'zip', is: 'a zip archive, as torch.save writes' }
  const mark = MARKS.find(({ at = 0, bytes }) => text.startsWith(bytes, at))
  if (mark !== undefined) return { format: 'other', is: mark.is, hint: mark.hint }
  if (isOnnx(start)) return { format: 'onnx', is: 'an ONNX model' }
  return { format: 'unknown', is: start.length === 0 ? 'empty' : 'neither a file of torch.save nor a safetensors file' }
}

/** The kind of an open file. */
export function kindOfOpen(file: number): FileKind {
  const start = Buffer.alloc(Math.min(START_BYTES, fstatSync(file).size))
  const got = readSync(file, start, 0, start.length, 0)
  return kindOfBytes(start.subarray(0, got))
}

/**
 * The kind of a file.
 *
 * @throws MbconvError ERR_IO
 */
export function kindOfFile(path: string, op: string): FileKind {
  const file = openFile(path, op)
  try {
    return kindOfOpen(file)
  } catch (error) {
    throw ioError('read', path, error)
  } finally {
    closeSync(file)
  }
}

/** The kind of a zip archive without torch.save's pickle, by the names in it. */
export function kindOfArchive(names: readonly string[]): Omit<FileKind, 'format'> {
  const some = (pattern: RegExp) => names.some((name) => pattern.test(name))
  if (some(/(^|\/)(archive_format|serialized_exported_program\.json)$/) || some(/\/models\/[^/]+\.json$/)) {
    return {
      is: 'a program of torch.export (.pt2)',
      hint: 'In Python: torch.save(torch.export.load(path).state_dict, path).',
    }
  }
  if (some(/^model\.weights\.h5$/)) return { is: 'a Keras model', hint: 'Convert it in Python, to safetensors.' }
  if (names.length > 0 && names.every((name) => name.endsWith('.npy')))
    return { is: 'an archive of NumPy arrays (.npz)', hint: 'Convert it in Python, to safetensors.' }
  return { is: 'a zip archive that torch.save has not written: it has no data.pkl' }
}

/** The error for a file of an unsuitable kind. */
export function wrongKind(path: string, op: string, { is, hint }: Omit<FileKind, 'format'>): MbconvError {
  return new MbconvError('ERR_FORMAT', `${path}: it is ${is}`, { op, hint })
}
