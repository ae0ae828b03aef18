import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inflateSync } from 'node:zlib'
import { parseHTML } from 'linkedom'
import t from 'tap'
import { internal, internalPath } from './helpers/internals.mjs'

const { rangeOf, smooth, thin, withoutExtremes } = internal('series')
const { writeCurves } = internal('curves')

const folder = t.testdir()

/** A run folder with these lines of metrics. */
function runOf(name, lines, tail = '') {
  const run = join(folder, name)
  mkdirSync(run)
  writeFileSync(join(run, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join('') + tail)
  return run
}

const step = (step, loss, lr = 0.01) => ({ type: 'step', step, epoch: Math.floor(step / 10), loss, lr })
const evaluation = (step, loss, top1, top5 = 1) => ({ type: 'eval', step, epoch: step / 10, loss, top1, top5 })

const history = Array.from({ length: 400 }, (_, i) => step(i + 1, 0.5 + 2 * Math.exp(-i / 80), 0.01 * (1 - i / 400)))
for (let i = 1; i <= 40; i++) history.push(evaluation(10 * i, 0.6 + Math.exp(-i / 10), 0.9871 - 0.5 * Math.exp(-i / 5)))

const textsOf = (svg) => [...parseHTML(svg).document.querySelectorAll('text')].map((node) => node.textContent)

/** Rows of RGBA of an 8-bit PNG without interlacing. */
function decodePng(bytes) {
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  const data = []
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const start = at + 8
    if (bytes.toString('latin1', at + 4, start) === 'IDAT')
      data.push(bytes.subarray(start, start + bytes.readUInt32BE(at)))
  }
  const raw = inflateSync(Buffer.concat(data))
  const stride = width * 4
  const rows = []
  for (let y = 0; y < height; y++) {
    const [filter, ...line] = raw.subarray(y * (stride + 1), (y + 1) * (stride + 1))
    const above = rows.at(-1) ?? new Array(stride).fill(0)
    for (let i = 0; i < stride; i++) {
      const [left, corner] = i < 4 ? [0, 0] : [line[i - 4], above[i - 4]]
      const guess = left + above[i] - corner
      const paeth = [left, above[i], corner].reduce((a, b) => (Math.abs(guess - b) < Math.abs(guess - a) ? b : a))
      line[i] = (line[i] + [0, left, above[i], (left + above[i]) >> 1, paeth][filter]) & 255
    }
    rows.push(line)
  }
  return { width, height, rows }
}

