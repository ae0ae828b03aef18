// Files of weights as people have them: any name, wrapped names, several state dicts, something beside, a strange dtype.
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'
import { pairsOf, randomOf } from './helpers/fuzz-weights.mjs'
import { fileOf } from './helpers/hostile-safetensors.mjs'
import { internal } from './helpers/internals.mjs'
import { archive, dictOf, op, program, stateDictParts, writePth } from './helpers/pth-writer.mjs'

const { parseConfig } = internal('trainConfig')
const { openModel } = internal('openModel')
const { layerNames, splitKey } = internal('keyMap')
const { beginWith } = internal('initialWeights')

const { create, arch, loadWeights, scale } = mb.models
const golden = fileURLToPath(new URL('./golden/', import.meta.url))
const table = scale(arch('efficientnet_b0'), { width: 0.25, depth: 0.3, resolution: 32 })
const network = (seed) => create(table, { numClasses: 3, seed })

/** A network's state dict under timm's names, each behind a prefix. */
function named(model, prefix = '') {
  const [own, theirs] = ['mbconv', 'timm'].map((each) => layerNames(model.arch, each))
  return Object.fromEntries(
    Object.entries(model.stateDict()).map(([key, value]) => {
      const [layer, name] = splitKey(key)
      return [`${prefix}${theirs[own.indexOf(layer)]}.${name}`, value]
    }),
  )
}

const equal = (a, b) => {
  const theirs = b.stateDict()
  return Object.entries(a.stateDict()).every(([key, value]) => value.equal(theirs[key]))
}

/** Writes tensors in either format. */
const WRITERS = { safetensors: mb.io.safetensors.write, pth: writePth }

t.test('the format is told by the content, whatever the name', async (t) => {
  const folder = t.testdir()
  const from = network(1)
  for (const [format, write] of Object.entries(WRITERS)) {
    for (const name of ['model_best.pth.tar', 'last.ckpt', 'weights', 'a.safetensors', 'a.pth', 'a.bin', 'a.onnx']) {
      const path = join(folder, name)
      write(path, named(from))
      const to = network(2)
      const { loaded, unexpected, left } = loadWeights(to, path)
      t.equal(loaded, Object.keys(to.stateDict()).length)
      t.same([unexpected, left], [[], []])
      t.ok(equal(to, from), `${format} as ${name}`)
      to.dispose()
    }
  }
  writePth(join(folder, 'a.safetensors'), named(from))
  t.throws(() => loadWeights(from, join(folder, 'a.safetensors'), { mmap: true }), {
    code: 'ERR_VALUE',
    message: /mmap is for safetensors files/,
  })
  from.dispose()
})

t.test('other formats are named, in any reader, whatever the name', async (t) => {
  const path = join(t.testdir(), 'a.safetensors')
  const to = network(2)
  const text = (bytes) => Buffer.from(bytes, 'latin1')
  const tar = Buffer.alloc(1024)
  tar.write('pickle', 0)
  tar.write('ustar', 257)
  for (const [is, bytes] of [
    [/the format that PyTorch had before 1\.6/, readFileSync(join(golden, 'pth/legacy.pth'))],
    [/a tar archive/, tar],
    [/a pickle that torch\.save has not written/, text('\x80\x04\x95\x05\0\0\0\0\0\0\0}q\0.')],
    [/compressed with gzip/, text('\x1f\x8b\x08\0\0\0\0\0\0\0')],
    [/compressed with xz/, text('\xfd7zXZ\0\0\0\0\0')],
    [/an HDF5 file, as Keras writes/, text('\x89HDF\r\n\x1a\n\0\0')],
    [/an ONNX model/, text('\x08\x08\x12\x07pytorch\x1a\x05')],
    [/an array of NumPy/, text('\x93NUMPY\x01\0')],
    [/a TensorFlow Lite model/, text('\x1c\0\0\0TFL3\0\0')],
    [/a pointer of Git LFS/, text('version https://git-lfs.github.com/spec/v1\n')],
    [/HTML/, text('<!doctype html>')],
    [/a JSON text/, text('{"metadata": {}}')],
    [/empty|0 bytes/, text('')],
  ]) {
    writeFileSync(path, bytes)
    for (const read of [
      () => loadWeights(to, path),
      () => mb.io.pth.read(path),
      () => mb.io.safetensors.read(path),
      () => mb.io.safetensors.readMetadata(path),
    ])
      t.throws(read, { code: 'ERR_FORMAT', message: is }, String(is))
  }
  for (const [file, is] of [
    ['pth/exported.pt2', /a program of torch\.export \(\.pt2\)/],
    ['pth/torchscript.pth', /a TorchScript model/],
  ]) {
    writeFileSync(path, readFileSync(join(golden, file)))
    t.throws(() => loadWeights(to, path), { code: 'ERR_FORMAT', message: is })
  }
  t.throws(() => mb.io.safetensors.read(path), { code: 'ERR_FORMAT', message: /torch\.save/, hint: /io\.pth\.read/ })
  writeFileSync(path, readFileSync(join(golden, 'safetensors/plain.safetensors')))
  t.throws(() => mb.io.pth.read(path), { code: 'ERR_FORMAT', message: /a safetensors file/, hint: /io\.safetensors/ })
  // A header of 35,615 bytes begins as gzip does.
  writeFileSync(path, fileOf(`{}${' '.repeat(0x8b1f - 2)}`))
  t.same(mb.io.safetensors.read(path).tensors, {})
  to.dispose()
})

