/*
 * Runs the JavaScript and the commands of a page's snippets, in one process for all pages. The argument is a folder for
 * the files that they need; stdin has the snippets as JSON, and the last line of stdout what came of each.
 */
import { cpSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import mb from 'mbconv'
import sharp from 'sharp'
import { pictureOf, writePhotos } from './photo-folder.mjs'
import { tarOf } from './tar.mjs'

const require = createRequire(import.meta.url)
const ROOT = process.cwd()
const [folder] = process.argv.slice(2)
const { snippets, commands } = JSON.parse(await text(process.stdin))
const { main } = require(path.join(ROOT, 'dist/cli/main.js'))
process.setMaxListeners(0)

/** A network and a training of milliseconds; nothing else of a configuration changes. */
const SMALL = { width: 0.1, depth: 0.1, resolution: 32 }
const BRIEF = { maxSteps: 1, epochs: 1, evalEveryEpochs: 1 }
const briefly = (config) =>
  config && {
    ...config,
    ...BRIEF,
    model: { ...config.model, ...SMALL, dropPath: 0 },
    run: { curves: false, ...config.run },
  }
const BRIEF_WORDS = [
  '--maxSteps=1',
  '--epochs=1',
  '--model.width=0.1',
  '--model.depth=0.1',
  '--model.resolution=32',
  '--run.curves=false',
]
/** A folder of photographs begins from the published weights, whose network has its own size. */
const BRIEF_FOLDER = ['--maxSteps=1', '--epochs=1', '--data.batchSize=2', '--model.resolution=32', '--run.curves=false']

const runs = []
/** The package, with trainings of one step and experiments that end with their first event. */
const brief = {
  ...mb,
  train(config, options) {
    const run = mb.train(briefly(config), options)
    runs.push(run.result)
    return run
  },
  experiment: {
    ...mb.experiment,
    run(file, options) {
      const stop = new AbortController()
      const run = mb.experiment.run(file, { ...options, dir: 'runs/trial', signal: stop.signal })
      stop.abort()
      runs.push(run.result)
      return run
    },
  },
}
brief.default = brief

/** Writes what the snippets read. */
async function prepare() {
  mkdirSync(folder, { recursive: true })
  process.chdir(folder)
  await writePhotos(sharp, 'photos')
  cpSync('photos', 'more', { recursive: true })
  const digit = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#888' } })
    .png()
    .toBuffer()
  for (const name of ['digit.png', 'a.png', 'b.png', 'three.png']) writeFileSync(name, digit)
  const picture = await pictureOf(sharp, 'birch', 77)
  for (const name of ['cat.jpg', 'new.jpg', 'photo.jpg']) writeFileSync(name, picture)
  writeFileSync('more/other.webp', await pictureOf(sharp, 'ash', 78, { format: 'webp' }))
  for (const part of ['train', 'val'])
    for (let i = 0; i <= (part === 'train' ? 146 : 6); i++) {
      const key = `${part}-${String(i).padStart(3, '0')}`
      writeFileSync(
        `${key}.tar`,
        tarOf([
          [`${key}.jpg`, picture],
          [`${key}.cls`, String(i % 2)],
        ]),
      )
    }
  for (const name of ['smoke', 'cpu', 'gpu'])
    cpSync(path.join(ROOT, 'docs/measured/table7-cpu'), `runs/experiments/table7-${name}`, { recursive: true })
  for (const name of ['scripts', 'configs']) cpSync(path.join(ROOT, name), name, { recursive: true, filter: isText })
  // Weights of a whole network, under the names that the pages use.
  const network = mb.models.create('efficientnet_b0', { init: 'none', profile: 'timm' })
  mkdirSync(path.join(process.env.MBCONV_CACHE, 'weights'), { recursive: true })
  mb.io.safetensors.write('w.safetensors', network.stateDict())
  const published = ['tf_efficientnet_b0.ns_jft_in1k', 'tf_efficientnet_b0.ap_in1k', 'efficientnet_b0.ra_in1k']
  for (const name of published)
    linkSync('w.safetensors', path.join(process.env.MBCONV_CACHE, 'weights', `${name}.safetensors`))
  for (const name of ['tf_efficientnet_b0', 'efficientnet_b0', 'timm']) linkSync('w.safetensors', `${name}.safetensors`)
  network.dispose()
  const run = brief.train({
    model: { name: 'efficientnet_b0' },
    data: { dataset: 'digits' },
    epochs: 1,
    run: { name: 'digits-a' },
  })
  const { runDir } = await run.result
  for (const name of ['digits', 'flowers']) cpSync(runDir, `runs/${name}`, { recursive: true })
  await runCommand(['export', 'runs/digits', '--out', 'digits.onnx'])
  cpSync(path.join(ROOT, 'test/golden/pth/checkpoint.pth'), 'checkpoint.pth')
  return runDir
}
const isText = (name) => !/\/(node_modules|goldens)(\/|$)/.test(name)

/** The names that a page's snippets use and do not define: as its text says. */
function contextOf({ page, code }, runDir) {
  const small = () =>
    mb.models.create(mb.models.scale(mb.models.arch('efficientnet_b0'), { ...SMALL, divisor: 8 }), { numClasses: 10 })
  const classes = Array.from({ length: 10 }, (_, i) => String(i))
  const contexts = {
    'docs/experiments.md': () => ({ signal: new AbortController().signal }),
    'docs/export.md': () => {
      const several = code.includes('thresholds[i]')
      if (several) writeFileSync('model.card.json', JSON.stringify({ classes, thresholds: classes.map(() => 0.5) }))
      const preprocessing = { resolution: 32, size: [8, 8] }
      return { model: small(), classes, preprocessing, sharp, readFileSync, logits: { data: new Float32Array(10) } }
    },
    'docs/operators.md': () => ({ x: mb.rand([3]), y: mb.rand([3]) }),
    'docs/reports.md': () => ({ one: 'runs/experiments/table7-cpu', another: 'runs/experiments/table7-smoke' }),
    'docs/serving.md': () => ({ bytes: readFileSync('digit.png') }),
    'docs/scaling.md': () => ({ arch: mb.models.arch }),
    'docs/training.md': () => ({
      error: new mb.MbconvError('ERR_IO', 'full', { cause: Object.assign(new Error('full'), { code: 'ENOSPC' }) }),
      config: { model: { name: 'efficientnet_b0' }, data: { dataset: 'digits' }, epochs: 1 },
    }),
    'docs/weights.md': () => ({ model: mb.models.create('efficientnet_b0', { profile: 'timm' }) }),
    'docs/using-models.md': () => ({
      network: small(),
      model: runDir,
      paths: ['a.png', { name: 'b', bytes: readFileSync('b.png') }],
    }),
  }
  // What a snippet defines itself must not be taken from outside.
  return contexts[page]?.() ?? {}
}

/** A snippet as the body of an asynchronous function: its imports are calls of `load`. */
const bodyOf = (code) =>
  code
    .replace(/^import \* as (\w+) from ('[^']+')/gm, 'const $1 = await load($2)')
    .replace(/^import (\w+) from ('[^']+')/gm, 'const $1 = (await load($2)).default')
    .replace(
      /^import (\{[^}]*\}) from ('[^']+')/gm,
      (_, names, from) => `const ${names.replaceAll(' as ', ': ')} = await load(${from})`,
    )

const AsyncFunction = (async () => {}).constructor
const load = async (name) => (name === 'mbconv' ? brief : import(name))
const cut = (error) => `${error?.code ?? error?.name}: ${error?.message}`

async function runCode(snippet, runDir) {
  const context = { mb: brief, ...contextOf(snippet, runDir) }
  const names = Object.keys(context)
  // A parameter may be declared again inside a block of its own.
  const run = new AsyncFunction('require', 'load', 'console', ...names, `{ ${bodyOf(snippet.code)}\n }`)
  const quiet = { ...console, log() {}, warn() {} }
  const mine = (name) => (name === 'mbconv' ? brief : require(name))
  await run(mine, load, quiet, ...Object.values(context))
  await Promise.all(runs.splice(0))
}

/** Runs a command of mbconv in this process. Returns its exit status and what it printed. */
async function runCommand(words) {
  const printed = { stdout: '', stderr: '' }
  const originals = {}
  for (const name of ['stdout', 'stderr']) {
    originals[name] = process[name].write
    process[name].write = (chunk, encoding, done) => {
      printed[name] += chunk
      const call = typeof encoding === 'function' ? encoding : done
      if (call) process.nextTick(call)
      return true
    }
  }
  try {
    const status = await main(words)
    return { status, ...printed }
  } finally {
    for (const name of ['stdout', 'stderr']) process[name].write = originals[name]
  }
}

function briefWords(words) {
  // The run that is here, and one of its classes.
  const known = { 'runs/digits-…': 'runs/digits-a', dog: '3' }
  const named = words.map((word) => known[word] ?? word)
  if (named[0] !== 'train' || named.includes('--print-config')) return named
  const isFolder = named.some((word) => /^\.?\/?photos/.test(word))
  return [...named, ...(isFolder ? BRIEF_FOLDER : BRIEF_WORDS)]
}

const runDir = await prepare()
const results = []
for (const snippet of snippets) {
  const began = performance.now()
  let error = null
  await runCode(snippet, runDir).catch((thrown) => {
    error = `${cut(thrown)}\n${thrown?.stack}`
  })
  results.push({ ...snippet, error, ms: performance.now() - began })
}
for (const command of commands) {
  const began = performance.now()
  // Several pages write the same folder.
  const to = command.words.indexOf('--to')
  if (to >= 0) rmSync(command.words[to + 1], { recursive: true, force: true })
  const { status, stdout, stderr } = await runCommand(briefWords(command.words))
  if (command.file) writeFileSync(command.file, stdout)
  results.push({
    ...command,
    error: status === 0 ? null : `status ${status}: ${stderr}`,
    ms: performance.now() - began,
  })
}
process.stdout.write(`\n${JSON.stringify(results)}\n`)
process.exit(0)
