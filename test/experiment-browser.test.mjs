/*
 * Reports in a browser: Chromium opens the page, complains of nothing, asks for nothing, and shows everything.
 * The system's Chromium is used, or the one that CHROME_PATH names; without one the test says that it is skipped.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { contextFor, luminance } from './helpers/chromium.mjs'
import { internal } from './helpers/internals.mjs'
import { curves, evolution, families, five, grid, plan, writeExperiment } from './helpers/made-up-experiment.mjs'

const { analyzeFolder } = internal('analysis')
const { tablesOf } = internal('reportTables')
const { writeReport } = internal('writeReport')

const context = await contextFor(t)

/** What the page looks like from within, once its letters are there. */
async function inspect() {
  await document.fonts.ready
  const box = (node) => node.getBoundingClientRect()
  const visible = (node) => box(node).width > 0 && box(node).height > 0
  const figures = [...document.querySelectorAll('figure')].map((figure) => {
    const pictures = [...figure.querySelectorAll('svg')].filter(visible)
    const [picture] = pictures
    const words = picture ? [...picture.querySelectorAll('text')] : []
    // A word that leaves its picture, by more than its outline.
    const around = picture && box(picture)
    const lost = words.filter((word) => box(word).left < around.left - 2 || box(word).right > around.right + 2)
    const heights = words.map((word) => box(word).height)
    return {
      id: figure.id,
      shown: pictures.length,
      width: picture ? box(picture).width : 0,
      height: picture ? box(picture).height : 0,
      lost: lost.map((word) => word.textContent),
      smallest: Math.min(...heights),
    }
  })
  const cells = (table) =>
    [...table.querySelectorAll('tbody tr')].map((row) => [...row.children].map((c) => c.innerText))
  return {
    figures,
    tables: [...document.querySelectorAll('table')].map((table) => ({ id: table.id, rows: cells(table) })),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    // The ground of a picture, and its curve: attributes that are CSS variables.
    ground: getComputedStyle(document.querySelector('figure svg > rect') ?? document.body).fill,
    text: document.body.innerText,
    fonts: [...document.fonts].map(({ family, weight, status }) => `${family} ${weight} ${status}`),
  }
}

const VIEWS = [
  [1280, 'light'],
  [390, 'light'],
  [390, 'dark'],
  [1280, 'dark'],
]

const folder = t.testdir()
const experiments = {
  five: five({ paper: 'table7' }),
  curves: curves(),
  grid: grid(),
  evolution: evolution(),
  families: families(),
}
experiments.nothing = { plan: plan(five().plan.arms), rows: [] }

for (const [name, { plan: made, rows }] of Object.entries(experiments)) {
  t.test(`the report of ${name}`, async (t) => {
    const target = writeExperiment(join(folder, name), made, rows)
    const { html, figures } = await writeReport(target)
    const analysis = analyzeFolder(target)
    const page = await context.newPage()
    t.teardown(() => page.close())
    const [complaints, requests] = [[], []]
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => requests.push(request.url()))

    const address = pathToFileURL(html).href
    for (const [width, scheme] of name === 'five' ? VIEWS : [VIEWS[0], VIEWS[2]]) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme: scheme })
      await page.goto(address)
      const seen = await page.evaluate(inspect)
      const where = `${width} px, ${scheme}`
      t.same(seen.fonts, ['Lato 400 loaded', 'Lato 700 loaded'], `${where}: the page brings its letters`)
      t.ok(seen.overflow <= 0, `${where}: ${seen.overflow} px to the right of the window`)
      t.same(
        seen.figures.map(({ id }) => id),
        figures.map(({ id }) => `figure-${id}`),
      )
      for (const { id, shown, width: wide, height, lost, smallest } of seen.figures) {
        t.equal(shown, 1, `${where}: ${id} is shown once`)
        t.ok(wide > 0.85 * Math.min(width - 40, 940) && height > 100, `${where}: ${id} is ${wide} × ${height} px`)
        t.same(lost, [], `${where}: ${id}: no word leaves the picture`)
        t.ok(smallest > 11, `${where}: ${id}: the smallest letters are ${smallest} px high`)
      }
      const light = luminance(seen.background)
      t.ok(scheme === 'light' ? light > 0.9 : light < 0.2, `${where}: ground ${seen.background}`)
      t.ok(Math.abs(light - luminance(seen.ink)) > 0.6, `${where}: ink ${seen.ink}`)
      if (seen.figures.length > 0) t.equal(seen.ground, seen.background, `${where}: pictures have the page's ground`)
      for (const { id, rows: wanted } of tablesOf(analysis)) {
        const table = seen.tables.find((entry) => entry.id === `table-${id}`)
        t.same(table?.rows, wanted, `${where}: table ${id}`)
      }
      for (const words of ['What the results show', 'What the results do not show', 'How to reproduce it']) {
        t.ok(seen.text.includes(words), words)
      }
    }

    // On paper: light and whole, whatever the screen is.
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    const printed = await page.evaluate(inspect)
    t.ok(luminance(printed.background) > 0.9, `on paper: ${printed.background}`)
    for (const { id, shown } of printed.figures) t.equal(shown, 1, `on paper: ${id}`)

    t.same(complaints, [])
    const others = requests.filter((url) => url !== address && !url.startsWith('data:'))
    t.same(others, [], 'the page asks for nothing')
    if (process.env.MBCONV_SCREENSHOTS) {
      await page.emulateMedia({ media: 'screen', colorScheme: 'light' })
      await page.screenshot({ path: join(process.env.MBCONV_SCREENSHOTS, `${name}.png`), fullPage: true })
    }
  })
}
