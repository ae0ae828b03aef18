import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { fromTypedArray, io, memory, scope, tensor, zeros } from 'mbconv'
import t from 'tap'
import { f32, fileOf, HOSTILE } from './helpers/hostile-safetensors.mjs'
import { internalPath } from './helpers/internals.mjs'

const { read, readMetadata, write } = io.safetensors
const golden = fileURLToPath(new URL('./golden/safetensors/', import.meta.url))
const expected = JSON.parse(readFileSync(join(golden, 'dtypes.json'), 'utf8'))

/** float16 and bfloat16 arrive as bits; the golden has their values. */
function valuesOf(t) {
  if (t.dtype === 'float16' || t.dtype === 'bfloat16')
    return scope(() => [...t.to({ dtype: 'float64' }).toTypedArray()])
  if (t.dtype === 'int64') return [...t.toTypedArray()].map(String)
  if (t.dtype === 'bool') return [...t.toTypedArray()].map(Boolean)
  return [...t.toTypedArray()]
}

const dispose = (tensors) => {
  for (const tensor of Object.values(tensors)) tensor.dispose()
}

/** A small checksummed file of several dtypes. */
function writeSample(path) {
  scope(() =>
    write(
      path,
      {
        weight: tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        steps: tensor([7n, -8n]),
        mask: tensor([true, false, true]),
        half: fromTypedArray(new Uint16Array([0x3c00, 0xc000]), [2], { dtype: 'float16' }),
      },
      { format: 'pt' },
      { checksum: true },
    ),
  )
}

t.test("reads the reference implementation's files, every dtype", async (t) => {
  const { tensors, metadata } = read(join(golden, 'dtypes.safetensors'))
  t.strictSame({ ...metadata }, expected.metadata)
  t.strictSame(Object.keys(tensors).sort(), Object.keys(expected.tensors).sort())
  for (const [name, { dtype, shape, values }] of Object.entries(expected.tensors)) {
    t.equal(tensors[name].dtype, dtype, `${name}: dtype`)
    t.strictSame(tensors[name].shape, shape, `${name}: shape`)
    t.ok(
      valuesOf(tensors[name]).every((value, i) => Object.is(value, values[i])),
      `${name}: values`,
    )
  }
  dispose(tensors)
  t.strictSame(Object.keys(read(join(golden, 'nothing.safetensors')).tensors), [])
})

t.test('the header alone', async (t) => {
  const { tensors, metadata } = readMetadata(join(golden, 'dtypes.safetensors'))
  t.strictSame({ ...metadata }, expected.metadata)
  for (const [name, { dtype, shape }] of Object.entries(expected.tensors)) t.strictSame(tensors[name], { dtype, shape })
  const script = `
    const { readMetadata } = require(${JSON.stringify(internalPath('safetensors'))})
    readMetadata(${JSON.stringify(join(golden, 'plain.safetensors'))})
    process.stdout.write(String(Object.keys(require.cache).some((path) => path.endsWith('.node'))))`
  t.equal(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }), 'false', 'without the native code')
})

t.test('what is written is read back, bit for bit', async (t) => {
  const path = join(t.testdir(), 'all.safetensors')
  const { tensors: before } = read(join(golden, 'dtypes.safetensors'))
  for (const checksum of [false, true]) {
    write(path, before, { a: 'b', 'ünï"': '\n' }, { checksum })
    const { tensors: after, metadata } = read(path)
    t.strictSame({ ...metadata }, { a: 'b', 'ünï"': '\n' })
    t.strictSame(Object.keys(after).sort(), Object.keys(before).sort())
    for (const name of Object.keys(before)) {
      t.equal(after[name].dtype, before[name].dtype)
      t.strictSame(after[name].shape, before[name].shape)
      const bits = (x) => Buffer.from(x.toTypedArray().buffer)
      t.ok(bits(after[name]).equals(bits(before[name])), name)
    }
    dispose(after)
  }
  dispose(before)
  t.strictSame(readdirSync(t.testdirName), ['all.safetensors'], 'no temporary file stays')
})

t.test('layout, views and names', async (t) => {
  const path = join(t.testdir(), 'file.safetensors')
  scope(() => {
    const x = fromTypedArray(
      Float32Array.from({ length: 24 }, (_, i) => i),
      [1, 2, 3, 4],
    )
    write(path, {
      channelsLast: x.contiguous({ memoryFormat: 'channelsLast' }),
      transposed: x.transpose(2, 3),
      7: tensor([1]),
      ['__proto__']: tensor([2]),
    })
    const { tensors } = read(path)
    t.ok(tensors.channelsLast.equal(x))
    t.ok(tensors.transposed.equal(x.transpose(2, 3)))
    t.equal(tensors['7'].toTypedArray()[0], 1)
    t.equal(Object.getOwnPropertyDescriptor(tensors, '__proto__').value.toTypedArray()[0], 2)
  })
  const bytes = readFileSync(path)
  t.equal(bytes.readBigUInt64LE(0) % 8n, 0n, 'data begin at a multiple of 8')
})

