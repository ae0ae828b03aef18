/*
 * The page of mbconv watch in a browser: it asks only its own server, complains of nothing, fits a phone, and follows
 * the runs. The system's Chromium is used, or the one that CHROME_PATH names; without one the test says that it is
 * skipped.
 */
import net from 'node:net'
import path from 'node:path'
import t from 'tap'
import { contextFor, luminance } from './helpers/chromium.mjs'
import { internal } from './helpers/internals.mjs'
import { goOn, labelledSamples, someSamples, writeRun } from './helpers/made-up-runs.mjs'

const { serveRuns } = internal('watchServer')
const { writeSamples } = internal('samples')

const context = await contextFor(t)

const EVIL = '<img src=x onerror=alert(1)>'

const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

const options = (folders, port) => ({ folders, dir: 'none', newest: 8, every: 30, port })

/** A page, with what it complains of and what it asks for. */
async function openPage(t, url) {
  const page = await context.newPage()
  t.teardown(() => page.close())
  const [complaints, requests] = [[], []]
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(url)
  return { page, complaints, requests }
}

const described = (page, chart) => page.locator(`#chart-${chart} .plot`).getAttribute('aria-label')

/** Waits until a chart is described with these words. */
const shows = (page, chart, words) =>
  page.locator(`#chart-${chart} .plot[aria-label*=${JSON.stringify(words)}]`).waitFor({ timeout: 20_000 })

/** What the page looks like from within. */
function inspect() {
  const box = (node) => node.getBoundingClientRect()
  const { clientWidth, scrollWidth } = document.documentElement
  const canvases = [...document.querySelectorAll('figure canvas')]
  return {
    overflow: scrollWidth - clientWidth,
    outside: [...document.querySelectorAll('main *')]
      .filter((node) => box(node).width > 0 && getComputedStyle(node.closest('thead') ?? node).position !== 'absolute')
      .filter((node) => box(node).right > clientWidth + 1 && !node.closest('.uplot'))
      .map((node) => node.outerHTML.slice(0, 80)),
    canvases: canvases.map((canvas) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })
      copy.drawImage(canvas, 0, 0)
      const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data
      const seen = new Set()
      for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 250) seen.add(pixels.slice(i, i + 3).join())
      return { width: box(canvas).width, height: box(canvas).height, right: box(canvas).right, colours: seen.size }
    }),
    background: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    smallest: Math.min(
      ...[...document.querySelectorAll('main *')].map((node) => Number.parseFloat(getComputedStyle(node).fontSize)),
    ),
    rows: [...document.querySelectorAll('tbody tr')].map((row) => row.innerText.replace(/\s+/g, ' ')),
    samples: [...document.querySelectorAll('.samples li')].map((item) => [
      item.className,
      item.innerText.split('\n')[0].replace(/\s/g, ' '),
      item.querySelector('img').naturalWidth,
    ]),
  }
}

