// Decodes damaged JPEG files, whole and through the training loader. Findings are: a death, a hang, an error without a
// code, memory that grows by more than 300 MB. Each run draws another seed.
//
// Usage: node scripts/fuzz-photographs.mjs [--files 2000] [--seed S] [--folder DIR]
//
// The files are those of test/golden/photos.json, or the JPEG files of --folder, with a few bytes changed, cut out or
// doubled. They are decoded in a process of its own: `--seed S --files N` repeats a run. Exit status 1 if something was
// found.
import { fork } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { damagedFiles } from './fuzz/damage.mjs'

/** Bytes that the process may have grown by, after the first tenth of the files. */
const GROWTH = 300e6
/** Milliseconds that one file may take. */
const PATIENCE = 60_000
/** Files between two measures, and in one archive for the loader. */
const PART = 100

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    folder: { type: 'string' },
    child: { type: 'boolean', default: false },
  },
})
const [count, seed] = ['files', 'seed'].map((name) => {
  if (!/^\d{1,10}$/.test(options[name])) throw new Error(`--${name} takes a whole number`)
  return Number(options[name])
})

function sources() {
  if (options.folder !== undefined) {
    const names = readdirSync(options.folder).filter((name) => /\.jpe?g$/i.test(name))
    return names.map((name) => readFileSync(path.join(options.folder, name)))
  }
  const golden = JSON.parse(readFileSync(new URL('../test/golden/photos.json', import.meta.url), 'utf8'))
  return [...golden.decode, ...golden.batch.files, ...golden.large].map(({ file }) => Buffer.from(file, 'base64'))
}

async function child() {
  const require = createRequire(import.meta.url)
  const { decodeJpeg } = require('../dist/data/photos/pixels.js')
  const { PhotoLoader } = require('../dist/data/photos/training-loader.js')
  const { UnreadableImages } = require('../dist/data/photos/unreadable.js')
  const say = (message) => new Promise((sent) => process.send(message, sent))
  const folder = mkdtempSync(path.join(tmpdir(), 'mbconv-fuzz-photographs-'))
  const files = sources()
  let read = 0
  try {
    for (let from = 0; from < count; from += PART) {
      const damaged = damagedFiles(files, Math.min(PART, count - from), seed + from)
      for (const [i, bytes] of damaged.entries()) {
        await say({ at: from + i })
        try {
          const image = await decodeJpeg(bytes)
          image.dispose()
          read++
        } catch (error) {
          if (error.code !== 'ERR_DATA') await say({ found: `file ${from + i}: ${error.code} ${error.stack}` })
        }
      }
      await throughLoader({ PhotoLoader, UnreadableImages, folder, damaged, from, say })
      await say({ at: from + damaged.length, rss: process.memoryUsage.rss() })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  await say({ done: true, read })
  process.exit(0)
}

/** Loads all files, as members of one archive, with two threads. */
async function throughLoader({ PhotoLoader, UnreadableImages, folder, damaged, from, say }) {
  const file = path.join(folder, 'archive')
  writeFileSync(file, Buffer.concat(damaged))
  let offset = 0
  const images = damaged.map(({ length }, i) => {
    offset += length
    return { name: `file ${from + i}`, file, part: { offset: offset - length, length } }
  })
  const dataset = {
    ...{ name: 'damaged', classes: ['x'], shape: null, length: images.length, labels: new Int32Array(images.length) },
    ...{ read: (i) => images[i], fingerprint: () => '' },
  }
  const unreadable = new UnreadableImages(dataset, images.length, () => {})
  const loader = new PhotoLoader(dataset, { batchSize: 16, size: 32, threads: 2, unreadable })
  try {
    for await (const _ of loader.epoch(from));
  } catch (error) {
    if (error.code !== 'ERR_DATA') await say({ found: `files from ${from} on: ${error.code} ${error.stack}` })
  } finally {
    loader.dispose()
  }
}

/** Watches the child. Returns what was found. */
async function watch() {
  const args = ['--child', '--files', String(count), '--seed', String(seed)]
  if (options.folder !== undefined) args.push('--folder', options.folder)
  const process = fork(fileURLToPath(import.meta.url), args)
  const findings = []
  let [at, least, most, read] = [0, Number.POSITIVE_INFINITY, 0, undefined]
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
    if (message.rss !== undefined && at >= count / 10) {
      least = Math.min(least, message.rss)
      most = Math.max(most, message.rss)
    }
  })
  const [code, signal] = await new Promise((ended) => process.once('exit', (...how) => ended(how)))
  clearTimeout(patience)
  if (read === undefined) findings.push(`file ${at}: the process ended with ${signal ?? code}`)
  const growth = Math.max(0, most - least)
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