t.test('mapped: the same tensors, whose file is not written to', async (t) => {
  const path = join(t.testdir(), 'file.safetensors')
  const live = memory().tensors
  const bits = (x) => Buffer.from(x.toTypedArray().buffer)
  writeSample(path)
  for (const file of [join(golden, 'dtypes.safetensors'), join(golden, 'nothing.safetensors'), path]) {
    const [plain, mapped] = [read(file), read(file, { mmap: true })]
    t.same(mapped.metadata, plain.metadata)
    t.same(Object.keys(mapped.tensors), Object.keys(plain.tensors))
    for (const [name, tensor] of Object.entries(plain.tensors)) {
      t.equal(mapped.tensors[name].dtype, tensor.dtype, name)
      t.same(mapped.tensors[name].shape, tensor.shape, name)
      t.ok(bits(mapped.tensors[name]).equals(bits(tensor)), name)
    }
    for (const { tensors } of [plain, mapped]) dispose(tensors)
  }
  const before = readFileSync(path)
  const { weight, ...others } = read(path, { mmap: true }).tensors
  dispose(others)
  weight.fill_(7)
  t.same(weight.toArray(), [7, 7, 7].map(() => [7, 7, 7]).slice(1), 'one outlives the others')
  t.ok(readFileSync(path).equals(before), 'what is written stays here')
  // As every writer of this package's replaces a file.
  const replaced = read(path, { mmap: true }).tensors
  scope(() => write(path, { other: tensor([1]) }))
  t.same(
    scope(() => replaced.weight.toArray()),
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
  )
  dispose(replaced)
  weight.dispose()

  // Data that begins where its elements may not: read instead.
  const entries = { a: f32(0, 8, [2]), b: { dtype: 'U8', shape: [1], data_offsets: [8, 9] } }
  for (let spaces = 0; spaces < 4; spaces++) {
    const data = new Uint8Array(Float32Array.from([1, 2, 0]).buffer, 0, 9)
    writeFileSync(path, fileOf(JSON.stringify(entries) + ' '.repeat(spaces), data))
    const { a, b } = read(path, { mmap: true }).tensors
    t.same([a.toArray(), b.toArray()], [[1, 2], [0]])
    dispose({ a, b })
  }
  const flipped = join(t.testdirName, 'flipped.safetensors')
  writeSample(flipped)
  const bytes = readFileSync(flipped)
  bytes[bytes.length - 20] ^= 1
  writeFileSync(flipped, bytes)
  t.throws(() => read(flipped, { mmap: true }), { code: 'ERR_FORMAT', message: /checksum/ })
  t.throws(() => read(flipped, { mmap: 1 }), { code: 'ERR_TYPE' })
  t.throws(() => read(flipped, { map: true }), { code: 'ERR_TYPE' })
  t.equal(memory().tensors, live)
})

t.test('parameters are written as they are', async (t) => {
  const path = join(t.testdir(), 'file.safetensors')
  scope(() => {
    write(path, { p: tensor([1, 2], { requiresGrad: true }) })
    const { p } = read(path).tensors
    t.strictSame(p.toArray(), [1, 2])
    t.equal(p.requiresGrad, false)
  })
})

t.test('files that are not whole or not valid', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'bad.safetensors')
  const live = memory().tensors
  for (const [title, [bytes, message]] of Object.entries(HOSTILE)) {
    writeFileSync(path, bytes)
    t.throws(() => read(path), { code: 'ERR_FORMAT', message }, title)
    t.throws(() => read(path), { message: /bad\.safetensors/ }, `${title}: names the file`)
  }
  t.equal(memory().tensors, live, 'no tensor stays behind')

  // A tensor that fails after others have been made.
  writeFileSync(
    path,
    fileOf({ a: f32(0, 4), b: { dtype: 'BOOL', shape: [1], data_offsets: [4, 5] } }, Buffer.from([0, 0, 0, 0, 9])),
  )
  t.throws(() => read(path), { code: 'ERR_FORMAT' })
  t.equal(memory().tensors, live, 'those made already are freed')
})

