// Weights saved under the names of other libraries, and .pth files as PyTorch takes them.
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { tinyArch } from '../scripts/fuzz/targets.mjs'
import { internal } from './helpers/internals.mjs'
import { savedFiles, savedState } from './helpers/saved-state.mjs'

mb.setNumThreads(1)
const { ZipFile } = internal('zip')
const golden = (name) => JSON.parse(readFileSync(new URL(`./golden/${name}.json`, import.meta.url), 'utf8'))
const sha256 = (data) => createHash('sha256').update(data).digest('hex')

const equal = (a, b) =>
  mb.scope(() => a.dtype === b.dtype && String(a.shape) === String(b.shape) && a.sub(b).abs().sum().item() === 0)

/** Runs `use` with a network that starts from a seed, with running statistics other than 0 and 1. */
function withNetwork(arch, options, use) {
  const model = mb.models.create(arch, { seed: 5, ...options })
  try {
    mb.scope(() =>
      mb.noGrad(() => {
        mb.manualSeed(6)
        for (const [key, value] of Object.entries(model.stateDict())) {
          if (/running|norm|\.1\.(weight|bias)$/.test(key) && value.ndim === 1) value.uniform_(0.5, 1.5)
          if (key.endsWith('num_batches_tracked')) value.fill_(3)
        }
      }),
    )
    return use(model.eval())
  } finally {
    model.dispose()
  }
}

/** The profile under which a library has a network. timm has the smaller EfficientNetV2 only from TensorFlow. */
const profileOf = (name, scheme) => {
  if (scheme === 'mbconv') return 'paper'
  return scheme === 'timm' && /^efficientnetv2_b/.test(name) ? 'tf' : scheme
}

t.test('a .pth file has the bytes that torch.load has taken', async (t) => {
  const { plain, zip64 } = golden('saved-pth')
  t.same(
    mb.scope(() => Object.values(savedFiles()).map(sha256)),
    [plain, zip64],
  )
})

t.test('a .pth file: entries, places, and what is read back', async (t) => {
  const dir = t.testdir()
  mb.scope(() => {
    const state = savedState()
    for (const [name, bytes] of Object.entries(savedFiles())) {
      const path = join(dir, `${name}.pth`)
      writeFileSync(path, bytes)
      const zip = new ZipFile(path)
      const entries = [...zip.entries.values()]
      zip.close()
      t.match([...zip.entries.keys()].slice(0, 3), ['archive/data.pkl', 'archive/byteorder', 'archive/data/0'])
      t.equal(zip.entries.size, Object.keys(state).length - 1 + 3, 'the tensor of two names is written once')
      for (const { name, offset, bytes: size } of entries) {
        const start = offset + 30 + Buffer.byteLength(name) + bytes.readUInt16LE(offset + 28)
        t.equal(start % 64, 0, `${name} begins at a multiple of 64`)
        t.ok(start + size <= bytes.length)
      }
      const read = mb.io.pth.read(path).stateDict()
      t.same(Object.keys(read), Object.keys(state), 'in the same order')
      for (const [key, value] of Object.entries(state)) {
        t.ok(equal(read[key].to({ dtype: 'float32' }), value.to({ dtype: 'float32' })), `${key} is the same`)
        t.equal(read[key].dtype, value.dtype)
      }
    }
  })
})

t.test('pth.write replaces a file whole, or leaves it', async (t) => {
  const path = join(t.testdir(), 'w.pth')
  mb.scope(() => {
    mb.io.pth.write(path, { x: mb.ones([2]) })
    const size = statSync(path).size
    const disposed = mb.ones([2])
    disposed.dispose()
    t.throws(() => mb.io.pth.write(path, { x: mb.ones([9]), y: disposed }), { code: 'ERR_DISPOSED' })
    t.throws(() => mb.io.pth.write(path, { x: 5 }), { code: 'ERR_TYPE' })
    t.throws(() => mb.io.pth.write(path, null), { code: 'ERR_TYPE' })
    t.throws(() => mb.io.pth.write('', {}), { code: 'ERR_TYPE' })
    t.throws(() => mb.io.pth.write(path, {}, { version: 0 }), { code: 'ERR_VALUE' })
    t.equal(statSync(path).size, size)
    mb.io.pth.write(path, {})
    t.throws(() => mb.io.pth.read(path).stateDict(), { code: 'ERR_FORMAT' }, 'an empty dictionary holds no weights')
  })
})

/** Networks that are small enough to be written. The others are compared by their keys alone, in key-map.test.mjs. */
const SMALL = 13e6

for (const library of ['timm', 'torchvision']) {
  t.test(`files for ${library}: its keys in its order, with its shapes and dtypes`, async (t) => {
    const dir = t.testdir()
    let count = 0
    for (const [name, { entries, shapes }] of Object.entries(golden('keys')[library])) {
      if (mb.models.count(mb.models.arch(name)).params > SMALL) continue
      count++
      const model = mb.models.create(name, { init: 'none', profile: profileOf(name, library) })
      const [pth, safetensors] = ['pth', 'safetensors'].map((ending) => join(dir, `${name}.${ending}`))
      const report = mb.models.saveWeights(model, pth, { scheme: library })
      t.same([report.tensors, report.format, report.scheme], [entries, 'pth', library], name)
      t.equal(report.bytes, statSync(pth).size)
      const describe = ([key, { dtype, shape }]) => `${key} ${dtype} ${shape.join('x')}`
      const { value } = mb.io.pth.read(pth)
      t.equal(sha256([...value].map(describe).join('\n')), shapes, `${name}.pth`)
      if (name.includes('mobilenet_v3')) {
        mb.models.saveWeights(model, safetensors, { scheme: library })
        const read = mb.scope(() => {
          const { tensors } = mb.io.safetensors.read(safetensors)
          return [...value.keys()].map((key) => describe([key, tensors[key]]))
        })
        t.equal(sha256(read.join('\n')), shapes, `${name}.safetensors`)
      }
      model.dispose()
    }
    t.ok(count >= 6, `${count} networks`)
  })
}

