// What a file of torch.save may hold beside weights, against torch.load(weights_only=True), item by item; and which of a
// file's entries are its weights, against timm.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflateSync } from 'node:zlib'
import * as mb from 'mbconv'
import t from 'tap'
import { archive, dictOf, op, program, tensor } from './helpers/pth-writer.mjs'

const { pth } = mb.io
const folder = fileURLToPath(new URL('./golden/pth/', import.meta.url))
const golden = JSON.parse(readFileSync(join(folder, 'globals.json'), 'utf8'))

/** A tensor as the golden has it. */
function describedTensor(value) {
  return mb.scope(() => {
    const numbers = value.isComplex() ? mb.viewAsReal(value.resolveConj()) : value
    const values = Array.from(numbers.to({ dtype: 'float64' }).toTypedArray())
    return { tensor: value.dtype, shape: value.shape, values }
  })
}

/** A value as the golden has it. */
function described(value, tensors) {
  const inner = (each) => described(each, tensors)
  if (value instanceof pth.StoredTensor) return value.problem ? { tensor: 'not read' } : describedTensor(tensors.x)
  if (value instanceof Uint8Array) return { bytes: [...value] }
  if (value instanceof Set) return { set: [...value].sort() }
  if (value instanceof Map) return { dict: [...value].map(([key, each]) => [inner(key), inner(each)]) }
  if (Array.isArray(value)) return value.map(inner)
  if (typeof value === 'bigint') return { integer: String(value) }
  if (value?.constructor === Object) return { ...value }
  return typeof value === 'object' && value !== null ? { other: 'type' } : value
}

const weightsOf = (file) => {
  const tensors = file.stateDict()
  const values = Object.fromEntries(Object.entries(tensors).map(([name, each]) => [name, each.toArray()]))
  for (const each of Object.values(tensors)) each.dispose()
  return values
}

t.test('what stands beside weights', async (t) => {
  const path = join(t.testdir(), 'a.pth')
  const before = mb.memory().tensors
  for (const { item, torch, extra, file } of golden.items) {
    writeFileSync(path, inflateSync(Buffer.from(file, 'base64')))
    const read = pth.read(path)
    t.same(weightsOf(read), { w: [1, 2] }, `${item}: the weights beside it`)
    const value = read.value.get('extra')
    if (torch) {
      const holds = value instanceof Map && value.get('x') instanceof pth.StoredTensor
      const tensors = holds ? read.stateDict('extra') : {}
      t.strictSame(described(value, tensors), extra, `${item}: as torch.load reads it`)
      if (value instanceof Map && value.get('x')?.problem)
        t.throws(() => tensors.x, { code: 'ERR_FORMAT', message: /"x" (is|was) / }, `${item}: asked for`)
      else if (holds) tensors.x.dispose()
    } else if (item !== 'no bytes') {
      t.ok(value instanceof pth.Placeholder, `${item}: torch.load refuses the file; here it is kept by its name`)
      const name = new RegExp(value.global.replaceAll('.', '\\.'))
      t.throws(() => read.stateDict('extra'), { code: 'ERR_FORMAT', message: name }, `${item}: asked for`)
    }
  }
  t.equal(mb.memory().tensors, before, 'no tensor stays behind')
})

t.test('every name that torch.load allows', async (t) => {
  const path = join(t.testdir(), 'a.pth')
  t.ok(golden.globals.length > 140)
  for (const [name, torch] of golden.globals) {
    const at = name.lastIndexOf('.')
    const global = op.global(name.slice(0, at), name.slice(at + 1))
    const entries = [
      ['model', dictOf([['w', tensor()]])],
      ['extra', global],
    ]
    writeFileSync(path, archive(program(dictOf(entries))))
    if (torch) t.same(weightsOf(pth.read(path)), { w: [0, 0, 0, 0] }, name)
  }
})

t.test('a file that asks for the system is refused, whatever else is in it', async (t) => {
  const path = join(t.testdir(), 'a.pth')
  for (const [module, name] of [
    ['os', 'system'],
    ['posix', 'system'],
    ['nt', 'system'],
    ['sys', 'exit'],
  ]) {
    const call = [op.global(module, name), op.mark, op.text('true'), op.tuple, op.reduce]
    const entries = [
      ['model', dictOf([['w', tensor()]])],
      ['extra', call],
    ]
    writeFileSync(path, archive(program(dictOf(entries))))
    t.throws(() => pth.read(path), { code: 'ERR_FORMAT', message: new RegExp(`asks for ${module}\\.${name}`) })
  }
})

t.test('the entry that timm takes', async (t) => {
  const path = join(t.testdir(), 'a.pth')
  const write = (keys) => {
    const entries = keys.map(([name, there], i) => [
      name,
      there ? dictOf([['w', tensor({ shape: [1], offset: i })]]) : op.none,
    ])
    const numbers = Buffer.from(Float32Array.from([0, 1, 2, 3]).buffer)
    writeFileSync(path, archive(program(dictOf([['epoch', op.int(3)], ...entries])), { 0: numbers }))
  }
  for (const { keys, timm, withoutAverage } of golden.entries) {
    write(keys)
    const file = pth.read(path)
    const names = keys.map(([name]) => name)
    t.same(weightsOf(file), { w: [names.indexOf(timm)] }, `${timm} of ${JSON.stringify(keys)}`)
    if (withoutAverage === null) continue
    const { w } = file.stateDict(withoutAverage)
    t.same(w.toArray(), [names.indexOf(withoutAverage)], `${withoutAverage}, asked for`)
    w.dispose()
  }
})

t.test('names of wrappers, as timm cleans them', async (t) => {
  const path = join(t.testdir(), 'a.pth')
  writeFileSync(path, archive(program(dictOf(golden.names.map(([name]) => [name, tensor()])))))
  t.same(
    Object.keys(weightsOf(pth.read(path))),
    golden.names.map(([, name]) => name),
  )
  const colliding = ['module.a', 'a'].map((name) => [name, tensor()])
  writeFileSync(path, archive(program(dictOf(colliding))))
  t.same(Object.keys(weightsOf(pth.read(path))), ['module.a', 'a'], 'none stands in for another')
})

t.test('averaged weights that cannot be read are not replaced in silence', async (t) => {
  const path = join(t.testdir(), 'a.pth')
  const object = [op.global('my.ema', 'ModelEma'), op.mark, op.tuple, op.reduce]
  const entries = [
    ['state_dict', dictOf([['w', tensor()]])],
    ['state_dict_ema', object],
  ]
  writeFileSync(path, archive(program(dictOf(entries))))
  const file = pth.read(path)
  t.throws(() => file.stateDict(), { code: 'ERR_FORMAT', message: /my\.ema\.ModelEma/, hint: /"state_dict"/ })
  const { w } = file.stateDict('state_dict')
  w.dispose()
})
