// Files that are small for what reading them would take, and those that are better made when they are needed.

import { fileOf } from './hostile-safetensors.mjs'
import { archive, dictOf, op, program, tensor, zip } from './pth-writer.mjs'

const MB = 2 ** 20
const code = (...bytes) => Buffer.from(bytes)
const times = (count, bytes) => Buffer.alloc(count * bytes.length, bytes)
const u64 = (value) => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(value))
  return buffer
}
const memoize = code(0x94)
const empty = Buffer.from(')')
const append = Buffer.from('a')
const reduceTuple1 = code(0x85)

/** `{"…": entry, …}` of about so many bytes. */
function header(bytes, entry) {
  const parts = []
  for (let i = 0, length = 0; length < bytes; i++) {
    parts.push(`"${i.toString(36)}":${entry}`)
    length += parts[i].length + 1
  }
  return `{${parts.join(',')}}`
}

/** By name: what makes the bytes. Each of these is refused with ERR_FORMAT. */
export const LARGE_SAFETENSORS = {
  'a header of 8 MB of lists in lists': () => fileOf(`{"a":${'['.repeat(8 * MB - 16)}`),
  'objects in objects': () => fileOf('{"a":'.repeat(1.5 * MB)),
  'a million entries of nothing': () => fileOf(header(7.9 * MB, '{}')),
  'as many entries as are allowed, of nothing': () => fileOf(header(500_000, '{}')),
  'metadata of a million texts': () => fileOf(`{"__metadata__":${header(7.9 * MB, '""')}}`),
  'lists of nothing as metadata': () => fileOf(`{"__metadata__":${header(7.9 * MB, '[]')}}`),
  'a shape of four million sizes': () =>
    fileOf(`{"a":{"dtype":"U8","shape":[${'1,'.repeat(4 * MB - 60)}1],"data_offsets":[0,1]}}`, Buffer.alloc(1)),
  'a shape of 65 sizes': () =>
    fileOf({ a: { dtype: 'U8', shape: Array(65).fill(1), data_offsets: [0, 1] } }, Buffer.alloc(1)),
  'no elements, of a shape beyond all numbers': () =>
    fileOf({ a: { dtype: 'U8', shape: [0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER], data_offsets: [0, 0] } }),
  'a size of minus zero': () => fileOf('{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'),
  'a size of 1e400': () => fileOf('{"a":{"dtype":"U8","shape":[1e400],"data_offsets":[0,0]}}'),
  'a size of NaN': () => fileOf('{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,0]}}'),
  '2^53 + 1 elements': () =>
    fileOf('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,9007199254740993]}}'),
  'offsets of 2^64': () =>
    fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[18446744073709551616,18446744073709551616]}}'),
  'a dtype of another width': () => fileOf({ a: { dtype: 'F64', shape: [2], data_offsets: [0, 8] } }, Buffer.alloc(8)),
  'a name of 8 MB': () => fileOf(`{"${'n'.repeat(8 * MB - 40)}":{"dtype":"U8"}}`),
  'a name that a terminal would obey': () => fileOf('{"\\u001b[2J\\u009b31m\\u202e":{"dtype":"U8"}}'),
  'a text that never ends': () => fileOf(`{"a${'\\\\'.repeat(2 * MB)}`),
  'an escape at the end': () => fileOf('{"a\\'),
  '8 MB of spaces': () => fileOf(`{${' '.repeat(8 * MB - 2)}`),
  'a byte order mark': () => fileOf('\ufeff{}'),
  'text behind the header': () => fileOf('{} {}'),
  'an overlong zero in UTF-8': () => fileOf('{"aa":{}}').fill(Buffer.from([0xc0, 0x80]), 10, 12),
  'half a surrogate in UTF-8': () => fileOf('{"aaa":{}}').fill(Buffer.from([0xed, 0xa0, 0x80]), 10, 13),
  'a header of 2^63': () => fileOf('{}', Buffer.alloc(0), { length: 2n ** 63n }),
  'a header of 2^64 - 1': () => fileOf('{}', Buffer.alloc(0), { length: 2n ** 64n - 1n }),
  'a header of no bytes': () => fileOf('', Buffer.alloc(64)),
  'duplicates among many': () => fileOf(`${header(4 * MB, '1').slice(0, -1)},"1a":1}`),
  'a pickle in it': () => Buffer.concat([u64(8), Buffer.from('\x80\x02}q\x00.  ', 'latin1')]),
  'all tensors at the same place': () =>
    fileOf(header(400_000, '{"dtype":"U8","shape":[1000000],"data_offsets":[0,1000000]}'), Buffer.alloc(1_000_000)),
}

