// PyTorch's files: what it has written, and what someone might have.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { archive, dictOf, op, program, tensor, zip } from './helpers/pth-writer.mjs'

const { pth } = mb.io
const folder = new URL('./golden/pth/', import.meta.url).pathname
const golden = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))

for (const [name, expected] of Object.entries(golden.files)) {
  t.test(`${name}.pth as PyTorch has written it`, async (t) => {
    const tensors = pth.read(join(folder, `${name}.pth`)).stateDict()
    t.same(Object.keys(tensors), Object.keys(expected))
    for (const [key, { dtype, shape, values }] of Object.entries(expected)) {
      const found = tensors[key]
      t.equal(found.dtype, dtype, key)
      t.same(found.shape, shape)
      t.same(Array.from(mb.scope(() => found.to({ dtype: 'float64' }).toTypedArray())), values)
      found.dispose()
    }
  })
}

t.test('what stands beside the weights', async (t) => {
  const { value } = pth.read(join(folder, 'checkpoint.pth'))
  t.equal(value.get('epoch'), 3)
  t.equal(value.get('best'), 0.5)
  t.same(value.get('flags'), [true, null, [1, -2], 2 ** 40])
  t.equal(value.get('dtype'), 'float32')
  t.same(value.get('size'), [3, 2, 1, 1])
  t.equal(value.get('optimizer').get('param_groups')[0].get('lr'), 0.1)
  t.throws(() => pth.read(join(folder, 'checkpoint.pth')).stateDict('optimizer'), { code: 'ERR_FORMAT' })
})

t.test('other formats are told by name, with the remedy', async (t) => {
  const told = (name, message, hint) =>
    t.throws(() => pth.read(join(folder, name)), { code: 'ERR_FORMAT', message, hint })
  told('legacy.pth', /before 1\.6/, /torch\.save\(torch\.load/)
  told('torchscript.pth', /TorchScript/, /torch\.jit\.load/)
  told('whole_module.pth', /asks for torch\.nn\.modules\.container\.Sequential.*state_dict\(\)/)
  told('expected.json', /no file of torch\.save/)
  t.throws(() => pth.read(join(folder, 'none.pth')), { code: 'ERR_IO' })
})

const good = () => program(dictOf([['weight', tensor()]]))

/** Files that nobody's torch.save has made, and a part of what is said of each. */
const HOSTILE = {
  'nothing in it': [Buffer.alloc(0), /no file of torch\.save|ends too early/],
  'a zip without a pickle': [zip([['a/b', 'x']]), /no data\.pkl/],
  'os.system': [
    archive(program(op.global('os', 'system'), op.mark, op.text('true'), op.tuple, op.reduce)),
    /asks for os\.system/,
  ],
  'builtins.eval': [archive(program(op.global('builtins', 'eval'))), /builtins\.eval/],
  'a call of something of torch': [archive(program(op.global('torch.hub', 'load'))), /torch\.hub\.load/],
  'a name made at run time': [archive(program(op.text('os'), op.text('system'), Buffer.from([0x93]))), /os\.system/],
  'a new object': [archive(program(op.list, op.mark, op.tuple, Buffer.from([0x81]))), /instruction 0x81/],
  'a call of a value': [archive(program(op.text('x'), op.mark, op.tuple, op.reduce)), /calls what is no function/],
  'attributes of a dict': [archive(program(op.dict, dictOf([['__class__', op.none]]), op.build)), /sets attributes/],
  'attributes of a list': [archive(program(op.list, dictOf([['x', op.none]]), op.build)), /sets attributes/],
  'a tuple that grows': [archive(program(op.mark, op.tuple, op.none, Buffer.from('a'))), /something else than a list/],
  'items of a list': [archive(program(op.list, op.mark, op.none, op.none, op.setItems)), /something else than a dict/],
  'an odd number of items': [archive(program(op.dict, op.mark, op.none, op.setItems)), /something else than a dict/],
  'no stop': [archive(Buffer.concat([op.proto, op.none])), /ends too early/],
  'an empty stack': [archive(program()), /empty stack/],
  'a mark as a value': [archive(program(op.mark)), /empty stack/],
  'no mark': [archive(program(op.none, op.tuple)), /no mark/],
  'a memo of nothing': [archive(program(op.get(7))), /has not made/],
  'text longer than the file': [
    archive(Buffer.concat([op.proto, Buffer.from('X\xff\xff\xff\xff', 'latin1')])),
    /ends too early/,
  ],
  'an integer of 200 bytes': [archive(program(op.long(new Uint8Array(200)))), /64 bits/],
  'an unknown protocol': [archive(Buffer.from([0x80, 9, 0x2e])), /unknown protocol/],
  'a storage of objects': [archive(program(tensor({ storage: 'ObjectStorage' }))), /torch\.ObjectStorage/],
  'numbers that are not there': [archive(program(dictOf([['w', tensor({ key: '9' })]]))), /lacks the numbers/],
  'a name that leads out': [
    archive(program(dictOf([['w', tensor({ key: '../../etc/passwd' })]]))),
    /lacks the numbers/,
  ],
  'more elements than numbers': [
    archive(program(dictOf([['w', tensor({ elements: 400, shape: [400] })]]))),
    /smaller than it says/,
  ],
  'a shape beyond the storage': [archive(program(dictOf([['w', tensor({ shape: [5] })]]))), /beyond its storage/],
  'an offset beyond the storage': [archive(program(dictOf([['w', tensor({ offset: 1 })]]))), /beyond its storage/],
  'a negative offset': [archive(program(dictOf([['w', tensor({ offset: -1 })]]))), /damaged/],
  'a stride beyond the storage': [archive(program(dictOf([['w', tensor({ strides: [2] })]]))), /beyond its storage/],
  'a negative stride': [archive(program(dictOf([['w', tensor({ strides: [-1] })]]))), /damaged/],
  'one element repeated a billion times': [
    archive(program(dictOf([['w', tensor({ shape: [1 << 30], strides: [0] })]]))),
    /beyond its storage/,
  ],
  'a shape and strides of different lengths': [
    archive(program(dictOf([['w', tensor({ strides: [1, 1] })]]))),
    /damaged/,
  ],
  'two entries of one name': [
    zip([
      ['a/data.pkl', good()],
      ['a/data.pkl', good()],
    ]),
    /two entries/,
  ],
  'a zip slip': [zip([['../data.pkl', good()]]), /leads out/],
  'an absolute name': [zip([['/etc/data.pkl', good()]]), /leads out/],
  'a backslash in a name': [zip([['a\\data.pkl', good()]]), /leads out/],
  'a wrong checksum': [archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { crc: 1 } : {})), /checksum/],
  'another name inside': [
    archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { localName: 'archive/data.pkX' } : {})),
    /own header/,
  ],
  'entries that overlap': [
    archive(good(), undefined, (name) => (name.endsWith('order') ? { offset: 10 } : {})),
    /reaches into|no header/,
  ],
  'an entry larger than the file': [
    archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { bytes: 0x7fffffff } : {})),
    /reaches into/,
  ],
  'an entry of 2^32 − 1 bytes': [
    archive(good(), undefined, (name) => (name.endsWith('/0') ? { bytes: 0xffffffff } : {})),
    /reaches into/,
  ],
  'a compressed pickle': [
    archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { method: 8 } : {})),
    /compressed/,
  ],
  'big-endian numbers': [
    zip([
      ['a/data.pkl', good()],
      ['a/byteorder', 'big'],
    ]),
    /big-endian/,
  ],
  'no tensor anywhere': [archive(program(dictOf([['epoch', op.int(3)]]))), /no state dict/],
  'no dictionary': [archive(program(op.list)), /no dictionary/],
}