t.test('any prefix, and what is beside it', async (t) => {
  const path = join(t.testdir(), 'weights')
  const from = network(1)
  const live = mb.memory().tensors
  for (const [format, write] of Object.entries(WRITERS)) {
    for (const prefix of [
      'module.',
      'model.',
      'backbone.',
      '_orig_mod.',
      'encoder.',
      'net.',
      'module._orig_mod.',
      'a.b.c.d.',
    ]) {
      mb.scope(() => write(path, { ...named(from, prefix), 'loss.weight': mb.ones([3]), n_averaged: mb.tensor(3n) }))
      const to = network(2)
      const report = loadWeights(to, path)
      t.match(report, { scheme: 'timm', prefix, missing: [], unexpected: [], entry: null })
      t.same([...report.left].sort(), ['loss.weight', 'n_averaged'])
      t.ok(equal(to, from), `${prefix} in ${format}`)
      to.dispose()
    }
    mb.scope(() => write(path, { ...named(from, 'module.'), 'module.head.scale': mb.ones([3]) }))
    const to = network(2)
    t.throws(() => loadWeights(to, path), { code: 'ERR_VALUE', message: /unknown: module\.head\.scale/ })
    t.same(loadWeights(to, path, { strict: false }).unexpected, ['module.head.scale'])
    to.dispose()
  }
  t.equal(mb.memory().tensors, live, 'nothing stays behind')
  from.dispose()
})

t.test('weights that are there more than once', async (t) => {
  const path = join(t.testdir(), 'weights')
  const [raw, averaged, to] = [network(1), network(2), network(3)]
  for (const [format, write] of Object.entries(WRITERS)) {
    write(path, { ...named(raw, 'model.'), ...named(averaged, 'model_ema.') })
    const report = loadWeights(to, path)
    t.equal(report.prefix, 'model_ema.', 'averaged ones, as timm')
    t.ok(report.left.includes('model.conv_stem.weight'))
    t.ok(equal(to, averaged), format)
    t.equal(loadWeights(to, path, { entry: 'model' }).prefix, 'model.')
    t.ok(equal(to, raw))
    write(path, { ...named(raw, 'student.'), ...named(averaged, 'teacher.') })
    t.throws(() => loadWeights(to, path), { code: 'ERR_VALUE', message: /more than once: under student, teacher/ })
    t.ok(equal(to, raw), 'nothing has been changed')
    loadWeights(to, path, { entry: 'teacher' })
    t.ok(equal(to, averaged))
  }
  t.throws(() => loadWeights(to, path, { entry: '' }), { code: 'ERR_TYPE' })
  t.throws(() => loadWeights(to, path, { entry: 3 }), { code: 'ERR_TYPE' })
  for (const entry of ['nobody', 'teach'])
    t.throws(() => loadWeights(to, path, { entry }), { code: /ERR_(VALUE|FORMAT)/ })
  for (const each of [raw, averaged, to]) each.dispose()
})

/** A file as training leaves it, with the weights of two networks behind DataParallel's prefix. */
function writeCheckpoint(path, raw, averaged) {
  const storages = []
  const dict = (model) => {
    const { entries, storages: own } = stateDictParts(named(model, 'module.'))
    const first = storages.length
    storages.push(...Object.values(own))
    return dictOf(entries(first))
  }
  const pickle = program(
    dictOf([
      ['epoch', op.int(3)],
      ['args', [op.global('argparse', 'Namespace'), op.mark, op.tuple, op.reduce]],
      ['state_dict', dict(raw)],
      ['state_dict_ema', dict(averaged)],
    ]),
  )
  writeFileSync(path, archive(pickle, { ...storages }))
}