t.test('curves, table and samples, on a wide screen and on a phone, light and dark', async (t) => {
  const dir = t.testdir()
  const first = writeRun(path.join(dir, 'first'), { to: 40, result: { interrupted: false } })
  const second = writeRun(path.join(dir, EVIL), { to: 25, best: 0.7, lr: 0.02 })
  writeSamples(first, 1, someSamples(EVIL))
  const server = await serveRuns(options([first, second], await freePort()))
  t.teardown(() => server.close())
  const { page, complaints, requests } = await openPage(t, server.url)
  await shows(page, 'loss', 'first, training: 40 points')
  t.equal(
    await described(page, 'loss'),
    `Loss. first, training: 40 points; ${EVIL}, training: 25 points; first, test: 4 points; ${EVIL}, test: 2 points.`,
  )
  t.equal(await described(page, 'score'), `Top-1 accuracy, %. first, test: 4 points; ${EVIL}, test: 2 points.`)
  t.equal(
    await described(page, 'lr'),
    `Learning rate. first, learning rate: 40 points; ${EVIL}, learning rate: 25 points.`,
  )
  await page.locator('.samples img').nth(5).scrollIntoViewIfNeeded()
  await page.waitForFunction(() => [...document.querySelectorAll('.samples img')].every((image) => image.complete))

  for (const [width, scheme] of [
    [1280, 'light'],
    [400, 'light'],
    [400, 'dark'],
  ]) {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ colorScheme: scheme })
    // A chart takes its new size in a later frame.
    await page.waitForFunction(
      (most) => [...document.querySelectorAll('figure canvas')].every((c) => c.getBoundingClientRect().right <= most),
      width,
    )
    const seen = await page.evaluate(inspect)
    const where = `${width} px, ${scheme}`
    t.ok(seen.overflow <= 0, `${where}: ${seen.overflow} px to the right of the window`)
    t.strictSame(seen.outside, [], `${where}: nothing leaves the window`)
    t.equal(seen.canvases.length, 3)
    for (const { width: wide, height, colours } of seen.canvases) {
      t.ok(wide >= Math.min(width - 40, 520) && height >= 200, `${where}: ${wide} × ${height}`)
      t.ok(colours >= 2, `${where}: ${colours} colours are drawn`)
    }
    t.ok(seen.smallest >= 11.5, `${where}: the smallest letters have ${seen.smallest} px`)
    const light = luminance(seen.background)
    t.ok(scheme === 'light' ? light > 0.9 : light < 0.2, `${where}: ground ${seen.background}`)
    t.ok(Math.abs(light - luminance(seen.ink)) > 0.6, `${where}: ink ${seen.ink}`)
    t.match(seen.rows[0], /^first .*finished/)
    t.match(seen.rows[0], /4 of 12/)
    t.match(seen.rows[0], /13 %/)
    t.match(seen.rows[0], /600 MiB/)
    t.match(seen.rows[1], EVIL)
    t.strictSame(
      seen.samples.map(([name, verdict]) => `${name} ${verdict}`),
      ['dog (75 %)', 'dog (65 %)', 'dog (55 %)', `${EVIL} (50 %)`, `${EVIL} (60 %)`, `${EVIL} (70 %)`].map(
        (words, i) => (i < 3 ? `wrong wrong: ${words}` : `right right: ${words}`),
      ),
    )
    t.ok(
      seen.samples.every(([, , wide]) => wide === 8),
      'the images are there',
    )
  }

  await page.locator('tbody tr').nth(1).locator('input').uncheck()
  await page.waitForFunction(() => !document.querySelector('#chart-loss .plot').ariaLabel.includes('img'))
  t.equal(await described(page, 'loss'), 'Loss. first, training: 40 points; first, test: 4 points.')
  await page.locator('#logarithmic').check()
  await page.locator('#chart-loss .u-over').hover()
  t.match(await page.locator('#chart-loss .readout').innerText(), /^step \d+ +first \d\.\d{4} +first test \d\.\d{4}$/)
  t.strictSame(complaints, [])
  t.strictSame(
    requests.filter((url) => !url.startsWith(server.url)),
    [],
    'the page asks only its own server',
  )
})

t.test('it follows a run, and finds its server again', async (t) => {
  const folder = writeRun(path.join(t.testdir(), 'run'), { to: 12 })
  const port = await freePort()
  let server = await serveRuns(options([folder], port))
  const { page } = await openPage(t, server.url)
  await shows(page, 'loss', 'run, training: 12 points; run, test: 1 point.')
  goOn(folder, { from: 13, to: 20 })
  await shows(page, 'loss', 'run, training: 20 points; run, test: 2 points.')
  await server.close()
  await page.locator('#connection.lost').waitFor()
  t.match(await page.locator('#connection').innerText(), /no connection/)
  goOn(folder, { from: 21, to: 30 })
  server = await serveRuns(options([folder], port))
  t.teardown(() => server.close())
  await shows(page, 'loss', 'run, training: 30 points; run, test: 3 points.')
  await page.locator('#connection:not(.lost)').waitFor()
  t.equal(await page.locator('#connection').innerText(), 'live')
})

t.test('runs whose images have several labels, alone and beside others', async (t) => {
  const dir = t.testdir()
  const several = writeRun(path.join(dir, 'several'), { to: 20, task: 'multiLabel' })
  const single = writeRun(path.join(dir, 'single'), { to: 20 })
  writeSamples(several, 1, labelledSamples())
  const server = await serveRuns(options([several, single], await freePort()))
  t.teardown(() => server.close())
  const { page, complaints } = await openPage(t, server.url)
  await shows(page, 'score', 'Top-1 accuracy or mAP, %. several, test: 2 points; single, test: 2 points.')
  await page.locator('tbody tr').nth(1).locator('input').uncheck()
  await shows(page, 'score', 'mAP, %. several, test: 2 points.')
  t.equal(await page.locator('#chart-score h2').innerText(), 'mAP, %')
  await page.locator('.samples li').nth(1).waitFor()
  const { rows, samples } = await page.evaluate(inspect)
  t.match(rows[0], /mAP 43\.79 %/)
  t.match(rows[1], / 43\.79 %/)
  t.notMatch(rows[1], /mAP/)
  t.strictSame(
    samples.map(([, verdict]) => verdict),
    ['wrong: no label', 'right: dog, cat'],
  )
  t.equal(await page.locator('.samples .truth').innerText(), 'is cat, dog')
  t.strictSame(complaints, [])
})