const pickled = (...instructions) => archive(program(...instructions))
const global = (name) => {
  const at = name.lastIndexOf('.')
  return pickled(op.global(name.slice(0, at), name.slice(at + 1)), op.mark, op.text('true'), op.tuple, op.reduce)
}

/** Functions that do harm when they are called, or that lead to such. */
const FORBIDDEN = [
  'posix.system',
  'nt.system',
  'os.popen',
  'subprocess.Popen',
  'builtins.exec',
  'builtins.getattr',
  'builtins.__import__',
  '__builtin__.eval',
  'torch.load',
  'torch.storage._load_from_bytes',
  'torch.jit.load',
  'torch._utils._rebuild_device_tensor_from_numpy',
  'torch._tensor._rebuild_from_type_v2',
  'torch.serialization.load',
  'numpy.core.multiarray._reconstruct',
  'numpy.core.multiarray.scalar',
  'numpy.dtype',
  '_codecs.encode',
  'operator.attrgetter',
  'functools.partial',
  'copyreg._reconstructor',
  'pickle.loads',
  'webbrowser.open',
  'shutil.rmtree',
  'collections.OrderedDict.fromkeys',
  'torch.float32.__reduce__',
]

/** Instructions that weights do not need, with what they take. */
const INSTRUCTIONS = {
  INST: Buffer.from('(S"true"\nios\nsystem\n'),
  OBJ: Buffer.concat([op.mark, op.global('os', 'system'), op.text('true'), Buffer.from('o')]),
  NEWOBJ_EX: Buffer.concat([op.dict, op.mark, op.tuple, op.dict, code(0x92)]),
  EXT1: code(0x82, 1),
  EXT4: code(0x84, 1, 0, 0, 0),
  PERSID: Buffer.from('Pstorage\n'),
  STRING: Buffer.from("S'text'\n"),
  LONG: Buffer.from(`L${'9'.repeat(5 * MB)}L\n`),
  INT: Buffer.from('I1\n'),
  FLOAT: Buffer.from('F1.5\n'),
  LONG4: Buffer.concat([code(0x8b, 0xff, 0xff, 0xff, 0x7f)]),
  BYTEARRAY8: Buffer.concat([code(0x96), u64(2 ** 40)]),
  NEXT_BUFFER: code(0x97),
  BINBYTES8: Buffer.concat([code(0x8e), u64(2n ** 63n)]),
  EMPTY_SET: code(0x8f),
  DUP: Buffer.from('N2'),
  POP_MARK: Buffer.from('(1'),
}

const shared = (count) => {
  // One storage, kept in the memo, and many tensors on it.
  const [first] = [tensor({ key: '0', elements: 250_000, shape: [250_000] })]
  const body = []
  for (let i = 0; i < count; i++) body.push(op.text(`w${i}`), first)
  return [op.dict, op.mark, body, op.setItems]
}