t.test('state dicts beside each other: what was read and what was left is told', async (t) => {
  const path = join(t.testdir(), 'last.ckpt')
  const [raw, averaged, to] = [network(1), network(2), network(3)]
  writeCheckpoint(path, raw, averaged)
  const report = loadWeights(to, path)
  t.match(report, { entry: 'state_dict_ema', prefix: 'module.', scheme: 'timm', missing: [], unexpected: [] })
  t.same(report.left, ['epoch', 'args', 'state_dict'])
  t.ok(equal(to, averaged))
  const other = loadWeights(to, path, { entry: 'state_dict' })
  t.equal(other.entry, 'state_dict')
  t.same(other.left, ['epoch', 'args', 'state_dict_ema'])
  t.ok(equal(to, raw))
  t.equal(loadWeights(to, path, { entry: 'state_dict_ema.module' }).prefix, 'module.')
  t.ok(equal(to, averaged))
  t.throws(() => loadWeights(to, path, { entry: 'args' }), { code: 'ERR_FORMAT', message: /argparse\.Namespace/ })
  t.throws(() => loadWeights(to, path, { entry: 'epoch' }), { code: 'ERR_FORMAT', message: /"epoch" in it is no dict/ })
  t.throws(() => loadWeights(to, path, { entry: 'ema' }), { code: 'ERR_FORMAT', message: /no state dict under "ema"/ })
  for (const each of [raw, averaged, to]) each.dispose()
})