t.test('files that cannot be read at all', async (t) => {
  const dir = t.testdir({ folder: {} })
  t.throws(() => read(join(dir, 'absent')), { code: 'ERR_IO', message: /absent.*no such file/ })
  t.throws(() => read(join(dir, 'folder')), { code: 'ERR_IO', message: /not a regular file/ })
  t.throws(() => read(''), { code: 'ERR_TYPE' })
  t.throws(() => read(undefined), { code: 'ERR_TYPE' })
  execFileSync('mkfifo', [join(dir, 'pipe')])
  t.throws(() => read(join(dir, 'pipe')), { code: 'ERR_IO' }, 'does not wait for a pipe')
})

t.test('what cannot be written leaves the old file alone', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'file.safetensors')
  writeSample(path)
  const before = readFileSync(path)
  scope(() => {
    const gone = zeros([2])
    gone.dispose()
    const bad = {
      'a disposed tensor': [{ a: zeros([2]), gone }, {}, 'ERR_DISPOSED'],
      'no tensor': [{ a: [1, 2] }, {}, 'ERR_TYPE'],
      nothing: [null, {}, 'ERR_TYPE'],
      'the reserved name': [{ __metadata__: zeros([1]) }, {}, 'ERR_VALUE'],
      'metadata that is no text': [{}, { a: 1 }, 'ERR_TYPE'],
      'metadata null': [{}, null, 'ERR_TYPE'],
      "the checksum's key": [{}, { 'mbconv.crc32': '0' }, 'ERR_VALUE'],
      "the checksum's value": [{}, { a: 'mbconv.crc32:0' }, 'ERR_VALUE'],
    }
    for (const [title, [tensors, metadata, code]] of Object.entries(bad)) {
      t.throws(() => write(path, tensors, metadata), { code }, title)
    }
    t.throws(() => write(join(dir, 'none', 'file'), {}), { code: 'ERR_IO' })
    t.throws(() => write('', {}), { code: 'ERR_TYPE' })
  })
  t.ok(readFileSync(path).equals(before))
  t.strictSame(readdirSync(dir), ['file.safetensors'])
})

t.test('any flipped bit of a checksummed file is noticed', async (t) => {
  const path = join(t.testdir(), 'file.safetensors')
  writeSample(path)
  const whole = readFileSync(path)
  const live = memory().tensors
  let unnoticed = 0
  // Padding between the header's JSON and the data carries no meaning.
  const jsonEnd = whole.lastIndexOf('}') + 1
  const dataAt = 8 + Number(whole.readBigUInt64LE(0))
  for (let bit = 0; bit < whole.length * 8; bit++) {
    if (bit >> 3 >= jsonEnd && bit >> 3 < dataAt) continue
    const bytes = Buffer.from(whole)
    bytes[bit >> 3] ^= 1 << (bit & 7)
    writeFileSync(path, bytes)
    try {
      dispose(read(path).tensors)
      unnoticed++
    } catch (error) {
      if (error.code !== 'ERR_FORMAT') throw error
    }
  }
  t.equal(unnoticed, 0)
  t.equal(memory().tensors, live)
})

t.test('truncated, lengthened and scribbled files: an error, or the same tensors', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'file.safetensors')
  const original = join(dir, 'original.safetensors')
  writeSample(original)
  const sample = readFileSync(original)
  const plain = readFileSync(join(golden, 'dtypes.safetensors'))
  const live = memory().tensors
  const attempt = (bytes) => {
    writeFileSync(path, bytes)
    try {
      const { tensors } = read(path)
      const names = Object.keys(tensors).sort().join()
      dispose(tensors)
      return names
    } catch (error) {
      return error.code
    }
  }
  const names = attempt(sample)
  fc.assert(
    fc.property(fc.nat(sample.length - 1), (n) => attempt(sample.subarray(0, n)) === 'ERR_FORMAT'),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 9 }),
      (more) => attempt(Buffer.concat([sample, more])) === 'ERR_FORMAT',
    ),
  )
  fc.assert(
    fc.property(fc.nat(sample.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, scribble) => {
      const bytes = Buffer.from(sample)
      bytes.set(scribble.subarray(0, bytes.length - at), at)
      const outcome = attempt(bytes)
      return outcome === 'ERR_FORMAT' || outcome === names
    }),
    { numRuns: 500 },
  )
  // Without a checksum a changed number passes; a changed structure must still never do harm.
  fc.assert(
    fc.property(fc.nat(plain.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, scribble) => {
      const bytes = Buffer.from(plain)
      bytes.set(scribble.subarray(0, bytes.length - at), at)
      const outcome = attempt(bytes)
      return !/^ERR_/.test(outcome) || outcome === 'ERR_FORMAT'
    }),
    { numRuns: 500 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => /^ERR_FORMAT$|^$/.test(attempt(bytes))))
  t.equal(memory().tensors, live, 'nothing stays behind')
})
