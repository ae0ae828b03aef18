// Reads damaged data: image files of every kind, whole and through the training loader, and the files that list or hold
// images. Findings are: a death, a hang, an error without a code, memory that grows by more than 300 MB. Each run draws another
// seed.
//
// Usage: node scripts/fuzz-photographs.mjs [--files 6000] [--seed S] [--folder DIR]
//
// A third of the files are JPEG, which this package decodes itself: those of test/golden/photos.json, or the JPEG files of
// --folder. A third are PNG, WebP, TIFF, GIF and AVIF, which sharp decodes. A third are tar archives, lists, IDX, gzip, CIFAR
// and manifests. A few bytes of each are changed, cut out or doubled. Before them come files of each kind whose headers claim
// 60,000 x 60,000 pixels. All are read in a process of its own: `--seed S --files N` repeats a run. Exit status 1 if something
// was found.
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { data, MbconvError } from 'mbconv'
import sharp from 'sharp'
import { damagedFiles, numbersOf } from './fuzz/damage.mjs'
import { dataFormats, mutated } from './fuzz/data-files.mjs'
import { enlarged, jpegFiles, otherFiles } from './fuzz/image-files.mjs'

/** Bytes that the process may grow by at any moment, after it has read a whole file of each kind. */
const GROWTH = 300e6
/** Milliseconds that one file may take. */
const PATIENCE = 60_000
/** Files between two measures, and in one archive for the loader. */
const PART = 100

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '6000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    folder: { type: 'string' },
    child: { type: 'boolean', default: false },
  },
})
const [count, seed] = ['files', 'seed'].map((name) => {
  if (!/^\d{1,10}$/.test(options[name])) throw new Error(`--${name} takes a whole number`)
  return Number(options[name])
})

/** The JPEG files to damage. */
function sources() {
  if (options.folder === undefined) return jpegFiles()
  const names = readdirSync(options.folder).filter((name) => /\.jpe?g$/i.test(name))
  return Object.fromEntries(names.map((name) => [`jpeg ${name}`, readFileSync(path.join(options.folder, name))]))
}

const require = createRequire(import.meta.url)
const say = (message) => new Promise((sent) => process.send(message, sent))

