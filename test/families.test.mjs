// Every family: counted from its table alone to the digit, at its own scale and at others; named as others name it.
import { readFileSync } from 'node:fs'
import { models } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { ALIASES } = internal('catalogue')

const golden = (name) => JSON.parse(readFileSync(new URL(`./golden/${name}.json`, import.meta.url), 'utf8'))
const { models: families, references, scaled, rectangles } = golden('families')
const figures = { ...golden('variants').published, ...families }

t.test('every published figure of every model, and there is no model without', async (t) => {
  t.same(Object.keys(figures).sort(), models.list().sort())
  for (const [name, { resolution, params, macs, stateDictEntries }] of Object.entries(figures)) {
    const counted = models.count(models.arch(name), { resolution })
    t.match(counted, { params, macs, resolution }, name)
    // The state dict's length is not known of all.
    if (stateDictEntries !== undefined) t.equal(counted.stateDictEntries, stateDictEntries, `${name}, state dict`)
  }
})

t.test('inputs that are no squares', async (t) => {
  for (const [name, { resolution, ...figures }] of Object.entries(rectangles)) {
    t.match(models.count(models.arch(name), { resolution }), { resolution, ...figures }, name)
    const scaled = models.scale(models.arch(name), { resolution })
    t.equal(models.count(scaled).macs, figures.macs, 'as a property of the table, too')
    const { macs, outputShape, inputSize } = models.stageTable(scaled)[0]
    t.ok(macs > 0)
    t.same(
      [inputSize, outputShape.slice(1)],
      [resolution, resolution.map((side) => Math.ceil(side / (name === 'resnet18' ? 4 : 2)))],
    )
  }
  const b0 = models.arch('efficientnet_b0')
  t.same(models.scale(b0, { resolution: [224, 224] }), b0, 'a square is its side')
  const wide = models.scale(b0, { resolution: [96, 384] })
  t.match(wide, { name: 'efficientnet_b0_w1_d1_r96x384', resolution: [96, 384] })
  t.equal(models.scale(wide, { resolution: 96 }).name, 'efficientnet_b0_w1_d1_r96')
  t.throws(() => models.fit({ base: wide, budget: { macs: { times: 2 } } }), {
    code: 'ERR_VALUE',
    message: /square input, not 96x384 px/,
  })
  for (const resolution of [[96], [96, 0], [96, 1, 2], '96x384', [96, '1']])
    t.throws(() => models.scale(b0, { resolution }), { name: 'MbconvError', message: /resolution/ })
})

t.test('AlexNet, to compare with', async (t) => {
  const rows = Object.fromEntries(
    models.references().map(({ name, resolution, params, macs, stateDictEntries }) => {
      return [name, { resolution, params, macs, stateDictEntries }]
    }),
  )
  t.same(rows, references)
  t.throws(() => models.arch('alexnet'), { code: 'ERR_VALUE' })
})

t.test('timm’s and torchvision’s names for the same networks', async (t) => {
  const { timm, torchvision } = golden('names')
  const theirs = { ...timm, ...torchvision }
  const found = [...models.list().map((each) => models.count(models.arch(each))), ...models.references()]
  for (const [name, [params, entries]] of Object.entries(theirs)) {
    const ours = models.canonicalName(name)
    const reference = models.references().find((each) => each.name === ours)
    const counted = reference ?? models.count(models.arch(name))
    t.same([counted.params, counted.stateDictEntries], [params, entries], `${name} is ${ours}`)
    t.equal(found.filter((each) => each.params === params).length, 1, 'and no other')
  }
  t.same(
    [...ALIASES.keys()].filter((alias) => !(alias in theirs)),
    [],
    'no name is made up',
  )
})

t.test('scaled as the paper scales other families', async (t) => {
  for (const { base, width = 1, depth = 1, resolution, head, stem, params, macs } of scaled) {
    const table = models.scale(models.arch(base), { width, depth, resolution })
    const counted = models.count({ ...table, head: head ?? table.head, stem: stem ?? table.stem })
    t.same(
      { params: counted.params, macs: counted.macs },
      { params, macs },
      `${base} w ${width} d ${depth} at ${resolution}`,
    )
  }
})