t.test('the configuration, pretrained and the command line choose, and tell', async (t) => {
  const path = join(t.testdir(), 'last.ckpt')
  const names = ['mobilenet_v3_small', 'mobilenet_v3_large']
  const make = (name, seed, numClasses) => create(name, { numClasses, seed, profile: 'timm' })
  const [raw, averaged, to] = [1, 2, 3].map((seed) => make(names[0], seed, 3))
  writeCheckpoint(path, raw, averaged)

  const model = { weights: path, weightsEntry: null }
  const notes = beginWith(to, { model })
  t.match(notes.join('\n'), /entry "state_dict_ema" was read; "module\." before .*"epoch", "args", "state_dict"/)
  t.ok(equal(to, averaged))
  t.match(beginWith(to, { model: { ...model, weightsEntry: 'state_dict' } }).join(), /entry "state_dict" was read/)
  t.ok(equal(to, raw))
  const config = { model: { name: names[0], weightsEntry: 'state_dict' } }
  t.throws(() => parseConfig(config), { code: 'ERR_CONFIG', message: /weightsEntry.*is of a file that weights names/ })

  const out = join(t.testdirName, 'm.onnx')
  for (const [entry, source] of [
    [[], averaged],
    [['--entry', 'state_dict'], raw],
  ]) {
    const loading = ['--model', names[0], '--weights', path, '--profile', 'timm', '--classes', '3', '--safetensors']
    const run = spawnSync(
      process.execPath,
      [resolve('dist/cli/main.js'), 'export', ...loading, ...entry, '--out', out],
      { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
    )
    t.equal(run.status, 0, run.stderr)
    t.match(run.stderr, entry.length === 0 ? /entry "state_dict_ema" was read/ : /entry "state_dict" was read/)
    loadWeights(to, out.replace('.onnx', '.safetensors'))
    t.ok(equal(to, source))
    const renamed = join(t.testdirName, 'weights')
    copyFileSync(out.replace('.onnx', '.safetensors'), renamed)
    const { network: opened } = openModel(renamed, 'cpu')
    t.ok(equal(opened, source), 'a model is opened whatever its name')
    opened.dispose()
  }

  const classes = mb.models.checkpoints().find(({ name }) => name === 'mobilenetv3_large_100.ra_in1k').numClasses
  const large = [1, 2].map((seed) => make(names[1], seed, classes))
  writeCheckpoint(path, ...large)
  const { network: taken, report } = mb.models.pretrained('mobilenetv3_large_100.ra_in1k', {
    path,
    entry: 'state_dict',
  })
  t.equal(report.entry, 'state_dict')
  t.ok(equal(taken, large[0]))
  for (const each of [raw, averaged, to, taken, ...large]) each.dispose()
})

t.test('an entry of an unknown dtype', async (t) => {
  const path = join(t.testdir(), 'weights')
  const entry = (dtype, shape, from, to) => ({ dtype, shape, data_offsets: [from, to] })
  const header = {
    a: entry('F32', [2], 0, 8),
    b: entry('F8_E4M3', [3], 8, 11),
    c: entry('__proto__', [], 11, 12),
    d: entry('U8', [1], 12, 13),
  }
  writeFileSync(path, fileOf(header, Buffer.alloc(13)))
  for (const mmap of [false, true]) {
    const { tensors, unread } = mb.io.safetensors.read(path, { mmap })
    t.same(Object.keys(tensors).sort(), ['a', 'd'])
    t.same(Object.keys(unread).sort(), ['b', 'c'])
    t.match(unread.b, /is of dtype F8_E4M3, which this package does not have/)
    t.throws(() => tensors.b, { code: 'ERR_FORMAT', message: /"b" is of dtype F8_E4M3/ })
    for (const each of Object.values(tensors)) each.dispose()
  }
  t.equal(mb.io.safetensors.readMetadata(path).tensors.b.dtype, 'F8_E4M3')

  // One that is beside the network's, and one that is the network's.
  const [from, to] = [network(1), network(2)]
  const strange = (rename) => {
    mb.io.safetensors.write(path, named(from))
    const bytes = readFileSync(path)
    const length = Number(bytes.readBigUInt64LE(0))
    const own = JSON.parse(bytes.toString('utf8', 8, 8 + length))
    rename(own, bytes.length - 8 - length)
    writeFileSync(path, fileOf(own, Buffer.concat([bytes.subarray(8 + length), Buffer.alloc(4)])))
  }
  strange((own, end) => {
    own['act.scale'] = entry('F8_E5M2', [4], end, end + 4)
  })
  const report = loadWeights(to, path)
  t.same(Object.keys(report.unread), ['act.scale'])
  t.ok(equal(to, from), 'the others are read')
  strange((own, end) => {
    own['conv_stem.weight'].dtype = 'F8_E5M2'
    own.x = entry('F32', [1], end, end + 4)
  })
  t.throws(() => loadWeights(to, path, {}), {
    code: 'ERR_VALUE',
    message: /missing: features\.0\.0\.weight \("conv_stem\.weight" is of dtype F8_E5M2/,
  })
  t.same(loadWeights(to, path, { strict: false }).missing, ['features.0.0.weight'])
  mb.scope(() => {
    const complex = mb.callOp('aten::view_as_complex', [mb.zeros([1, 2])])
    t.throws(() => mb.io.safetensors.write(path, { complex }), { code: 'ERR_VALUE', message: /not written/ })
  })
  for (const each of [from, to]) each.dispose()
})

t.test('a checksum holds across tensors without elements', async (t) => {
  const path = join(t.testdir(), 'weights')
  mb.scope(() => mb.io.safetensors.write(path, { a: mb.ones([2]), b: mb.zeros([0, 3]) }, {}, { checksum: true }))
  const { a, b } = mb.io.safetensors.read(path).tensors
  t.same(
    [a.toArray(), b.shape],
    [
      [1, 1],
      [0, 3],
    ],
  )
  a.dispose()
  b.dispose()
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] ^= 1
  writeFileSync(path, bytes)
  t.throws(() => mb.io.safetensors.read(path), { code: 'ERR_FORMAT', message: /checksum/ })
})

t.test('headers that are JSON, and not headers: each ends with a code', async (t) => {
  const path = join(t.testdir(), 'weights')
  const seed = Number(process.env.MBCONV_FUZZ_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}; repeat with MBCONV_FUZZ_SEED=${seed}`)
  const random = randomOf(seed)
  const to = network(1)
  const live = mb.memory().tensors
  const odd = []
  let read = 0
  for (let i = 0; i < 1200; i++) {
    const header = pairsOf(random)
    writeFileSync(path, fileOf(header, Buffer.alloc(8)))
    for (const use of [
      () => mb.io.safetensors.readMetadata(path),
      () => mb.io.safetensors.read(path, { mmap: i % 2 === 0 }),
      () => loadWeights(to, path, { strict: false }),
    ]) {
      try {
        for (const each of Object.values(use()?.tensors ?? {})) each.dispose?.()
        read++
      } catch (error) {
        if (!(error instanceof mb.MbconvError) || !/^ERR_(FORMAT|VALUE|SHAPE)$/.test(error.code))
          odd.push(`${header}: ${error.stack}`)
      }
    }
  }
  t.same(odd, [])
  t.ok(read > 0, `${read} were read`)
  t.equal(mb.memory().tensors, live, 'no tensor stays behind')
  to.dispose()
})
