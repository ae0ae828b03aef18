/* What an editor shows on hover: every public declaration has a comment, and every key of a configuration its description. */
import { createRequire } from 'node:module'
import t from 'tap'
import { publicDeclarations } from './helpers/public-declarations.mjs'

const require = createRequire(import.meta.url)
const { trainConfigSchema, experiment } = require('mbconv')

/** The words of a name: `maxReserved` has two. */
const wordsOf = (text) =>
  text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .match(/[\p{L}\p{N}φαβγε]+/gu) ?? []

/** Whether a comment says more than the name does. */
function saysSomething(name, doc) {
  const known = new Set([...wordsOf(name.split('.').at(-1)), 'the', 'a', 'an', 'of', 'is', 'this', 'its'])
  return wordsOf(doc).some((word) => !known.has(word))
}

const all = publicDeclarations()

t.test('every public declaration has a comment', async (t) => {
  const where = ({ file, place }) => `lib/${file}.ts: ${place}`
  const silent = all.filter(({ doc }) => doc === '')
  t.same(
    [...new Set(silent.map(where))],
    [],
    'each has one (keys of configurations get theirs by `node scripts/setup.mjs`)',
  )
  const idle = all.filter(({ name, doc }) => doc !== '' && !saysSomething(name, doc))
  t.same(
    idle.map(({ name, doc }) => `${name}: ${doc}`),
    [],
    'none repeats the name',
  )
  // The walk reaches what it is to reach.
  const names = new Set(all.map(({ name }) => name))
  for (const name of ['Tensor.add', 'nn.functional.crossEntropy', 'AlphaOptions.alpha', 'Network.fuse', 'StepEvent.lr'])
    t.ok(names.has(name), `${name} is among the declarations`)
  t.ok(all.length > 2000, `${all.length} declarations`)
})

t.test('the comments of keys are the descriptions of the schema', async (t) => {
  const keys = all.filter(({ file, place }) => file === 'config/schema' && place.startsWith('trainConfigSchema.'))
  const docOf = (key) => keys.find(({ place }) => place === `trainConfigSchema.${key}`)?.doc
  t.equal(docOf('data.batchSize'), 'Images in a training step. Default: 64.')
  t.equal(docOf('epochs'), `Passes over the training set.`)
  t.match(docOf('model.dropPath'), trainConfigSchema.shape.model.shape.dropPath.description.slice(1))
})

/** The keys of a schema and of all that are inside, that have no description. */
function undescribed(schema, path = []) {
  const { def } = schema._zod
  if (def.type === 'object')
    return Object.entries(def.shape).flatMap(([key, inner]) => [
      ...(descriptionOf(inner) === undefined ? [[...path, key].join('.')] : []),
      ...undescribed(inner, [...path, key]),
    ])
  if (def.type === 'union') return def.options.flatMap((option) => undescribed(option, path))
  const inner = def.innerType ?? def.element
  return inner === undefined ? [] : undescribed(inner, path)
}
function descriptionOf(schema) {
  for (let at = schema; at !== undefined; at = at._zod.def.innerType) if (at.description) return at.description
  return undefined
}

t.test('every key of a schema has a description', async (t) => {
  t.same(undescribed(trainConfigSchema), [])
  t.same(undescribed(experiment.experimentSchema), [])
})