export const LARGE_PTH = {
  ...Object.fromEntries(FORBIDDEN.map((name) => [`a call of ${name}`, () => global(name)])),
  ...Object.fromEntries(
    Object.entries(INSTRUCTIONS).map(([name, bytes]) => [`instruction ${name}`, () => pickled(bytes)]),
  ),
  'a name that a terminal would obey': () => pickled(op.global('\u001b[2J', '\u009b31m')),
  '15 MB of dictionaries': () => pickled(times(15 * MB, op.dict)),
  '15 MB of lists': () => pickled(times(15 * MB, op.list)),
  '15 MB of tuples': () => pickled(times(15 * MB, empty)),
  '15 MB of marks': () => pickled(times(15 * MB, op.mark)),
  '15 MB of nothing': () => pickled(times(15 * MB, op.none)),
  'tuples in tuples': () => pickled(empty, times(15 * MB, reduceTuple1)),
  'what is kept fifteen million times': () => pickled(op.none, times(15 * MB, memoize)),
  'what is kept nowhere': () => pickled(op.put(0)),
  'a mark that is kept': () => pickled(op.mark, op.put(0), op.get(0)),
  'a list of itself as a key': () => pickled(op.dict, op.list, op.put(0), op.get(0), append, op.none, Buffer.from('s')),
  'a key of 2^40 parts': () => {
    const twice = Array.from({ length: 40 }, (_, i) => [op.get(i), op.get(i), code(0x86), op.put(i + 1)])
    return pickled(op.dict, op.text('x'), op.put(0), twice, op.none, Buffer.from('s'))
  },
  'copies of one long list': () =>
    pickled(
      op.list,
      op.put(0),
      op.mark,
      [op.text('k'), op.none, code(0x86)],
      times(200_000, Buffer.from('NN\x86', 'latin1')),
      Buffer.from('e'),
      op.global('collections', 'OrderedDict'),
      op.put(1),
      op.get(0),
      reduceTuple1,
      op.put(2),
      times(100_000, Buffer.concat([op.get(1), op.get(2), op.reduce])),
    ),
  'a million objects of an unknown class': () =>
    pickled(op.global('my', 'Thing'), op.put(0), times(1_000_000, Buffer.concat([op.get(0), Buffer.from(')R')]))),
  'copies of one long text as bytes': () =>
    pickled(
      op.global('_codecs', 'encode'),
      op.put(0),
      op.text('x'.repeat(1_000_000)),
      op.text('latin1'),
      code(0x86),
      op.put(1),
      times(100_000, Buffer.concat([op.get(0), op.get(1), op.reduce])),
    ),
  'sets of one long list': () =>
    pickled(
      op.list,
      op.mark,
      Array.from({ length: 20_000 }, (_, i) => op.int(i)),
      Buffer.from('e'),
      reduceTuple1,
      op.put(1),
      op.global('builtins', 'set'),
      op.put(0),
      times(100_000, Buffer.concat([op.get(0), op.get(1), op.reduce])),
    ),
  'counters of a counter': () =>
    pickled(
      dictOf(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, op.none])),
      reduceTuple1,
      op.put(1),
      op.global('collections', 'Counter'),
      op.put(0),
      times(100_000, Buffer.concat([op.get(0), op.get(1), op.reduce])),
    ),
  'a pickle of 17 MB': () => pickled(op.text('x'.repeat(17 * MB))),
  'text that is not UTF-8': () => pickled(Buffer.concat([code(0x8c, 2, 0xc3, 0x28)])),
  'bytes behind the end of the pickle': () => archive(Buffer.concat([program(dictOf([['w', tensor()]])), op.none])),
  'a key twice': () =>
    pickled(
      dictOf([
        ['w', tensor()],
        ['w', tensor()],
      ]),
    ),
  'a hundred thousand tensors on one storage': () => archive(program(shared(100_000)), { 0: Buffer.alloc(1_000_000) }),
  'a storage of two types': () =>
    archive(
      program(
        dictOf([
          ['a', tensor()],
          ['b', tensor({ storage: 'IntStorage' })],
        ]),
      ),
    ),
  'numbers that no tensor has': () => archive(program(dictOf([['w', tensor()]])), { 0: Buffer.alloc(24) }),
  'a tensor of 17 dimensions': () =>
    pickled(dictOf([['w', tensor({ shape: Array(17).fill(1), strides: Array(17).fill(1) })]])),
  'a storage whose key is no text': () =>
    pickled(
      op.mark,
      op.text('storage'),
      op.global('torch', 'FloatStorage'),
      op.none,
      op.none,
      op.int(1),
      op.tuple,
      op.persistent,
    ),
  'two pickles': () =>
    zip([
      ['a/data.pkl', program(op.dict)],
      ['b/data.pkl', program(op.dict)],
    ]),
  'a byte order of 5 MB': () =>
    zip([
      ['a/data.pkl', program(op.dict)],
      ['a/byteorder', Buffer.alloc(5 * MB, 'little')],
    ]),
  ...Object.fromEntries(
    Object.entries(ARCHIVES()).map(([name, change]) => [
      name,
      () => change(Buffer.from(archive(program(dictOf([['w', tensor()]]))))),
    ]),
  ),
  'a directory of 300,000 entries': () => {
    const one = Buffer.alloc(46 + 6)
    one.writeUInt32LE(0x02014b50, 0)
    one.writeUInt16LE(6, 28)
    const count = 300_000
    const directory = times(count, one)
    for (let i = 0; i < count; i++) directory.write(i.toString(36).padStart(6, '0'), i * one.length + 46)
    return Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(40), directory, end64(count, directory.length, 44)])
  },
}