t.test(`${Object.keys(HOSTILE).length} files made to harm`, async (t) => {
  const path = join(t.testdir(), 'a.pth')
  for (const [name, [bytes, message]] of Object.entries(HOSTILE)) {
    writeFileSync(path, bytes)
    const began = performance.now()
    t.throws(() => pth.read(path).stateDict(), { code: 'ERR_FORMAT', message }, name)
    t.ok(performance.now() - began < 1000, `${name}: within a second`)
  }
  writeFileSync(path, archive(good()))
  const { weight } = pth.read(path).stateDict()
  t.same(weight.toArray(), [0, 0, 0, 0], 'the file they were made of is a good one')
  weight.dispose()
})

t.test('files with bytes changed: read, or refused', async (t) => {
  const path = join(t.testdir(), 'a.pth')
  const seed = Number(process.env.MBCONV_FUZZ_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}; repeat with MBCONV_FUZZ_SEED=${seed}`)
  let state = seed
  const random = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  // Whole files, and pickles in an archive whose checksums hold, so that the changes are not all caught there.
  const files = readdirSync(folder).filter((name) => /^(dtypes|views|module|parameters|checkpoint)\.pth$/.test(name))
  const whole = files.map((name) => readFileSync(join(folder, name)))
  const pickles = [
    good(),
    program(
      dictOf([
        [
          'state_dict',
          dictOf([
            ['a', tensor()],
            ['b', tensor({ shape: [2, 2], strides: [1, 2] })],
          ]),
        ],
      ]),
    ),
  ]
  const mutate = (bytes) => {
    const copy = Buffer.from(bytes)
    for (let i = 0; i <= random(4); i++) copy[random(copy.length)] = random(4) === 0 ? 0xff : random(256)
    return random(6) === 0 ? copy.subarray(0, random(copy.length)) : copy
  }
  const before = mb.memory().tensors
  const resident = process.memoryUsage.rss()
  let [read, slowest] = [0, 0]
  const other = []
  for (let i = 0; i < 2500; i++) {
    const bytes = i % 2 === 0 ? mutate(whole[random(whole.length)]) : archive(mutate(pickles[random(2)]))
    writeFileSync(path, bytes)
    const began = performance.now()
    try {
      for (const tensor of Object.values(pth.read(path).stateDict())) tensor.dispose()
      read++
    } catch (error) {
      if (error.code !== 'ERR_FORMAT') other.push(`${i}: ${error.stack}`)
    }
    slowest = Math.max(slowest, performance.now() - began)
  }
  t.same(other, [], 'only ERR_FORMAT')
  t.ok(read > 0 && read < 2000, `${read} of 2,500 can be read`)
  t.ok(slowest < 1000, `${slowest.toFixed(0)} ms at most`)
  t.equal(mb.memory().tensors, before)
  t.ok(process.memoryUsage.rss() - resident < 200e6)
})
