/* Numbers that nobody means: every numeric key of a configuration takes them or refuses them by its name. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { data, parseConfig, train, trainConfigSchema } from 'mbconv'
import t from 'tap'
import { z } from 'zod'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { loadScenes } = data
const { openSession } = internal('session')

const ABSURD = [1e300, -1e300, 1e-300, Number.MIN_VALUE, 2 ** 53, 2 ** 53 - 1, -1, 0, 0.5, Number.NaN, Infinity]

/** Beginnings of the keys that a data set of images of one size refuses. */
const FOREIGN = [
  'data.folder',
  'data.list',
  'data.shards',
  'data.fake',
  'data.cache',
  'data.augment.crop',
  'data.augment.operations',
]
FOREIGN.push('data.cropShare', 'data.maxUnreadable', 'data.loaderThreads')

/** The part of a configuration for other data sets than a folder. */
const OTHERS = {
  list: (key, value) => ({ dataset: 'list', folder: undefined, list: { path: 'a.csv', [key]: value } }),
  shards: (key, value) => ({ dataset: 'shards', folder: undefined, shards: { path: 'a.tar', [key]: value } }),
  cache: (key, value) => ({ dataset: 'cache', folder: undefined, cache: { path: 'c', [key]: value } }),
  fake: (key, value) => ({ dataset: 'fake', folder: undefined, fake: { [key]: value } }),
}

/** Dotted paths of all keys that may be numbers, each with what must stand beside it: `{name: 'sgd'}`. */
function numericKeys(schema, keys = [], beside = {}) {
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) return branches.flatMap((branch) => numericKeys(branch, keys, beside))
  if (['number', 'integer'].includes(schema.type)) return [{ keys, beside }]
  if (schema.type === 'array') {
    const [item] = [schema.prefixItems ?? schema.items].flat()
    return numericKeys(item, keys, beside).map((found) => ({ ...found, list: true }))
  }
  const name = schema.properties?.name?.const
  const more = name === undefined ? beside : { ...beside, [keys.join('.')]: name }
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => numericKeys(child, [...keys, key], more))
}

/** A whole configuration with one value changed. */
function changed(config, { keys, beside, list }, value) {
  const copy = structuredClone(config)
  for (const [mapping, name] of Object.entries(beside))
    copy[mapping] = mapping === 'optimizer' ? { name, lr: 0.001 } : { name }
  let at = copy
  for (const key of keys.slice(0, -1)) {
    at[key] ??= {}
    at = at[key]
  }
  const last = keys.at(-1)
  if (keys[1] === 'progressive') copy.data.progressive = { from: 8, stages: 2, ...copy.data.progressive }
  // Lists with a number of entries that something else decides.
  const lists = { betas: [value, 0.5], classWeights: [value, 1, 1, 1], posWeight: [value, 1, 1, 1] }
  // Another loss refuses it as a whole.
  if (last === 'posWeight') copy.loss = 'bce'
  at[last] = !list ? value : (lists[last] ?? [value])
  return copy
}

t.test('every numeric key: refused by its name, or a training of a step', async (t) => {
  const schema = z.toJSONSchema(trainConfigSchema, { io: 'input' })
  // What a data set of another kind has is refused as a whole; the next test has its keys.
  const found = numericKeys(schema).filter(({ keys }) => !FOREIGN.some((key) => keys.join('.').startsWith(key)))
  const dotted = [...new Set(found.map(({ keys }) => keys.join('.')))]
  t.ok(dotted.length > 40, `${dotted.length} keys`)
  for (const key of ['model.width', 'optimizer.betas', 'schedule.minLr', 'ema.decay', 'checkpoint.keep', 'seed'])
    t.ok(dotted.includes(key), key)
  const dir = t.testdir()
  let runs = 0
  for (const [i, place] of found.entries()) {
    const key = place.keys.join('.')
    for (const [j, value] of ABSURD.entries()) {
      const config = changed(tinyConfig(dir, { top: { maxSteps: 1, ema: {} } }), place, value)
      const name = `${key}: ${value}`
      try {
        parseConfig(config)
      } catch (error) {
        t.equal(error.code, 'ERR_CONFIG', name)
        t.match(error.message, key, name)
        t.equal(error.message.split('\n').length, 1, `${name}: said once`)
        continue
      }
      // Values that are merely odd are other tests' to train with.
      if (['seed', 'maxSteps'].includes(key) || (Math.abs(value) < 1e9 && Math.abs(value) > 1e-9) || value === 0)
        continue
      config.run = { ...config.run, name: `run-${i}-${j}`, curves: false }
      runs++
      try {
        await train(config, { worker: false }).result
      } catch (error) {
        t.equal(error.code, 'ERR_DIVERGED', `${name}: ${error.stack}`)
      }
    }
  }
  t.ok(runs > 50, `${runs} trainings`)
})

