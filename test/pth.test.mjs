// PyTorch's files: what it has written, and what someone might have.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'
import { good, HOSTILE } from './helpers/hostile-pth.mjs'
import { archive, dictOf, program, tensor } from './helpers/pth-writer.mjs'

const { pth } = mb.io
/** Seconds of the processor since `began`: other programs do not count. */
function cpuSeconds(began) {
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1e6
}
const folder = fileURLToPath(new URL('./golden/pth/', import.meta.url))
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
  told('expected.json', /a JSON text/, /index/)
  told('exported.pt2', /torch\.export \(\.pt2\)/, /torch\.export\.load/)
  t.throws(() => pth.read(join(folder, 'none.pth')), { code: 'ERR_IO' })
})

t.test(`${Object.keys(HOSTILE).length} files made to harm`, async (t) => {
  const path = join(t.testdir(), 'a.pth')
  for (const [name, [bytes, message]] of Object.entries(HOSTILE)) {
    writeFileSync(path, bytes)
    const began = process.cpuUsage()
    t.throws(() => pth.read(path).stateDict(), { code: 'ERR_FORMAT', message }, name)
    t.ok(cpuSeconds(began) < 1, `${name}: within a second of the processor`)
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
    const began = process.cpuUsage()
    try {
      for (const tensor of Object.values(pth.read(path).stateDict())) tensor.dispose()
      read++
    } catch (error) {
      if (error.code !== 'ERR_FORMAT') other.push(`${i}: ${error.stack}`)
    }
    slowest = Math.max(slowest, cpuSeconds(began))
  }
  t.same(other, [], 'only ERR_FORMAT')
  t.ok(read > 0 && read < 2000, `${read} of 2,500 can be read`)
  t.ok(slowest < 1, `${slowest.toFixed(2)} s of the processor at most`)
  t.equal(mb.memory().tensors, before)
  t.ok(process.memoryUsage.rss() - resident < 200e6)
})
