// Every family: counted from its table alone to the digit, at its own scale and at others; named as others name it.
import { readFileSync } from 'node:fs'
import { models } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { ALIASES } = internal('catalogue')

const golden = (name) => JSON.parse(readFileSync(new URL(`./golden/${name}.json`, import.meta.url), 'utf8'))
const { models: families, references, scaled } = golden('families')
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
