/*
 * Draws the pictures of the live page: docs/watch.png, 1280 px wide, and docs/watch-narrow.png, as on a phone.
 *
 *   node scripts/watch-pictures.mjs            trains three small networks on the digits first, which takes minutes
 *   node scripts/watch-pictures.mjs RUNS       shows the runs in that folder
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { data, parseConfigFile, predictEach, train } from 'mbconv'
import sharp from 'sharp'
import { openBrowser } from '../test/helpers/chromium.mjs'

const require = createRequire(import.meta.url)
const { pngOfPlanes } = require('../dist/drawing/pixels-png.js')
const { serveRuns } = require('../dist/watch/server.js')
const { wrongFirst, writeSamples } = require('../dist/train/run/samples.js')

const root = path.join(import.meta.dirname, '..')

/** The runs differ in their learning rates. The last one is still running when the pictures are drawn. */
const RATES = [0.01, 0.003, 0.03]
const EPOCHS = 6
/** Of the page, px. */
const VIEWS = [
  ['watch.png', 1280, 1],
  ['watch-narrow.png', 400, 2],
]

/** Predictions on the test images, wrong ones first, for the run's samples.json. */
async function sample(runDir, count = 8) {
  const { test } = data.datasetOf({ dataset: 'digits' })
  const images = Array.from({ length: test.length }, (_, i) => ({
    name: `test/${i}.png`,
    bytes: pngOfPlanes(test.read(i), test.shape).png,
  }))
  const samples = []
  for await (const { file, predictions: guesses } of predictEach(runDir, images, { topk: 3 })) {
    const i = samples.length
    samples.push({
      file,
      label: test.classes[test.labels[i]],
      guesses: guesses.map(({ label, probability }) => ({ label, probability })),
      png: images[i].bytes,
    })
  }
  writeSamples(runDir, 1, wrongFirst(samples).slice(0, count))
}

/** Trains the networks, one after another. Returns a function that stops the last one. */
async function trainAll(dir) {
  const { config } = parseConfigFile(path.join(root, 'configs', 'digits.yaml'))
  for (const [i, lr] of RATES.entries()) {
    const stop = new AbortController()
    const run = { dir, name: `digits-lr-${lr}`, curves: false }
    const training = train(
      { ...config, epochs: EPOCHS, optimizer: { ...config.optimizer, lr }, run },
      { signal: stop.signal },
    )
    if (i < RATES.length - 1) {
      const { runDir, top1 } = await training.result
      console.log(`${runDir}: top-1 ${top1}`)
      if (i === 1) await sample(runDir)
      continue
    }
    for await (const event of training) if (event.type === 'eval' && event.epoch === EPOCHS / 2) break
    return async () => {
      stop.abort()
      await training.result
    }
  }
}

const [given] = process.argv.slice(2)
const home = given === undefined ? fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-watch-')) : process.cwd()
// The page shows paths from the working directory on.
process.chdir(home)
const dir = given ?? 'runs'
const stop = given === undefined ? await trainAll(dir) : async () => {}
const server = await serveRuns({ folders: [], dir, newest: 8 })
try {
  for (const [name, width, scale] of VIEWS) {
    const { context, close } = await openBrowser({ deviceScaleFactor: scale, viewport: { width, height: 900 } })
    const page = await context.newPage()
    await page.goto(server.url)
    await page.locator('#chart-loss canvas').waitFor()
    await page.evaluate(() => document.fonts.ready)
    for (const image of await page.locator('.samples img').all()) await image.scrollIntoViewIfNeeded()
    await page.waitForFunction(() => [...document.images].every((image) => image.complete))
    const picture = await page.screenshot({ fullPage: true })
    fs.writeFileSync(path.join(root, 'docs', name), await sharp(picture).png({ palette: true, effort: 10 }).toBuffer())
    await close()
  }
} finally {
  await server.close()
  await stop()
  process.chdir(root)
  if (given === undefined) fs.rmSync(home, { recursive: true })
}
