// Zip archives and pickles byte by byte, to make files that torch.save would not.
import { writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

/** An archive of stored entries. `change` may spoil an entry's headers: {local, central, name, crc, bytes, offset}. */
export function zip(entries, change = () => ({})) {
  const parts = []
  const central = []
  let offset = 0
  for (const [name, content] of entries) {
    const data = Buffer.from(content)
    const spoilt = change(name) ?? {}
    const fields = { name, crc: crc32(data), bytes: data.length, method: 0, offset, ...spoilt }
    const header = (signature, size, own) => {
      const nameBytes = Buffer.from(own)
      const buffer = Buffer.alloc(size)
      buffer.writeUInt32LE(signature, 0)
      const at = size === 46 ? 10 : 8
      buffer.writeUInt16LE(fields.method, at)
      buffer.writeUInt32LE(fields.crc >>> 0, at + 6)
      buffer.writeUInt32LE(fields.bytes, at + 10)
      buffer.writeUInt32LE(fields.bytes, at + 14)
      buffer.writeUInt16LE(nameBytes.length, at + 18)
      if (size === 46) buffer.writeUInt32LE(fields.offset, 42)
      return Buffer.concat([buffer, nameBytes])
    }
    const local = header(0x04034b50, 30, spoilt.localName ?? fields.name)
    parts.push(local, data)
    central.push(header(0x02014b50, 46, fields.name))
    offset += local.length + data.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, directory, end])
}

const u8 = (value) => Buffer.from([value])
const u32 = (value) => {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value >>> 0)
  return buffer
}

/** Instructions of a pickle. */
export const op = {
  proto: Buffer.from([0x80, 2]),
  stop: Buffer.from('.'),
  mark: Buffer.from('('),
  dict: Buffer.from('}'),
  list: Buffer.from(']'),
  tuple: Buffer.from('t'),
  setItems: Buffer.from('u'),
  reduce: Buffer.from('R'),
  persistent: Buffer.from('Q'),
  none: Buffer.from('N'),
  no: Buffer.from([0x89]),
  build: Buffer.from('b'),
  text: (text) => Buffer.concat([Buffer.from('X'), u32(Buffer.byteLength(text)), Buffer.from(text)]),
  int: (value) => Buffer.concat([Buffer.from('J'), u32(value)]),
  long: (bytes) => Buffer.concat([Buffer.from([0x8a]), u8(bytes.length), Buffer.from(bytes)]),
  global: (module, name) => Buffer.from(`c${module}\n${name}\n`),
  get: (index) => Buffer.concat([Buffer.from('h'), u8(index)]),
  put: (index) => Buffer.concat([Buffer.from('q'), u8(index)]),
}

export const program = (...instructions) => Buffer.concat([op.proto, ...instructions.flat(9), op.stop])

/** A tensor as torch.save writes it. */
export function tensor({
  storage = 'FloatStorage',
  key = '0',
  elements = 4,
  offset = 0,
  shape = [4],
  strides = [1],
} = {}) {
  const ints = (list) => [op.mark, list.map(op.int), op.tuple]
  const id = [op.mark, op.text('storage'), op.global('torch', storage), op.text(key), op.text('cpu'), op.int(elements)]
  return [
    op.global('torch._utils', '_rebuild_tensor_v2'),
    op.mark,
    [...id, op.tuple, op.persistent],
    op.int(offset),
    ints(shape),
    ints(strides),
    op.no,
    [op.global('collections', 'OrderedDict'), op.mark, op.tuple, op.reduce],
    op.tuple,
    op.reduce,
  ]
}

export const dictOf = (entries) => [op.dict, op.mark, entries.map(([key, value]) => [op.text(key), value]), op.setItems]

export const archive = (pickle, storages = { 0: Buffer.alloc(16) }, change = undefined) =>
  zip(
    [
      ['archive/data.pkl', pickle],
      ['archive/byteorder', 'little'],
      ...Object.entries(storages).map(([key, data]) => [`archive/data/${key}`, data]),
    ],
    change,
  )

/** A state dict as torch.save would write it. */
export function writePth(path, state) {
  const { entries, storages } = stateDictParts(state)
  writeFileSync(path, archive(program(dictOf(entries(0))), storages))
}

/** Entries of a state dict whose storages are numbered from a first one, and these storages. */
export function stateDictParts(state) {
  const types = { int64: 'LongStorage', float32: 'FloatStorage' }
  const entries = (first) =>
    Object.entries(state).map(([key, { shape, dtype, numel }], i) => {
      const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1))
      return [key, tensor({ storage: types[dtype], key: String(first + i), elements: numel, shape, strides })]
    })
  const numbers = Object.values(state).map((value) => Buffer.from(value.toTypedArray().buffer))
  return { entries, storages: { ...numbers } }
}