t.test('a .pth file brings its profile and its card, under any names', async (t) => {
  const dir = t.testdir()
  const model = mb.models.create('efficientnet_b0', { numClasses: 3, profile: 'tf', seed: 1 })
  const card = mb.models.makeCard(model, { classes: ['a', 'b', 'c'] })
  for (const scheme of ['mbconv', 'timm']) {
    const file = join(dir, `${scheme}.pth`)
    mb.models.saveWeights(model, file, { scheme, card })
    t.same(internal('cardOfWeights').cardOfWeights(file, 'test'), card)
    const other = mb.models.create('efficientnet_b0', { numClasses: 3 })
    mb.models.loadWeights(other, file)
    t.equal(other.profile.name, 'tf', scheme)
    const torchvision = mb.models.create('efficientnet_b0', { numClasses: 3, profile: 'torchvision' })
    t.throws(() => mb.models.loadWeights(torchvision, file), { code: 'ERR_VALUE', message: /of the profile tf/ })
    for (const each of [other, torchvision]) each.dispose()
  }
  t.throws(() => mb.models.saveWeights(model, join(dir, 'a.pth'), { profile: 'as-is' }), {
    code: 'ERR_VALUE',
    message: /the scheme is mbconv/,
  })
  model.dispose()
})

t.test('every scheme of every family, saved and loaded again: the same numbers', async (t) => {
  const dir = t.testdir()
  const names = ['efficientnet_b0', 'efficientnet_lite0', 'efficientnetv2_b0', 'mobilenet_v1', 'mobilenet_v2']
  names.push('mobilenet_v3_small', 'mobilenet_v3_large', 'mnasnet_b1', 'mnasnet_a1', 'resnet18')
  for (const name of names) {
    for (const scheme of ['mbconv', 'torchvision', 'timm']) {
      const profile = profileOf(name, scheme)
      withNetwork(name, { numClasses: 3, profile }, (model) => {
        const file = join(dir, 'w.pth')
        try {
          mb.models.saveWeights(model, file, { scheme })
        } catch (error) {
          t.match(
            error,
            { code: 'ERR_VALUE', message: /has no network like/, hint: /mbconv, timm/ },
            `${name}: ${scheme}`,
          )
          t.ok(scheme === 'torchvision' && /mobilenet_v1|mnasnet_a1/.test(name), 'which torchvision lacks')
          return
        }
        const other = mb.models.create(name, { numClasses: 3, profile, init: 'none' })
        const report = mb.models.loadWeights(other, file, { profile: 'as-is' })
        t.same([report.missing, report.unexpected, report.loaded], [[], [], Object.keys(model.stateDict()).length])
        const state = other.stateDict()
        t.ok(
          Object.entries(model.stateDict()).every(([key, value]) => equal(value, state[key])),
          `${name} as ${scheme}`,
        )
        other.dispose()
      })
    }
  }
})

t.test('what is refused, with the remedy', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'w.safetensors')
  withNetwork('efficientnet_b0', { numClasses: 2, profile: 'paper' }, (model) => {
    const { saveWeights } = mb.models
    t.throws(() => saveWeights(model, file, { scheme: 'torchvision' }), {
      code: 'ERR_VALUE',
      message: /torchvision computes efficientnet_b0 under the profile torchvision, and this network has paper/,
      hint: /profile: 'as-is'/,
    })
    t.throws(() => statSync(file), { code: 'ENOENT' })
    t.equal(saveWeights(model, file, { scheme: 'torchvision', profile: 'as-is' }).name, 'efficientnet_b0')
    t.equal(saveWeights(model, file, { scheme: 'timm' }).name, 'tf_efficientnet_b0', 'paper and tf compute the same')
    t.throws(() => saveWeights(model, join(dir, 'weights')), { code: 'ERR_VALUE', hint: /\.safetensors or \.pth/ })
    t.equal(saveWeights(model, join(dir, 'weights'), { format: 'pth' }).format, 'pth')
    t.throws(() => saveWeights(model, file, { scheme: 'lukemelas' }), { code: 'ERR_VALUE' })
    t.throws(() => saveWeights(model, file, { schema: 'timm' }), { message: /schema/ })
    t.throws(() => saveWeights({}, file), { code: 'ERR_TYPE' })
    t.throws(() => saveWeights(model, 5), { code: 'ERR_TYPE' })
    const fused = model.fuse()
    t.throws(() => saveWeights(fused, file), { code: 'ERR_VALUE', message: /fused/ })
    fused.dispose()
  })
  const missing = join(dir, 'no', 'w.pth')
  withNetwork('efficientnet_b0', { numClasses: 2 }, (model) =>
    t.throws(() => mb.models.saveWeights(model, missing), { code: 'ERR_IO' }),
  )
})

t.test('a table of one’s own, a card, the metadata', async (t) => {
  const file = join(t.testdir(), 'w.safetensors')
  withNetwork(tinyArch(mb), { numClasses: 2, profile: 'timm' }, (model) => {
    const card = mb.models.makeCard(model, { name: 'mine' })
    const report = mb.models.saveWeights(model, file, { scheme: 'timm', card })
    t.equal(report.name, null, 'timm does not publish it')
    const { metadata } = mb.io.safetensors.readMetadata(file)
    t.equal(metadata.format, 'pt')
    t.same(JSON.parse(metadata['mbconv.profile']), model.profile)
    t.equal(JSON.parse(metadata['mbconv.card']).name, 'mine')
  })
})
