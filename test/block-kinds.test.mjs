// Every kind of block is described once: what is counted, built, named, exported and predicted of it agrees.
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { checkArch } = internal('archCheck')
const { BLOCK_KINDS, KINDS } = internal('blockKinds')
const { blocksOf, layersOf } = internal('blockPlan')
const { graphOf } = internal('onnxGraph')
const { layerNames, splitKey } = internal('keyMap')

const { models } = mb
const B0 = models.arch('efficientnet_b0')

/** Tables of one kind: with and without expansion, squeeze-and-excitation, and blocks that the input fits. */
function* tablesOf(kind) {
  const { expands, squeezes, width } = KINDS[kind]
  const expansions = !expands ? [1] : width === 'input' ? [1, 3] : [0.25, 0.5]
  for (const expand of expansions) {
    for (const seRatio of squeezes ? [0, 0.25] : [0]) {
      for (const own of expands ? [{}, { expanded: 20 }] : [{}]) {
        const stage = { block: kind, kernel: 3, stride: 2, expand, ...own, channels: 16, layers: 2, seRatio }
        const stages = [{ ...stage, stride: 1, channels: 8, layers: 1 }, stage, { ...stage, kernel: 5, channels: 24 }]
        yield { ...B0, name: `${kind}_e${expand}_se${seRatio}`, stem: 8, stages, head: 0, resolution: 24 }
      }
    }
  }
}

for (const kind of BLOCK_KINDS) {
  t.test(kind, async (t) => {
    for (const table of tablesOf(kind)) {
      const checked = checkArch('test', table)
      const counts = models.count(table, { numClasses: 5 })
      const network = models.create(table, { numClasses: 5, seed: 0 })
      const state = network.stateDict()
      const numbers = network.parameters().reduce((sum, { numel }) => sum + numel, 0)
      t.equal(numbers, counts.params, `${table.name}: parameters`)
      t.equal(Object.keys(state).length, counts.stateDictEntries, 'length of the state dict')
      t.same([...new Set(Object.keys(state).map((key) => splitKey(key)[0]))], layerNames(checked, 'mbconv'), 'names')
      t.equal(layerNames(checked, 'timm').length, layerNames(checked, 'mbconv').length, 'as many in timm')
      const onnx = graphOf(network, 'input', { resolution: 24, fold: false }).tensors
      const shapes = (tensors) => tensors.map(({ shape }) => shape.join('x')).sort()
      const kept = Object.entries(state).filter(([key]) => !key.endsWith('num_batches_tracked'))
      t.same(shapes(onnx.filter(({ name }) => !name.startsWith('constant'))), shapes(kept.map(([, v]) => v)), 'ONNX')
      mb.scope(() => {
        const images = mb.zeros([2, 3, 24, 24])
        t.same(network.forward(images).shape, [2, 5], 'forward')
      })
      network.dispose()
      if (!KINDS[kind].activatesSum) {
        const { weights } = models.estimateMemory(table, { numClasses: 5 })
        t.ok(weights >= 4 * (counts.params + counts.floatBuffers), 'the memory model has all weights')
      }
      for (const stage of table.stages) {
        const { block, ...rest } = stage
        t.match(models.parseStage(models.formatStage(stage)), kind === 'mbconv' ? rest : stage, 'text')
      }
    }
  })
}

t.test('a kind’s layers follow one another, and are not the same text twice', async (t) => {
  t.equal(new Set(BLOCK_KINDS.map((kind) => KINDS[kind].code)).size, BLOCK_KINDS.length, 'codes')
  t.equal(new Set(BLOCK_KINDS.map((kind) => KINDS[kind].title)).size, BLOCK_KINDS.length, 'titles')
  for (const kind of BLOCK_KINDS) {
    for (const table of tablesOf(kind)) {
      for (const plan of blocksOf(checkArch('test', table))) {
        let { input } = plan
        for (const layer of layersOf(plan).filter(({ part }) => part !== 'downsample')) {
          t.equal(layer.input, input, `${table.name}: ${layer.part}`)
          input = layer.output
        }
        t.equal(input, plan.output)
      }
    }
  }
})

t.test('what a kind does not have is refused', async (t) => {
  for (const kind of BLOCK_KINDS) {
    const { expands, squeezes } = KINDS[kind]
    const stage = { block: kind, kernel: 3, stride: 1, expand: 1, channels: 16, layers: 1, seRatio: 0 }
    const refused = (change, message) =>
      t.throws(() => models.count({ ...B0, stages: [{ ...stage, ...change }] }), { code: 'ERR_VALUE', message }, kind)
    if (!expands) refused({ expand: 2 }, /expand must be 1/)
    if (!expands) refused({ expanded: 32 }, /no expanded width/)
    if (!squeezes) refused({ seRatio: 0.25 }, /no squeeze-excitation/)
  }
  t.throws(() => models.count({ ...B0, stages: [{ ...B0.stages[0], block: 'dense' }] }), { code: 'ERR_VALUE' })
})

t.test('a table is checked once', async (t) => {
  const table = checkArch('test', { ...models.arch('mobilenet_v3_small') })
  t.equal(checkArch('test', table), table, 'a checked one is given back')
  t.equal(checkArch('test', B0), B0, 'as is a published one')
  const scaled = models.scale(B0, { width: 2 })
  t.equal(checkArch('test', scaled), scaled, 'and a scaled one')
  for (const part of [table, table.stages, table.stages[0], table.squeeze]) t.ok(Object.isFrozen(part), 'frozen')
  t.throws(() => checkArch('test', { ...table, stem: 0 }), { code: 'ERR_VALUE' }, 'a changed copy is checked')
  t.throws(() => checkArch('test', Object.create(table, { stem: { value: 0 } })), { code: 'ERR_VALUE' })
})

t.test('scaling rounds the planes of a bottleneck, and its own width inside', async (t) => {
  const stage = {
    block: 'bottleneck',
    kernel: 3,
    stride: 1,
    expand: 1,
    expanded: 64,
    channels: 256,
    layers: 1,
    seRatio: 0,
  }
  const [scaled] = models.scale({ ...B0, stages: [stage] }, { width: 0.5 }).stages
  t.match(scaled, { channels: 128, expanded: 32 })
})
