// Measures what a project installs that only predicts from ONNX files: packs this package, installs it into a new project
// with onnxruntime-node and no install scripts, predicts there, and adds up the bytes of node_modules. It does so with all
// optional packages, and with none of them but sharp. Fails if the smaller installation is above the target.
//
//   node scripts/serving-size.mjs         --json
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import mb from 'mbconv'
import sharp from 'sharp'

/** Bytes beside onnxruntime. */
const TARGET = 60e6

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

function bytesBelow(path) {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), 0)
}

/** The packages that onnxruntime-node brings along, and it. */
function packagesOfOnnxruntime(project) {
  const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'))
  const found = new Set()
  const visit = (name) => {
    const key = `node_modules/${name}`
    if (found.has(key) || packages[key] === undefined) return
    found.add(key)
    for (const next of Object.keys(packages[key].dependencies ?? {})) visit(next)
  }
  visit('onnxruntime-node')
  return [...found]
}

/** A network of its own shape, so that the file is small. */
function writeModel(path) {
  const network = mb.models.create(
    mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, resolution: 64 }),
    {
      numClasses: 3,
      seed: 0,
    },
  )
  mb.models.exportOnnx(network, path, { card: mb.models.makeCard(network, { classes: ['a', 'b', 'c'] }) })
  network.dispose()
}

const PREDICT = `
import mb from 'mbconv'
const predictor = await mb.loadPredictor('model.onnx')
const { predictions } = await predictor.predict('image.png')
await predictor.close()
console.log(predictor.runtime, predictions.length)`

const folder = mkdtempSync(join(tmpdir(), 'mbconv-size-'))
const npm = (words, cwd) =>
  execFileSync('npm', words, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
/** npm leaves out sharp's libraries with all optional packages, unless they are named. */
const ONLY_SHARP = [
  'sharp',
  `@img/sharp-${process.platform}-${process.arch}`,
  `@img/sharp-libvips-${process.platform}-${process.arch}`,
  '--omit=optional',
]

/** Installs into a new project, predicts there, and measures. */
function measured(name, tarball, words) {
  const project = join(folder, name)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  npm(['install', tarball, `onnxruntime-node@${peerDependencies['onnxruntime-node']}`, ...words, ...QUIET], project)
  writeModel(join(project, 'model.onnx'))
  writeFileSync(join(project, 'image.png'), image)
  writeFileSync(join(project, 'predict.mjs'), PREDICT)
  const answer = execFileSync(process.execPath, ['predict.mjs'], { cwd: project, encoding: 'utf8' }).trim()
  if (answer !== 'onnxruntime 3') throw new Error(`the prediction in ${name}: ${answer}`)
  const all = bytesBelow(join(project, 'node_modules'))
  const onnxruntime = packagesOfOnnxruntime(project).reduce((sum, key) => sum + bytesBelow(join(project, key)), 0)
  const own = bytesBelow(join(project, 'node_modules', 'mbconv'))
  return { others: all - onnxruntime, own, onnxruntime }
}

const image = await sharp(new Uint8Array(3 * 80 * 80).fill(99), { raw: { width: 80, height: 80, channels: 3 } })
  .png()
  .toBuffer()
try {
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root))
  const tarball = join(folder, filename)
  const results = { all: measured('all', tarball, []), least: measured('least', tarball, ONLY_SHARP) }
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
  for (const [name, { others, own, onnxruntime }] of Object.entries(results)) {
    const parts = `${megabytes(own)} of it mbconv, besides ${megabytes(onnxruntime)} of onnxruntime`
    console.error(`${name}: ${megabytes(others)}, ${parts}`)
  }
  console.error(`target of the least: at most ${megabytes(TARGET)}`)
  if (results.least.others > TARGET) process.exitCode = 1
  if (options.json) console.log(JSON.stringify(results))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
