/* Reports of experiments whose numbers are made up: what they say, and that they say no more. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseHTML } from 'linkedom'
import mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import {
  ACCURACIES,
  curves,
  done,
  evolution,
  FIVE,
  failed,
  families,
  five,
  grid,
  plan,
  rowsOf,
  writeExperiment,
} from './helpers/made-up-experiment.mjs'

const { analyzeFolder } = internal('analysis')
const { compareExperiments } = internal('compare')
const { conclusions, notShown } = internal('conclusions')
const { pairedTest, summarize } = internal('statistics')
const { points, pValue } = internal('wording')
const { PAPER_POINTS } = internal('paper')
const { spread } = internal('plotStyle')
const { writeReport } = internal('writeReport')

const folder = t.testdir()
let count = 0
const write = ({ plan, rows }, timings) => writeExperiment(join(folder, `made-up-${count++}`), plan, rows, timings)
/** What a report says at its head and at its end. */
function says(made, timings) {
  const analysis = analyzeFolder(write(made, timings))
  return { head: conclusions(analysis), open: notShown(analysis), analysis }
}

const arm = (id) => FIVE.find((entry) => entry.id === id)
const read = (path) => readFileSync(path, 'utf8')
const plain = (text) => text.replaceAll('\u00a0', ' ')

/** The cells of a table of the page, by its id. */
function cellsOf(html, id) {
  const { document } = parseHTML(html)
  const rows = document.querySelectorAll(`#table-${id} tbody tr`)
  return [...rows].map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))
}