t.test('every numeric key of image files, and of what varies them', async (t) => {
  const tiny = tinyConfig(t.testdir())
  const found = numericKeys(z.toJSONSchema(trainConfigSchema, { io: 'input' }))
  const files = found.filter(({ keys }) => FOREIGN.some((key) => keys.join('.').startsWith(key)))
  t.ok(files.length > 40, `${files.length} keys`)
  let taken = 0
  for (const { keys, beside, list } of files) {
    for (const value of ABSURD) {
      const values = list ? [value] : value
      const data = { batchSize: 8, dataset: 'folder', folder: { path: 'photos' } }
      const [, section, key, option] = keys
      const name = beside[keys.slice(0, 3).join('.')]
      if (name !== undefined) data.augment = { operations: [{ name, [option ?? keys.at(-1)]: values }] }
      else if (section === 'augment') data.augment = { [key]: { [keys[3]]: [value, value] } }
      else if (['list', 'shards', 'fake', 'cache'].includes(section)) Object.assign(data, OTHERS[section](key, values))
      else if (section === 'folder') data.folder[key] = values
      else data[section] = values
      try {
        parseConfig({ ...tiny, data })
        taken++
      } catch (error) {
        t.equal(error.code, 'ERR_CONFIG', `${keys.join('.')}: ${value}: ${error.stack}`)
        t.match(error.message, keys.slice(0, 2).join('.'), `${keys.join('.')}: ${value}`)
      }
    }
  }
  t.ok(taken > 10, `${taken} values are taken`)
})

t.test('networks and data that no memory holds are refused before they are made', async (t) => {
  const config = tinyConfig(t.testdir())
  const refused = (model, data, pattern) => {
    const whole = parseConfig({ ...config, model: { ...config.model, ...model }, data: { ...config.data, ...data } })
    return t.rejects(openSession(whole), { code: 'ERR_CONFIG', message: pattern })
  }
  await refused({ width: 600 }, {}, /model\.width.*: [\d,]+ parameters take .* GiB .*; this machine has .* GiB$/)
  await refused({ stem: 1_000_000, width: 1, depth: 1 }, {}, /^model\.stem: /)
  await refused({ name: 'efficientnet_b7', width: 300, depth: 4 }, {}, /^model\.width, model\.depth: /)
  const scenes = { train: 2 ** 24, test: 1, size: 1024 }
  const idx = Object.fromEntries(Object.keys(config.data).map((key) => [key, undefined]))
  await refused(
    {},
    { ...idx, dataset: 'scenes', scenes },
    /^data\.scenes\.train: 16,777,217 images of 1024 px take .* GiB/,
  )
  t.throws(() => loadScenes(scenes), { code: 'ERR_OOM', message: /16777217 images of 1024 px/ })
})

t.test('factors that only together lead to no network', async (t) => {
  const model = { name: 'efficientnet_b0', width: 700 }
  t.doesNotThrow(() => parseConfig({ model, epochs: 1 }))
  const wide = (change) => () => parseConfig({ model: { ...model, ...change }, epochs: 1 })
  t.throws(wide({ width: 1e300 }), { code: 'ERR_CONFIG', message: /^model\.width: leads to no network: stem must be/ })
  t.throws(wide({ depth: 1e300 }), { code: 'ERR_CONFIG', message: /^model\.depth: leads to no network: stages/ })
  for (const alone of [{ width: 780 }, { width: 1, divisor: 600_000 }]) t.doesNotThrow(wide(alone))
  t.throws(wide({ width: 780, divisor: 600_000 }), { code: 'ERR_CONFIG', message: /^model\.\w+: leads to no network/ })
})

t.test('the command: status 2, the key, and nothing is written', async (t) => {
  const cwd = t.testdir({ 'run.yaml': 'model: {name: efficientnet_b0}\nepochs: 1\nrun: {dir: out}\n' })
  const mbconv = (...words) => spawnSync(process.execPath, [path.resolve('dist/cli/main.js'), ...words], { cwd })
  for (const setting of ['model.width=1e300', 'model.depth=1e300', 'model.divisor=9e15', 'model.width=700']) {
    const { status, stderr } = mbconv('train', 'run.yaml', `--${setting}`)
    t.equal(status, 2, setting)
    t.match(String(stderr), setting.split('=')[0])
  }
  t.notOk(fs.existsSync(path.join(cwd, 'out')))
})