t.test('a run is drawn as SVG and PNG', async (t) => {
  const run = runOf('first <run> & "more"', history, '{"type":"step","step":401,"lo')
  const { svg, png } = await writeCurves(run)
  t.same([svg, png], [join(run, 'curves.svg'), join(run, 'curves.png')])
  t.same(readdirSync(run).sort(), ['curves.png', 'curves.svg', 'metrics.jsonl'], 'no temporary file stays')

  const picture = readFileSync(svg, 'utf8')
  const texts = textsOf(picture)
  t.equal(texts[0], 'Test accuracy 98.7 %')
  t.match(texts[1], 'first <run> & "more"')
  t.match(texts[1], /400 steps {2}· {2}40 epochs/)
  for (const wanted of ['Loss (cross-entropy, nats)', 'Test accuracy (%)', 'Learning rate', 'Training step']) {
    t.ok(texts.includes(wanted), wanted)
  }
  for (const wanted of ['training, mean of 11 steps', 'test', 'top-1', 'top-5']) t.ok(texts.includes(wanted), wanted)
  t.notMatch(picture, /NaN|undefined|currentcolor\(|var\(/)

  const { width, height, rows } = decodePng(readFileSync(png))
  t.same([width, height], [1720, 1620])
  t.same(rows[0].slice(0, 4), [255, 255, 255, 255], 'white background')
  const has = (colour) =>
    rows.some((row) => row.some((_, i) => i % 4 === 0 && colour.every((c, k) => row[i + k] === c)))
  t.ok(has([0x2f, 0x5f, 0xb3]), 'training loss')
  t.ok(has([0xe0, 0x66, 0x2b]), 'test')
  t.ok(has([0x3a, 0x9b, 0x63]), 'top-5')
  // The title is text alone: without the font of our own, these rows would be white.
  const dark = rows.slice(40, 70).reduce((sum, row) => sum + row.filter((v, i) => i % 4 === 0 && v < 100).length, 0)
  t.ok(dark > 500, `${dark} dark pixels in the title`)
})

t.test('drawing again replaces the files', async (t) => {
  const run = runOf('grows', history.slice(0, 100))
  const { svg } = await writeCurves(run)
  t.equal(textsOf(readFileSync(svg, 'utf8'))[0], 'Not evaluated yet')
  writeFileSync(join(run, 'metrics.jsonl'), history.map((line) => JSON.stringify(line)).join('\n'))
  await writeCurves(run)
  t.equal(textsOf(readFileSync(svg, 'utf8'))[0], 'Test accuracy 98.7 %')
})

t.test('a step logged twice counts as logged last; a better evaluation before the last is named', async (t) => {
  const lines = [step(1, 2), evaluation(10, 1, 0.9), evaluation(20, 1, 0.5), evaluation(20, 1, 0.8)]
  const { svg } = await writeCurves(runOf('twice', lines))
  const [title, subtitle] = textsOf(readFileSync(svg, 'utf8'))
  t.equal(title, 'Test accuracy 80.0 %')
  t.match(subtitle, 'best 90.0 % at step 10')
})

t.test('short and odd histories', async (t) => {
  const odd = {
    'one step': [step(1, 2.3)],
    'one evaluation': [evaluation(10, 2, 0.1)],
    'skipped steps': [step(1, null), step(2, null), step(3, 1)],
    'no change': Array.from({ length: 200 }, (_, i) => step(i + 1, 0, 0)),
  }
  for (const [name, lines] of Object.entries(odd)) {
    const { svg, png } = await writeCurves(runOf(name, lines))
    t.notMatch(readFileSync(svg, 'utf8'), /NaN|Infinity/, name)
    t.ok(readFileSync(png).length > 10_000, name)
  }
})

t.test('a long run makes no large file', async (t) => {
  const lines = Array.from({ length: 20_000 }, (_, i) => step(i + 1, 1 + Math.sin(i * i)))
  const { svg } = await writeCurves(runOf('long', lines))
  t.ok(readFileSync(svg).length < 150_000)
})

t.test('nothing to draw', async (t) => {
  const none = join(folder, 'none')
  mkdirSync(none)
  await t.rejects(writeCurves(none), {
    code: 'ERR_DATA',
    message: `cannot read ${join(none, 'metrics.jsonl')}: no such file or folder`,
  })
  const empty = runOf('empty', [], '{"type":"st')
  await t.rejects(writeCurves(empty), { code: 'ERR_DATA', message: /holds no step/, hint: /\w/ })
  t.notOk(existsSync(join(empty, 'curves.svg')))
})

t.test('the drawing libraries are loaded when something is drawn, not before', async (t) => {
  const hooks = `export const resolve = (name, context, next) => {
    if (/plot|linkedom|resvg/.test(name)) throw new Error('loaded ' + name)
    return next(name, context)
  }`
  const url = (code) => `data:text/javascript,${encodeURIComponent(code)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hooks))})`
  const script = `
    const { writeCurves } = require(${JSON.stringify(internalPath('curves'))})
    console.log('required')
    writeCurves(${JSON.stringify(runOf('lazy', history))}).catch(({ message }) => console.log(message))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', url(register), '-e', script])
  t.match(stdout, /^required\nloaded .*(plot|linkedom)/)
})

t.test('smoothing, thinning and ranges', async (t) => {
  const points = (...ys) => ys.map((y, x) => ({ x, y }))
  t.same(smooth(points(3, 6, 9, 0, 3), 0), points(3, 6, 9, 0, 3))
  t.same(smooth(points(3, 6, 9, 0, 3), 1), points(3, 6, 5, 4, 1.5))
  t.same(smooth([], 3), [])
  const spiky = points(...Array.from({ length: 1000 }, (_, i) => (i === 500 ? 99 : i === 700 ? -5 : i % 3)))
  const thinned = thin(spiky, 50)
  t.ok(thinned.length <= 100)
  t.ok(thinned.some(({ y }) => y === 99) && thinned.some(({ y }) => y === -5), 'spikes stay')
  t.ok(
    thinned.every(({ x }, i) => i === 0 || x > thinned[i - 1].x),
    'in order',
  )
  t.same(thin(spiky.slice(0, 100), 50), spiky.slice(0, 100))
  t.same(rangeOf(points(0, 10), points(20)), [-1, 21])
  t.same(rangeOf(points(4)), [2, 6])
  t.same(rangeOf([], []), [0, 1])
  t.same(rangeOf(withoutExtremes(spiky)), [-0.1, 2.1])
})