function parseCsv(text) {
  const [header, ...lines] = text.trim().split('\n')
  const split = (line) => [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map(([, a, b]) => a ?? b)
  return lines.map((line) => Object.fromEntries(header.split(',').map((name, i) => [name, split(line)[i]])))
}

t.test('page, Markdown and CSV hold the numbers of the statistics', async (t) => {
  const made = five({ paper: 'table7' })
  const target = write(made)
  const paths = await writeReport(target)
  t.same(readdirSync(join(target, 'report')).sort(), [
    'accuracy-cost.png',
    'accuracy-cost.svg',
    'arms.csv',
    'arms.png',
    'arms.svg',
    'comparisons.csv',
    'comparisons.png',
    'comparisons.svg',
    'paper.png',
    'paper.svg',
    'report.html',
    'report.md',
    'results.csv',
  ])
  for (const path of paths.files) t.ok(existsSync(path), path)
  t.equal(paths.files.length, 13)
  const [html, markdown] = [read(paths.html), read(paths.markdown)]

  const armRows = parseCsv(read(paths.csv.arms))
  for (const [id, values] of Object.entries(ACCURACIES)) {
    const { mean, sd, interval } = summarize(values)
    const row = armRows.find((entry) => entry.arm === id)
    t.equal(Number(row.mean), mean)
    t.equal(Number(row.sd), sd)
    t.equal(Number(row.low), interval[0])
    t.equal(row.seeds, '3')
    const shown = `${(100 * mean).toFixed(1)} % ± ${(100 * sd).toFixed(1)}`
    const between = `${(100 * interval[0]).toFixed(1)} to ${(100 * interval[1]).toFixed(1)}`
    const cells = cellsOf(html, 'arms').find(([name]) => name === id)
    t.equal(cells[2], shown)
    t.equal(cells[3], between)
    t.match(markdown, `| ${id} | ${arm(id).label} | ${shown} | ${between} | 3 |`)
  }

  const tests = ['depth', 'width', 'resolution'].map((against) => ({
    against,
    test: pairedTest(ACCURACIES.compound.map((value, i) => value - ACCURACIES[against][i])),
  }))
  const comparisonRows = parseCsv(read(paths.csv.comparisons))
  for (const { against, test } of tests) {
    const row = comparisonRows.find((entry) => entry.against === against)
    for (const [name, value] of Object.entries({
      difference: test.mean,
      t: test.t,
      p: test.p,
      low: test.interval[0],
    })) {
      t.equal(Number(row[name]), value, `${against}: ${name}`)
    }
    const cells = cellsOf(html, 'comparisons').find(([name]) => name === `compound − ${against}`)
    t.equal(cells[1], points(test.mean, { sign: true }))
    t.equal(cells[6], pValue(Number(row.pHolm)).replace(/p (= )?/, ''))
    t.match(plain(html), pValue(Number(row.pHolm)).replace('<', '&lt;'))
  }
  // Three tests: the least p times three, and none below an earlier one.
  const raw = tests.map(({ test }) => test.p).sort((a, b) => a - b)
  t.equal(Number(comparisonRows.find(({ against }) => against === 'depth').pHolm), 3 * raw[0])

  const results = parseCsv(read(paths.csv.results))
  t.equal(results.length, 15)
  t.equal(Number(results.find((row) => row.arm === 'width' && row.seed === '1').top1), ACCURACIES.width[1])
  for (const text of paths.conclusions) t.match(plain(html), text.replaceAll('<', '&lt;'))
  t.match(html, 'mbconv experiment run made-up.yaml --profile fixture\nmbconv experiment report')
})

t.test('how to do it again: with the keys that were set and the folder that was named', async (t) => {
  const paths = await writeReport(write(five({ set: ['train.epochs=5', 'base={name: b0}'], dir: '/data/my runs' })))
  const commands = [
    "mbconv experiment run made-up.yaml --profile fixture --set train.epochs=5 --set 'base={name: b0}' --dir '/data/my runs'",
    "mbconv experiment report '/data/my runs/made-up-fixture'",
  ]
  t.ok(read(paths.markdown).includes(commands.join('\n')))
})

t.test('a difference is claimed where its corrected test finds it, and nowhere else', async (t) => {
  const { head, open } = says(five())
  t.equal(head.length, 3)
  t.match(
    head[0],
    /^Compound beats depth by 4\.6 points \(95 % interval \+4\.2 to \+4\.9; p < 0\.001, corrected for 3 comparisons; 3 seeds\)\.$/,
  )
  t.match(
    head[1],
    /^Compound against width: no significant difference \(\+1\.9 points; 95 % interval −0\.9 to \+4\.8; p = 0\.096/,
  )
  t.match(head[1], /3 seeds could have detected a difference of about 6\.4 points after the correction\.$/)
  t.match(open.join('\n'), /“No significant difference” does not mean that there is none/)
  t.match(open.join('\n'), /its p cannot be below 0\.25 with 3 pairs/)
  t.match(open.join('\n'), /32 to 65 px, procedural scenes/)
  t.match(open.join('\n'), /not tuned for each arm/)
  t.notMatch(open.join('\n'), /Digits|Unfinished|Failed|Refused/)

  // Alone the test would find it; among three it does not count.
  const narrow = { ...ACCURACIES, depth: ACCURACIES.compound.map((v, i) => v - [0.013, 0.02, 0.022][i]) }
  narrow.resolution = ACCURACIES.compound.map((v, i) => v - [0.01, -0.02, 0.012][i])
  const made = plan(FIVE)
  const { head: weak, analysis } = says({ plan: made, rows: rowsOf(made, narrow) })
  const [depth] = analysis.comparisons
  t.ok(depth.test.p < 0.05 && depth.p > 0.05, `${depth.test.p} alone, ${depth.p} corrected`)
  t.match(weak[0], /no significant difference/)
  t.match(weak[0], /Without the correction the difference would have been significant/)

  const behind = { ...ACCURACIES, compound: ACCURACIES.base.map((value) => value - 0.001 * value) }
  t.match(says({ plan: made, rows: rowsOf(made, behind) }).head[0], /^Compound is behind depth by 3\.4 points/)
})

t.test('too little to conclude from', async (t) => {
  const one = plan(FIVE, { seeds: [7] })
  const alone = says({ plan: one, rows: rowsOf(one, ACCURACIES) })
  t.match(
    alone.head[0],
    'Compound against depth: +4.6 points in the only seed that both have finished. One seed cannot',
  )
  t.match(alone.open[0], 'There is one seed: no spread, no interval and no test.')
  t.notMatch(alone.head.join(), /beats|behind|p =/)

  const none = says({ plan: plan(FIVE), rows: [] })
  t.same(none.head, ['No job has finished yet, so there is nothing to conclude.'])
  t.match(none.open[0], 'Unfinished: 15 of 15 jobs: base (seeds 0, 1, 2)')

  const all = says({ plan: plan(FIVE), rows: FIVE.flatMap((entry) => [0, 1, 2].map((seed) => failed(entry, seed))) })
  t.same(all.head, ['All 15 jobs failed, so there is nothing to conclude.'])
  t.match(all.open[0], 'Failed: base, seed 0: loss is NaN at step 12 (ERR_DIVERGED).')
  t.match(all.open.join('\n'), 'Failed: 3 more jobs')

  const made = plan(FIVE)
  const same = rowsOf(made, { ...ACCURACIES, depth: ACCURACIES.compound.map((value) => value - 0.02) })
  t.match(
    says({ plan: made, rows: same }).head[0],
    /\+2\.0 points in each of 3 seeds\. Significance cannot be judged without any spread\.$/,
  )
  const equal = rowsOf(made, { ...ACCURACIES, depth: ACCURACIES.compound })
  t.match(says({ plan: made, rows: equal }).head[0], /no significant difference \(equal in every seed\)/)

  const flat = rowsOf(made, Object.fromEntries(FIVE.map(({ id }) => [id, [0.1, 0.1, 0.1]])))
  const { head, analysis } = says({ plan: made, rows: flat })
  t.equal(head[0], 'No arm has learned: all are near chance (10.0 %). Nothing can be said about scaling.')
  t.match(analysis.arms[0].top1, { sd: 0, interval: null }, 'no spread is no certainty')
  const { figures } = await writeReport(write({ plan: made, rows: flat }))
  for (const { svg } of figures) t.notMatch(read(svg), /NaN|Infinity/)

  const digits = says(five({ data: { dataset: 'digits' } }))
  t.match(digits.open.join('\n'), /resolution has nothing to show here/)
  const chance = rowsOf(made, { ...ACCURACIES, depth: [0.11, 0.1, 0.12], width: [0.981, 0.983, 0.979] })
  t.match(says({ plan: made, rows: chance }).open.join('\n'), /Near chance \(10\.0 %\): depth[\s\S]*Near 100 %: width/)
})

t.test('unfinished, failed and refused arms are named', async (t) => {
  const refused = [
    {
      id: 'resolution',
      label: 'resolution',
      series: 'resolution',
      reason: 'no resolution is within 3 % of the budget',
      nearest: { macs: 5_600_000, error: -0.085, coefficients: { depth: 1, width: 1, resolution: 61 } },
    },
  ]
  const made = plan(
    FIVE.filter(({ id }) => id !== 'resolution'),
    { refused, comparisons: [{ arm: 'compound', against: 'depth' }] },
  )
  const rows = rowsOf(made, { ...ACCURACIES, width: [0.687, null, null] })
  rows.push(failed(arm('width'), 1, 'out of memory', 'ERR_OOM'))
  const { head, open, analysis } = says({ plan: made, rows })
  t.same(analysis.jobs, { planned: 12, done: 10, failed: 1 })
  t.equal(analysis.finished, false)
  t.equal(head[0], 'Not finished: 10 of 12 jobs are done. The results below may change.')
  // The only declared comparison: nothing to correct for.
  t.match(head[1], /^Compound beats depth by 4\.6 points \(95 % interval \+4\.2 to \+4\.9; p < 0\.001; 3 seeds\)\.$/)
  t.equal(open[0], 'Unfinished: 1 of 12 jobs: width (seed 2).')
  t.equal(open[1], 'Failed: width, seed 1: out of memory (ERR_OOM).')
  t.match(
    open[2],
    'Refused: resolution: no resolution is within 3 % of the budget. The nearest reachable is 3.66× the base’s cost, −8.5 % off the budget.',
  )

  // A grid can refuse dozens for their cost: they share one sentence.
  const nearest = (error) => ({ ...refused[0].nearest, macs: 2 * 1_530_000 * (1 + error), error })
  const costly = [-0.208, 0.056].map((error, i) => ({
    ...refused[0],
    id: `a1.${i}`,
    reason: `has some multiply-adds, ${error} off 2 times the base’s`,
    nearest: nearest(error),
  }))
  t.equal(
    says({ plan: { ...made, refused: [...costly, ...refused] }, rows }).open[2],
    'Refused because the counted cost is outside the budget (cost in multiples of the base, deviation): a1.0 (1.58×, −20.8 %), a1.1 (2.11×, +5.6 %).',
  )

  const target = write({ plan: made, rows })
  const html = read((await writeReport(target)).html)
  t.equal(cellsOf(html, 'arms').find(([id]) => id === 'width')[4], '1, 1 failed, 1 open')
  t.match(html, '10 of 12, 1 failed (unfinished)')

  // A line of a crash, half written; a line twice; a failure that was made good; a stranger.
  const path = join(target, 'results.jsonl')
  const repaired = [
    done(arm('width'), 1, 0.66),
    done(arm('width'), 1, 0.1),
    done({ ...arm('depth'), id: 'gone' }, 0, 1),
  ]
  writeFileSync(path, `${read(path)}${repaired.map((row) => JSON.stringify(row)).join('\n')}\n{"arm":"width","se`)
  const after = analyzeFolder(target)
  t.same(after.jobs, { planned: 12, done: 11, failed: 0 })
  t.same(after.arms.find((entry) => entry.arm.id === 'width').values, [
    { seed: 0, top1: 0.687 },
    { seed: 1, top1: 0.66 },
  ])
  t.match(notShown(after).at(-1), '1 line of results.jsonl belong')
})

t.test('curves, grids and stage searches have reports of their own', async (t) => {
  const drawn = async (made) => {
    const paths = await writeReport(write(made))
    return { ...paths, page: read(paths.html), ids: paths.figures.map(({ id }) => id) }
  }
  const curved = await drawn(curves())
  t.same(curved.ids, ['accuracy-cost', 'arms', 'paper'])
  t.match(curved.conclusions[0], /No comparison was declared, so nothing is tested/)
  t.match(curved.conclusions[1], /^depth: 61\.4 % at 1× and 66\.9 % at 8\.08×/)
  const svg = read(curved.figures[0].svg)
  const texts = [...parseHTML(svg).document.querySelectorAll('text')].map((node) => node.textContent)
  for (const wanted of ['compound 72.9 %', 'depth 66.9 %', 'base 61.4 %', '2×', '8×'])
    t.ok(texts.includes(wanted), wanted)
  t.notMatch(svg, /NaN|undefined|Infinity/)
  t.match(curved.page, /The paper’s Figure 3: ImageNet/)

  const several = await drawn(families())
  t.same(several.ids, ['accuracy-cost', 'arms', 'comparisons', 'paper'])
  const words = [...parseHTML(read(several.figures[0].svg)).document.querySelectorAll('text')].map((e) => e.textContent)
  for (const wanted of [/^mobilenet_v2: test accuracy/, /^resnet50: test accuracy/, /^d 2, r 32 \d/]) {
    t.ok(
      words.some((word) => wanted.test(word)),
      `${wanted}`,
    )
  }
  t.match(several.conclusions[0], /^resnet50-compound (beats|against) resnet50-depth/)

  const searched = await drawn(grid())
  t.same(searched.ids, ['ranking-phase0-phi1', 'ranking-phase1-phi2', 'accuracy-cost'])
  const ranked = cellsOf(searched.page, 'ranking-phase0-phi1')
  t.equal(ranked.length, 12)
  for (const [id, alpha, beta, gamma, constraint, counted] of ranked) {
    t.equal(constraint, (alpha * beta ** 2 * gamma ** 2).toFixed(3), id)
    const { macs } = grid().plan.arms.find((entry) => entry.id === id)
    t.equal(counted, `${Number((macs / grid().plan.base.macs).toPrecision(3))}×`)
  }
  t.match(searched.conclusions[0], 'At φ = 1, a1.2-b1.1-g1.17 has the highest mean of 12 candidates')
  t.match(searched.conclusions[1], /^8 others are statistically indistinguishable from it: /)
  t.match(
    searched.conclusions[2],
    /^3 candidates are worse \(two means must differ by [\d.]+ points to be distinguished\)\.$/,
  )
  t.match(searched.conclusions.at(-1), 'The best ray at φ = 1 has rank 1 of 3 at φ = 2.')

  // One seed: an order, and no more.
  const single = grid()
  single.plan.seeds = [0]
  const { head } = says({ plan: single.plan, rows: single.rows.filter(({ seed }) => seed === 0) })
  t.match(head[1], /the order may be chance/)
  t.notMatch(head.join(), /worse \(/)

  const evolved = await drawn(evolution())
  t.same(evolved.ids, ['pareto'])
  const found = cellsOf(evolved.page, 'objectives')
  const { plan: searchedPlan, rows } = evolution()
  const scores = rows.map(({ arm, top1, macs }) => ({ arm, score: top1 * (macs / searchedPlan.budget.macs) ** -0.07 }))
  scores.sort((a, b) => b.score - a.score)
  t.same(
    found.map(([id, score]) => [id, score]),
    scores.slice(0, 20).map(({ arm, score }) => [arm, score.toFixed(4)]),
  )
  t.match(evolved.conclusions.join(), /The order of the networks is not tested/)
})

t.test('the page loads nothing, and takes hostile words as words', async (t) => {
  const evil = `<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)> | " ' & \u202e`
  const arms = FIVE.map((entry) => ({ ...entry, label: evil }))
  const made = plan(arms, { title: evil, question: evil, name: '=1+1', profile: evil, paper: 'table3' })
  made.refused = [{ id: evil, label: evil, series: evil, reason: evil }]
  made.arms[1] = { ...made.arms[1], id: '=cmd()', series: evil }
  made.machine = { cpu: evil }
  const rows = rowsOf(made, { ...ACCURACIES, '=cmd()': [0.6, 0.61, 0.6] })
  rows.push(failed(arm('depth'), 0, evil))
  const paths = await writeReport(write({ plan: made, rows }))
  for (const file of [paths.html, ...paths.figures.map(({ svg }) => svg)]) {
    const text = read(file)
    const { document } = parseHTML(text)
    t.equal(document.querySelectorAll('script, img, iframe, object, embed, use, image, foreignObject').length, 0, file)
    for (const style of document.querySelectorAll('style')) t.notMatch(style.textContent, /url\((?!data:font)|@import/)
    t.notMatch(text, /\u202e/)
    for (const element of document.querySelectorAll('*')) {
      const bad = [...element.attributes].filter(
        ({ name, value }) =>
          /^on|src$|srcset$|href$/i.test(name) || (/^(style|fill|stroke)$/.test(name) && /url/.test(value)),
      )
      // The only link there is says that the page has no icon.
      if (bad.length > 0 && bad[0].value !== 'data:,') t.fail(`${element.tagName} has ${bad.map(({ name }) => name)}`)
    }
  }
  const html = read(paths.html)
  t.equal(parseHTML(html).document.querySelector('h1').textContent.trim(), evil.replace('\u202e', '').trim())
  t.same(
    [...parseHTML(html).document.querySelectorAll('link, meta[http-equiv]')].map((e) => e.outerHTML.length > 0),
    [true, true],
  )
  t.match(html, `default-src 'none'`)
  // Between fences everything is text.
  const markdown = read(paths.markdown).replace(/```sh\n[^`]*```/, '')
  t.notMatch(markdown, /(?<!\\)<(?:script|img)/)
  t.match(read(paths.csv.arms), /^'=cmd\(\),/m, 'no formula')
})

t.test('folders that are no experiment are refused with their fault', async (t) => {
  const target = write(five())
  const change = (name, text) => {
    const copy = write(five())
    writeFileSync(join(copy, name), text)
    return copy
  }
  const good = JSON.parse(read(join(target, 'experiment.json')))
  mkdirSync(join(folder, 'empty'))
  for (const [where, message] of [
    [join(folder, 'empty'), /experiment\.json: there is no such file/],
    [join(folder, 'nowhere'), /there is no such file/],
    [change('experiment.json', '{'), /experiment\.json: is not JSON/],
    [change('experiment.json', '{"format":2}'), /experiment\.json: format: /],
    [
      change('experiment.json', JSON.stringify({ ...good, arms: [{ ...good.arms[0], macs: 'many' }] })),
      /arms\.0\.macs/,
    ],
    [change('results.jsonl', 'nonsense\n{}\n'), /results\.jsonl: line 1 is not JSON/],
    [change('results.jsonl', '{"arm":"base","seed":0,"attempt":1,"status":"done","top1":61}\n'), /line 1: top1/],
    [change('timings.jsonl', '{"arm":"base","seed":0,"attempt":1,"seconds":-1}\n'), /timings\.jsonl, line 1: seconds/],
  ]) {
    await t.rejects(writeReport(where), { name: 'MbconvError', code: 'ERR_DATA', message })
  }
  writeFileSync(join(target, 'report'), 'a file')
  await t.rejects(writeReport(target), { code: 'ERR_IO' })
})

t.test('experiments side by side', async (t) => {
  const other = five({ profile: 'other', seeds: [0] })
  const folders = [write(five()), write({ plan: other.plan, rows: other.rows.filter(({ seed }) => seed === 0) })]
  const { columns, rows, arms, notes, conclusions: each } = compareExperiments(folders)
  t.same(columns, ['Arm', 'made-up-fixture', 'made-up-other'])
  t.same(rows[1], ['depth', '64.7 % ± 0.5 (3 seeds, 4.03×)', '64.7 % (1 seed, 4.03×)'])
  t.match(arms[4].results, [
    { mean: summarize(ACCURACIES.compound).mean, n: 3 },
    { mean: 0.6935, sd: null },
  ])
  t.same(notes, ['The experiments differ in seeds.', 'Nothing is tested across experiments.'])
  t.equal(each.length, 2)
  t.same(await mb.experiment.compare(folders), compareExperiments(folders))
  t.match(await mb.experiment.report(folders[0]), { html: join(folders[0], 'report', 'report.html') })
  t.throws(() => compareExperiments([]), { code: 'ERR_VALUE' })
  for (const wrong of [undefined, 'text', [1], [null]])
    await t.rejects(mb.experiment.compare(wrong), { code: 'ERR_TYPE' })
  await t.rejects(mb.experiment.report(), { code: 'ERR_TYPE' })
})

t.test("the paper's points are those of its tables", async (t) => {
  const script = fileURLToPath(new URL('../scripts/paper-tables.mjs', import.meta.url))
  const printed = execFileSync(process.execPath, [script], { encoding: 'utf8' })
  const rows = [...printed.matchAll(/^\| (\w+) \| ([^|]+) \| \d+ \| ([\d.]+) \|.*\| ([\d.]+) \|$/gm)].map((row) =>
    row.slice(1),
  )
  t.equal(rows.length, 17)
  for (const [base, scaled, billions, percent] of rows) {
    const { series } = PAPER_POINTS[base === 'efficientnet_b0' ? 'table7' : 'table3']
    const found = series.flatMap(({ group, points }) => (group === base || group === '' ? points : []))
    const near = ({ macs, top1 }) => Math.abs(macs / 1e9 - billions) < 1e-9 && Math.abs(100 * top1 - percent) < 1e-9
    t.ok(found.some(near), `${base}, ${scaled}`)
  }
  // Two compound arms have no coefficients in the paper, so that the script has nothing to count.
  const counts = Object.entries(PAPER_POINTS).map(([name, { series }]) => [
    name,
    series.flatMap((s) => s.points).length,
  ])
  t.same(Object.fromEntries(counts), { table7: 5, figure3: 17, figure4: 34, table3: 14 })
  for (const name of ['figure3', 'figure4']) {
    for (const { points: all, group, dimension } of PAPER_POINTS[name].series) {
      const rises = all.every(({ macs, top1 }, i) => i === 0 || (macs > all[i - 1].macs && top1 >= all[i - 1].top1))
      t.ok(rises, `${name}, ${group || dimension}: more cost, no less accuracy`)
    }
  }
})

t.test('labels keep apart, numbers keep their meaning', async (t) => {
  t.same(spread([10, 50, 90], 17, 0, 100), [10, 50, 90])
  t.same(spread([50, 50], 20, 0, 100), [40, 60])
  t.same(spread([98, 99], 20, 0, 100), [80, 100])
  const crowded = spread([5, 5, 6, 30, 31, 90], 10, 0, 100)
  const sorted = [...crowded].sort((a, b) => a - b)
  for (const [i, place] of sorted.entries()) if (i > 0) t.ok(place - sorted[i - 1] >= 10 - 1e-6, `${sorted}`)
  t.equal(points(-0.0004, { sign: true }), '0.0')
  t.equal(pValue(0.0004), 'p < 0.001')
  t.equal(pValue(0.04996), 'p < 0.05')
  t.equal(pValue(0.0503), 'p = 0.050')
  t.equal(pValue(1), 'p = 1')
})
