/* Seeds: one range wherever one is taken, and PyTorch's numbers. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import mb from '../dist/index.js'
import { complaints, SMALLEST, yaml } from './helpers/config.mjs'
import { internal } from './helpers/internals.mjs'

const { parseConfigFile } = internal('configFile')
const { Loader } = internal('loader')
const { inMemory } = internal('imageDataset')
const { loadScenes } = internal('scenes')
const { parseExperimentFile } = internal('experimentSpec')
const { KeyedRandom, philox4x32 } = internal('philox')

const golden = JSON.parse(readFileSync(new URL('./golden/seeds.json', import.meta.url), 'utf8'))
const numberOr = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text))
const dataset = inMemory({
  ...{ name: 'x', classes: ['a', 'b'], shape: [1, 2, 2] },
  ...{ images: new Uint8Array(256), labels: new Uint8Array(64) },
})
const loading = { batchSize: 8, size: 2, mean: 0, std: 1, shuffle: true }

/** Every call that takes a seed, as what it draws from it. */
const CALLS = {
  manualSeed: (seed) => {
    mb.manualSeed(seed)
    return mb.rand([4]).toArray()
  },
  'models.create': (seed) => {
    const network = mb.models.create('mobilenet_v1', { seed, numClasses: 2 })
    const drawn = network.namedParameters()[0][1].flatten().toArray().slice(0, 4)
    network.dispose()
    return drawn
  },
  KeyedRandom: (seed) => new KeyedRandom(seed, 1).uint32(),
  Loader: (seed) => [...new Loader(dataset, { ...loading, seed }).order(0)],
  loadScenes: (seed) => [...loadScenes({ size: 8, train: 1, test: 1, seed }).train.images],
}

/** Every text that takes a seed, as what is read from it. */
const TEXTS = {
  configuration: (seed) => parseConfigFile(yaml(t, `${SMALLEST}seed: ${seed}\n`)).config.seed,
  'command line': (seed) => parseConfigFile(yaml(t, SMALLEST), [`--seed=${seed}`]).config.seed,
  'scenes in a configuration': (seed) =>
    parseConfigFile(yaml(t, `${SMALLEST}data: {dataset: scenes, scenes: {seed: ${seed}}}\n`)).config.data.scenes.seed,
  experiment: (seed) => {
    const spec = 'name: x\nbase: {name: efficientnet_b0}\ndata: {dataset: digits}\ntrain: {epochs: 1}\narms: [base]'
    return parseExperimentFile(yaml(t, `${spec}\nseeds: [${seed}]\n`)).seeds
  },
}

t.test('a seed gives torch’s numbers, whatever its size and sign', async (t) => {
  for (const { seed, uniform } of golden.seeds) {
    t.same(CALLS.manualSeed(numberOr(seed)), uniform, seed)
    if (typeof numberOr(seed) === 'bigint') t.same(CALLS.manualSeed(seed), uniform, `${seed} as text`)
  }
})

const refused = { message: /must be a whole number from -2\^63 to 2\^64 - 1/, code: /ERR_(VALUE|TYPE|CONFIG)/ }

t.test('every call takes the whole range, by its 64 bits, and refuses the rest with the same words', async (t) => {
  for (const [name, take] of Object.entries(CALLS)) {
    for (const { seed, bits } of golden.seeds)
      t.same(take(numberOr(seed)), take(BigInt(bits)), `${name}: ${seed} is ${bits}`)
    for (const seed of [...golden.refused.map(BigInt), 2 ** 53, 0.5, '5', '1e3', null, {}])
      t.throws(() => take(seed), refused, `${name}: ${seed}`)
  }
})

t.test('every file and command line takes the whole range and keeps it exactly', async (t) => {
  for (const [name, take] of Object.entries(TEXTS)) {
    for (const { seed } of golden.seeds) t.equal(String(take(seed)), seed, `${name}: ${seed}`)
    for (const seed of [...golden.refused, '0.5', '"5"', 'x', '9007199254740993.5'])
      t.throws(() => take(seed), refused, `${name}: ${seed}`)
  }
})

t.test('all 64 bits of a seed are the key of what is drawn by counter', async (t) => {
  const seed = 0xfedcba9876543210n
  t.equal(new KeyedRandom(seed, 1, 2, 3).uint32(), philox4x32([0, 3, 2, 1], [0x76543210, 0xfedcba98])[0])
  t.not(CALLS.loadScenes(2n ** 62n).join(), CALLS.loadScenes(0).join(), 'scenes differ')
})

t.test('a configuration keeps a large seed exactly, through JSON as well', async (t) => {
  const { config } = parseConfigFile(yaml(t, `${SMALLEST}seed: 18446744073709551615\n`))
  t.equal(config.seed, '18446744073709551615')
  t.same(mb.parseConfig(JSON.parse(JSON.stringify(config))), config, 'which is read back')
  t.equal(mb.parseConfig({ ...config, seed: 18446744073709551615n }).seed, config.seed, 'as from a BigInt')
  t.equal(mb.parseConfig({ ...config, seed: 7n }).seed, 7)
  t.match(complaints(t, `${SMALLEST}seed: 18446744073709551616\n`).lines[0], /not 18446744073709551616$/)
  t.throws(() => mb.manualSeed(2 ** 63), { code: 'ERR_VALUE', hint: /BigInt/ })
})

t.test('jobs of an experiment add their seed to that of the scenes', async (t) => {
  const { jobConfig } = internal('experimentPlan')
  const config = { data: { dataset: 'scenes', scenes: { seed: '18446744073709551615' } } }
  t.equal(jobConfig({ arm: { config }, seed: 3 }).data.scenes.seed, 2, 'around 2^64')
  t.equal(
    jobConfig({ arm: { config: { data: { dataset: 'scenes' } } }, seed: '9223372036854775808' }).seed,
    '9223372036854775808',
  )
})

t.test('a training with a large seed is that seed’s, resumed as well', async (t) => {
  const dir = t.testdir({})
  const run = (seed, name) =>
    mb.train({
      ...{ model: { name: 'efficientnet_b0', width: 0.1, depth: 0.1, resolution: 32 }, epochs: 1, maxSteps: 2, seed },
      ...{
        data: { batchSize: 8 },
        optimizer: { name: 'sgd', lr: 0.01 },
        device: 'cpu',
        run: { dir, name, curves: false },
      },
    })
  const loss = async (seed, name) => (await run(seed, name)).loss
  t.equal(await loss('18446744073709551615', 'a'), await loss(-1, 'b'))
})