/** The end of an archive that is too large for 32 bits. */
function end64(count, bytes, offset) {
  const end = Buffer.alloc(56 + 20 + 22)
  end.writeUInt32LE(0x06064b50, 0)
  for (const [field, value] of [
    [24, count],
    [32, count],
    [40, bytes],
    [48, offset],
  ])
    end.writeBigUInt64LE(BigInt(value), field)
  end.writeUInt32LE(0x07064b50, 56)
  end.writeBigUInt64LE(BigInt(offset) + BigInt(bytes), 64)
  end.writeUInt32LE(0x06054b50, 76)
  end.writeUInt16LE(0xffff, 84)
  end.writeUInt16LE(0xffff, 86)
  end.writeUInt32LE(0xffffffff, 88)
  end.writeUInt32LE(0xffffffff, 92)
  return end
}

/** Changes of a good archive that make it a bad one. */
function ARCHIVES() {
  const endAt = (bytes) => bytes.length - 22
  const directoryAt = (bytes) => bytes.readUInt32LE(endAt(bytes) + 16)
  const set = (write) => (bytes) => {
    write(bytes)
    return bytes
  }
  return {
    'a directory beyond the file': set((b) => b.writeUInt32LE(0x7fffffff, endAt(b) + 16)),
    'a directory that reaches into the end': set((b) => b.writeUInt32LE(directoryAt(b) + 8, endAt(b) + 16)),
    'a directory of 4 GB': set((b) => b.writeUInt32LE(0xfffffffe, endAt(b) + 12)),
    'fewer entries than it says': set((b) => b.writeUInt16LE(0xfffe, endAt(b) + 10)),
    'more entries than it says': set((b) => b.fill(Buffer.from([1, 0, 1, 0]), endAt(b) + 8, endAt(b) + 12)),
    'a part of several': set((b) => b.writeUInt16LE(3, endAt(b) + 4)),
    'bytes behind the end': (b) => Buffer.concat([b, Buffer.from('more')]),
    'bytes before the beginning': (b) => Buffer.concat([Buffer.from('more'), b]),
    'a comment that is not there': set((b) => b.writeUInt16LE(9, endAt(b) + 20)),
    'no end': (b) => b.subarray(0, endAt(b)),
    'an encrypted entry': set((b) => b.writeUInt16LE(1, directoryAt(b) + 8)),
    'an entry that only its own header calls encrypted': set((b) => b.writeUInt16LE(1, 6)),
    'an entry that only its own header calls compressed': set((b) => b.writeUInt16LE(8, 8)),
    'a stored entry of two sizes': set((b) => b.writeUInt32LE(2 ** 30, directoryAt(b) + 24)),
    'data moved behind the entry by its own header': set((b) => b.writeUInt16LE(60, 28)),
    'an offset beyond the file': set((b) => b.writeUInt32LE(0x7ffffff0, directoryAt(b) + 42)),
    '64-bit sizes that are not there': set((b) => b.writeUInt32LE(0xffffffff, directoryAt(b) + 20)),
    'a 64-bit directory that is not there': set((b) => b.writeUInt16LE(0xffff, endAt(b) + 10)),
    'a 64-bit directory beyond the file': (b) =>
      Buffer.concat([b.subarray(0, directoryAt(b)), end64(3, 1000, 2n ** 62n)]),
    'a 64-bit directory of 2^60 entries': (b) => Buffer.concat([b, end64(2n ** 60n, 2n ** 60n, 0)]),
    'zeros for the numbers': set((b) => b.fill(0, 100, directoryAt(b))),
    'half of it': (b) => b.subarray(0, b.length >> 1),
    'the beginning of a zip, and nothing': () => Buffer.from('PK\x03\x04'),
    'a legacy file': () => Buffer.from('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.', 'latin1'),
  }
}
