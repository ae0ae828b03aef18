/**
 * Reads the metadata of ONNX files. Only the outermost message is walked: the graph and its numbers are passed over.
 *
 * Source of the wire format: https://protobuf.dev/programming-guides/encoding
 */
import { MbconvError } from '../errors/error'
import { FileWindow } from '../files/window'

/** Field of a ModelProto. */
const METADATA = 14
/** Fields of a StringStringEntryProto. */
const [KEY, VALUE] = [1, 2]

/** Bytes of all metadata together: as many as a card may have. */
const MOST_BYTES = 64 * 2 ** 20
/** Fields of the outermost message; those of mbconv's files are about ten. */
const MOST_FIELDS = 10_000

/** A varint of at most ten bytes. */
const LONGEST_VARINT = 10

/** One field: its number, where its content begins, and how long it is. A number has no content. */
interface Field {
  number: number
  start: number
  length: number
}

/** Walks the fields of a message that `at` gives the bytes of. */
function* fieldsOf(at: (offset: number, length: number) => Uint8Array, end: number): Generator<Field> {
  let offset = 0
  const varint = (): number => {
    const bytes = at(offset, Math.min(LONGEST_VARINT, end - offset))
    let value = 0
    for (let i = 0; i < bytes.length; i++) {
      value += (bytes[i] & 127) * 2 ** (7 * i)
      if (bytes[i] >= 128) continue
      offset += i + 1
      return value
    }
    throw new RangeError('it ends inside a number')
  }
  while (offset < end) {
    const key = varint()
    const [number, kind] = [Math.floor(key / 8), key % 8]
    if (kind === 0) {
      varint()
      continue
    }
    const length = kind === 2 ? varint() : kind === 1 ? 8 : kind === 5 ? 4 : Number.NaN
    if (!(offset + length <= end)) throw new RangeError(`field ${number} reaches beyond its end`)
    if (kind === 2) yield { number, start: offset, length }
    offset += length
  }
}

/**
 * The metadata of an ONNX file.
 *
 * @throws MbconvError ERR_FORMAT for a file that is cut off or is no ONNX file; ERR_IO
 */
export function readOnnxMetadata(path: string): Record<string, string> {
  const op = 'readOnnxMetadata'
  const file = new FileWindow(path, op)
  const metadata: Record<string, string> = Object.create(null)
  let [fields, room] = [0, MOST_BYTES]
  try {
    for (const { number, start, length } of fieldsOf((offset, wanted) => file.at(offset, wanted), file.size)) {
      if (++fields > MOST_FIELDS) throw new RangeError('it has too many fields')
      if (number !== METADATA) continue
      room -= length
      if (room < 0) throw new RangeError('its metadata is too long')
      const entry = Buffer.from(file.at(start, length))
      const texts = new Map<number, string>()
      for (const each of fieldsOf((offset, wanted) => entry.subarray(offset, offset + wanted), entry.length))
        texts.set(each.number, entry.toString('utf8', each.start, each.start + each.length))
      metadata[texts.get(KEY) ?? ''] = texts.get(VALUE) ?? ''
    }
    return metadata
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    const message = `${path}: it is a damaged ONNX file: ${cause.message}`
    throw new MbconvError('ERR_FORMAT', message, { op, cause, hint: 'The file was not copied whole: get it again.' })
  } finally {
    file.close()
  }
}