async function child() {
  const folder = mkdtempSync(path.join(tmpdir(), 'mbconv-fuzz-photographs-'))
  const jpeg = sources()
  const others = await otherFiles(sharp, Object.values(jpegFiles())[0])
  mkdirSync(path.join(folder, 'data'))
  const formats = Object.entries(dataFormats(path.join(folder, 'data')))
  let read = 0
  /** Reads image files one by one and through the loader. */
  async function images(names, files, from) {
    for (const [i, bytes] of files.entries()) {
      await say({ at: from + i })
      if (await decoded(bytes, `${names}, file ${from + i}`)) read++
    }
    await throughLoader(files, folder, `${names}, files from ${from} on`)
  }
  try {
    await images('whole', Object.values({ ...jpeg, ...others }), 0)
    for (const [, { source, read: reading }] of formats) reading(source)
    const before = process.memoryUsage.rss()
    const grown = () => Math.max(0, mostMemory() - before)
    const bombs = Object.entries({ ...jpeg, ...others }).map(([name, bytes]) => enlarged(name, bytes))
    await images('bombs', bombs, 0)
    await say({ grown: grown() })
    read = 0
    for (let from = 0, part = 0; from < count; from += PART, part++) {
      const some = Math.min(PART, count - from)
      if (part % 3 === 0) await images('JPEG', damagedFiles(Object.values(jpeg), some, seed + from), from)
      else if (part % 3 === 1) await images('image', damagedFiles(Object.values(others), some, seed + from), from)
      else {
        const random = numbersOf(seed + from)
        const below = (n) => Math.floor(random() * n)
        for (let i = 0; i < some; i++) {
          const [name, { source, read: reading }] = formats[i % formats.length]
          await say({ at: from + i })
          if (await coded(`${name}, file ${from + i}`, async () => reading(mutated(source, below)))) read++
        }
      }
      await say({ at: from + some, grown: grown() })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  await say({ done: true, read })
  process.exit(0)
}

/** The most memory that this process has held. On Linux its own: getrusage begins with that of the parent. */
function mostMemory() {
  if (process.platform !== 'linux') return 1024 * process.resourceUsage().maxRSS
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
}

/** Whether something goes well. Reports an error unless it is about the data, with a code and, where users see it, a hint. */
async function coded(what, work, { hinted = true } = {}) {
  try {
    await work()
    return true
  } catch (error) {
    const isCoded = error instanceof MbconvError && error.code === 'ERR_DATA' && (error.hint || !hinted)
    if (!isCoded) await say({ found: `${what}: ${error.code} ${error.stack}` })
    return false
  }
}

/** Reads an image as predictions do, and a JPEG also as training does. */
async function decoded(bytes, what) {
  const { decodeJpeg } = require('../dist/data/photos/pixels.js')
  const size = { channels: 3, height: 32, width: 32 }
  const isRead = await coded(what, () => data.readImageFile({ name: 'damaged', bytes }, size))
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return isRead
  return coded(`${what}, as JPEG`, async () => (await decodeJpeg(bytes)).dispose(), { hinted: false })
}

/** Loads all files, as members of one archive, with two threads. */
async function throughLoader(files, folder, what) {
  const { PhotoLoader } = require('../dist/data/photos/training-loader.js')
  const { UnreadableImages } = require('../dist/data/photos/unreadable.js')
  const file = path.join(folder, 'archive')
  writeFileSync(file, Buffer.concat(files))
  let offset = 0
  const images = files.map(({ length }, i) => {
    offset += length
    return { name: `file ${i}`, file, part: { offset: offset - length, length } }
  })
  const dataset = {
    ...{ name: 'damaged', classes: ['x'], shape: null, length: images.length, labels: new Int32Array(images.length) },
    ...{ read: (i) => images[i], fingerprint: () => '' },
  }
  const unreadable = new UnreadableImages(dataset, images.length, () => {})
  const loader = new PhotoLoader(dataset, { batchSize: 16, size: 32, threads: 2, unreadable })
  await coded(what, async () => {
    for await (const _ of loader.epoch(seed % 1000));
  })
  loader.dispose()
}

/** Watches the child. Returns what was found. */
async function watch() {
  const args = ['--child', '--files', String(count), '--seed', String(seed)]
  if (options.folder !== undefined) args.push('--folder', options.folder)
  const process = fork(fileURLToPath(import.meta.url), args)
  const findings = []
  let [at, growth, read] = [0, 0, undefined]
  let patience
  const wait = () => {
    clearTimeout(patience)
    patience = setTimeout(() => {
      findings.push(`file ${at}: hangs`)
      process.kill('SIGKILL')
    }, PATIENCE)
  }
  wait()
  process.on('message', (message) => {
    wait()
    if (message.at !== undefined) at = message.at
    if (message.found !== undefined) findings.push(message.found)
    if (message.done) read = message.read
    if (message.grown !== undefined) growth = message.grown
  })
  const [code, signal] = await new Promise((ended) => process.once('exit', (...how) => ended(how)))
  clearTimeout(patience)
  if (read === undefined) findings.push(`file ${at}: the process ended with ${signal ?? code}`)
  if (growth > GROWTH) findings.push(`the process grew by ${Math.round(growth / 1e6)} MB`)
  console.log(
    `seed ${seed}: ${at} files, ${read ?? '?'} could be read, ${findings.length} findings, growth ${Math.round(growth / 1e6)} MB`,
  )
  return findings
}

if (options.child) await child()
else {
  const findings = await watch()
  for (const finding of findings) console.error(finding)
  process.exit(findings.length > 0 ? 1 : 0)
}
