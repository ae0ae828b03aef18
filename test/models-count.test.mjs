// Figures of the published models, from their tables alone: to the digit, and without loading anything native.
import { readFileSync } from 'node:fs'
import { models } from 'mbconv'
import t from 'tap'

const golden = JSON.parse(readFileSync(new URL('./golden/variants.json', import.meta.url), 'utf8'))

/** Libraries this process has loaded. */
function loadedLibraries() {
  process.report.excludeNetwork = true
  return process.report.getReport().sharedObjects
}

t.test('the published models are listed', (t) => {
  const published = Object.keys(golden.published)
  t.same(models.list().slice(0, published.length), published)
  t.equal(new Set(models.list()).size, models.list().length)
  t.end()
})

for (const [name, expected] of Object.entries(golden.published)) {
  t.test(name, (t) => {
    const arch = models.arch(name)
    const table = {
      name: arch.name,
      width: arch.width,
      depth: arch.depth,
      resolution: arch.resolution,
      dropout: arch.dropout,
      stem: arch.stem,
      channels: arch.stages.map((stage) => stage.channels),
      layers: arch.stages.map((stage) => stage.layers),
      head: arch.head,
    }
    const { blocks, macsAt224, ...rest } = expected
    const wantedTable = Object.fromEntries(Object.keys(table).map((key) => [key, key === 'name' ? name : rest[key]]))
    t.same(table, wantedTable, 'table')
    const wantedCounts = Object.fromEntries(Object.entries(rest).filter(([key]) => !(key in table)))
    t.match(models.count(arch), { ...wantedCounts, blocks, numClasses: 1000, inChannels: 3 }, 'counts')
    t.equal(models.count(arch, { resolution: 224 }).macs, macsAt224, 'multiply-adds at 224 px')
    t.end()
  })
}

t.test('the table of stages adds up, and is the paper’s for B0', (t) => {
  for (const name of models.list()) {
    const arch = models.arch(name)
    for (const options of [{}, { numClasses: 10, resolution: 33, inChannels: 1 }]) {
      const rows = models.stageTable(arch, options)
      const counts = models.count(arch, options)
      const sum = (key) => rows.reduce((total, row) => total + row[key], 0)
      t.equal(sum('params'), counts.params, `${name} parameters`)
      t.equal(sum('macs'), counts.macs, `${name} multiply-adds`)
    }
  }
  const rows = models.stageTable(models.arch('efficientnet_b0'))
  const columns = rows.map(({ stage, operator, inputSize, channels, layers }) =>
    [stage, operator, inputSize, channels, layers].join(' '),
  )
  t.same(columns, [
    'stem conv 3x3 224 32 1',
    '1 MBConv1 3x3 112 16 1',
    '2 MBConv6 3x3 112 24 2',
    '3 MBConv6 5x5 56 40 2',
    '4 MBConv6 3x3 28 80 3',
    '5 MBConv6 5x5 14 112 3',
    '6 MBConv6 5x5 14 192 4',
    '7 MBConv6 3x3 7 320 1',
    'head conv 1x1 7 1280 1',
    'classifier linear 1 1000 1',
  ])
  t.end()
})

t.test('classes and image channels change what they should', (t) => {
  const arch = models.arch('efficientnet_b0')
  const base = models.count(arch)
  const ten = models.count(arch, { numClasses: 10 })
  t.equal(base.params - ten.params, 990 * 1281)
  t.equal(base.macs - ten.macs, 990 * 1280)
  const grey = models.count(arch, { inChannels: 1 })
  t.equal(base.params - grey.params, 2 * 9 * 32)
  t.equal(base.macs - grey.macs, 2 * 9 * 32 * 112 * 112)
  t.end()
})

t.test('wrong arguments are named', (t) => {
  const arch = models.arch('efficientnet_b0')
  t.throws(() => models.arch('efficientnet_b9'), { code: 'ERR_VALUE', message: /efficientnet_b9/, hint: /b8/ })
  t.throws(() => models.arch('toString'), { code: 'ERR_VALUE' })
  t.throws(() => models.arch(0), { code: 'ERR_TYPE' })
  t.throws(() => models.count('efficientnet_b0'), { code: 'ERR_TYPE', op: 'count' })
  t.throws(() => models.count(arch, { classes: 10 }), { code: 'ERR_TYPE', message: /classes/, hint: /numClasses/ })
  t.throws(() => models.count(arch, { numClasses: -1 }), { code: 'ERR_VALUE', message: /numClasses/ })
  t.throws(() => models.count(arch, { resolution: 22.5 }), { code: 'ERR_VALUE', message: /resolution/ })
  t.throws(() => models.count(arch, { inChannels: '3' }), { code: 'ERR_TYPE', message: /inChannels/ })
  t.throws(() => models.count({ ...arch, stages: [] }), { code: 'ERR_VALUE', message: /stages/ })
  const [first, ...others] = arch.stages
  const broken = (change) => ({ ...arch, stages: [{ ...first, ...change }, ...others] })
  t.throws(() => models.count(broken({ kernel: 4 })), { code: 'ERR_VALUE', message: /stages\[0\]\.kernel/ })
  t.throws(() => models.count(broken({ expand: 1.01 })), { code: 'ERR_VALUE', message: /stages\[0\]\.expand/ })
  t.throws(() => models.count(broken({ layers: undefined })), { code: 'ERR_TYPE', message: /stages\[0\]\.layers/ })
  t.end()
})

t.test('tables are frozen', (t) => {
  const arch = models.arch('efficientnet_b3')
  t.throws(() => {
    arch.stages[0].channels = 1
  }, TypeError)
  t.throws(() => arch.stages.push({}), TypeError)
  t.end()
})

t.test('none of this needed native code', (t) => {
  const loaded = loadedLibraries()
  t.ok(loaded.length > 0, 'the process knows what it has loaded')
  t.same(
    loaded.filter((path) => /mbconv|libtorch|libc10/.test(path)),
    [],
  )
  t.end()
})
