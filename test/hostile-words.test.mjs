/*
 * Names of files, folders, classes, runs, arms and keys, settings of the environment and servers' words hold what a terminal
 * would obey: no command, log, page or table passes it on.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { FIVE, failed, plan, rowsOf, writeExperiment } from './helpers/made-up-experiment.mjs'
import { tinyConfig, tinyData } from './helpers/tiny.mjs'

const { Output, painter } = internal('output')
const { createProgress } = internal('progressLine')
const { printable, quoted } = internal('foreignText')
const { encodeState, readState } = internal('checkpointState')

/** A clear screen in C0 and in C1, a title, text the other way round, a bell, a rubout, a mark of our own colours, another line. */
const EVIL = 'x\u001b[2J\u009b31m\u001b]0;owned\u0007\u202eb\u2066\u200f\u2028\u007f\ufdd3\nforged: all is well'
/** What no output may hold; of a line break its own lines are made. */
const OBEYED = /(?!\n)[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|^forged/mu
t.setTimeout(600_000)

const main = path.resolve('dist/cli/main.js')
const sharp = await import('sharp').catch(() => undefined)

function run(args, { env = {}, cwd } = {}) {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8', FORCE_COLOR: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })))
}

function clean(t, text, what) {
  const found = OBEYED.exec(text)
  t.ok(
    found === null,
    what,
    found && { around: JSON.stringify(text.slice(Math.max(0, found.index - 200), found.index + 20)) },
  )
}

const dir = fs.realpathSync(t.testdir())
const file = (name, content = '') => {
  fs.writeFileSync(path.join(dir, name), content)
  return name
}
const config = tinyConfig(dir, { top: { epochs: 1, maxSteps: 2 }, run: { dir: path.join(dir, EVIL), name: null } })
const { runDir } = await mb.train(config, { worker: false }).result

/** The run with classes of hostile names. */
function withEvilClasses() {
  const [step] = fs.readdirSync(path.join(runDir, 'checkpoints'))
  const checkpoint = path.join(runDir, 'checkpoints', step)
  const { state, files } = readState(checkpoint)
  state.dataset.classes = state.dataset.classes.map((name) => `${EVIL} ${name}`)
  fs.writeFileSync(path.join(checkpoint, 'state.json'), encodeState(state, files))
  return state.dataset.classes
}
const classes = withEvilClasses()
const pixels = tinyPng()

/** A picture of 8 × 8 without any library: black. */
function tinyPng() {
  return Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADElEQVR4nGNgGB4AAADIAAEXkKL2AAAAAElFTkSuQmCC',
    'base64',
  )
}

const evilPlan = () => {
  const arms = FIVE.map((arm) => ({ ...arm, id: `${arm.id}${EVIL}`, label: EVIL, series: EVIL }))
  const texts = { name: EVIL, title: EVIL, question: EVIL, profile: EVIL, base: { ...plan([]).base, name: EVIL } }
  const refused = [{ id: EVIL, label: EVIL, series: EVIL, reason: EVIL, nearest: undefined }]
  const machine = { host: EVIL, cpu: EVIL, cores: 2, memory: 2 ** 33, gpus: [EVIL] }
  return plan(arms, {
    ...texts,
    refused,
    machine,
    revision: EVIL,
    device: EVIL,
    comparisons: [{ arm: arms[1].id, against: arms[2].id }],
  })
}

t.test('every command, with hostile words', async (t) => {
  const made = evilPlan()
  const accuracies = Object.fromEntries(made.arms.map(({ id }, i) => [id, [0.5 + i / 100, 0.51, 0.52]]))
  const rows = rowsOf(made, accuracies).filter((_, i) => i > 0)
  rows.push(failed(made.arms[0], 0, EVIL, EVIL))
  writeExperiment(path.join(dir, `experiment${EVIL}`), made, rows)
  const { safetensors } = mb.exportRun(runDir, { out: path.join(dir, 'model.onnx'), safetensors: true })
  const small = { ...config, run: { dir: path.join(dir, `again${EVIL}`) } }
  file(`good${EVIL}.yaml`, JSON.stringify(small))
  file(
    `bad${EVIL}.yaml`,
    JSON.stringify({ ...config, [EVIL]: 1, optimizer: { name: EVIL, [EVIL]: EVIL }, [`epoch${EVIL}`]: 3 }),
  )
  file(`no${EVIL}.yaml`, `{ ${EVIL}`)
  file(`alias.yaml`, `a: *${'\u202e'}x`)
  file('list', `${EVIL.replace('\n', '')}.png\nimage.png\n`)
  file('image.png', pixels)
  file(`image${EVIL}.png`, pixels)
  file(`broken${EVIL}.png`, 'no image')
  file(`weights${EVIL}.pth`, 'no weights')
  file(`card${EVIL}.safetensors`, fs.readFileSync(safetensors))
  file(
    'experiment.yaml',
    JSON.stringify({
      ...{ name: 'tiny', title: EVIL, question: EVIL, seeds: 1, estimate: false, device: 'cpu' },
      base: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8, dropPath: 0 },
      data: tinyData(path.join(dir, 'data')),
      ...{ train: { epochs: 1, maxSteps: 1 }, arms: [{ width: 1, label: EVIL, series: EVIL }] },
    }),
  )
  file(
    'bad-experiment.yaml',
    JSON.stringify({ name: EVIL, [EVIL]: EVIL, arms: [EVIL, { [EVIL]: 1 }], profiles: { [EVIL]: {} } }),
  )
  const experimentDir = `experiment${EVIL}`
  const commands = [
    ['train', `good${EVIL}.yaml`],
    ['train', `bad${EVIL}.yaml`],
    ['train', `no${EVIL}.yaml`],
    ['train', `missing${EVIL}.yaml`],
    ['train', 'alias.yaml'],
    ['train', `good${EVIL}.yaml`, `--${EVIL}=1`, `--seed=${EVIL}`, `--model.weights=${EVIL}`],
    ['train', `good${EVIL}.yaml`, `--model.weights=weights${EVIL}.pth`],
    ['train', `good${EVIL}.yaml`, `--run.name=${EVIL}`],
    ['train', `--${EVIL}`],
    ['train', '--resume', EVIL],
    ['train', '--resume', runDir],
    ['eval', runDir],
    ['eval', EVIL],
    ['eval', runDir, '--device', EVIL],
    [
      'predict',
      '--run',
      runDir,
      `image${EVIL}.png`,
      `broken${EVIL}.png`,
      `missing${EVIL}`,
      `*${EVIL}`,
      '--files-from',
      'list',
    ],
    ['predict', '--run', `card${EVIL}.safetensors`, 'image.png', `none${EVIL}/`],
    ['predict', '--run', EVIL, 'image.png'],
    ['predict', '--run', runDir, '--files-from', EVIL],
    ['explain', '--run', runDir, `image${EVIL}.png`],
    ['explain', '--run', runDir, 'image.png', '--out', `out${EVIL}.png`],
    ['explain', '--run', runDir, 'image.png', '--class', EVIL],
    ['explain', '--run', runDir, EVIL],
    ['export', runDir, '--out', `model${EVIL}.onnx`, '--safetensors'],
    ['export', EVIL],
    ['export', '--model', EVIL, '--weights', EVIL, '--profile', 'timm'],
    ['export', '--model', 'b0', '--weights', `weights${EVIL}.pth`, '--profile', 'timm'],
    ['export', '--pretrained', EVIL],
    ['models', EVIL],
    ['models', '--width', EVIL],
    ['scale', EVIL],
    ['scale', 'b0', '--macs', EVIL],
    ['scale', 'b0', '--macs', '4x', '--dimension', EVIL],
    ['experiment', 'run', 'experiment.yaml', '--dir', `runs${EVIL}`, '--jobs', '1'],
    ['experiment', 'run', 'bad-experiment.yaml', '--profile', EVIL],
    ['experiment', 'run', 'experiment.yaml', '--set', `${EVIL}=${EVIL}`],
    ['experiment', 'status', experimentDir],
    ['experiment', 'status', EVIL],
    ['experiment', 'report', experimentDir],
    ['experiment', 'compare', experimentDir, experimentDir],
    ['experiment', 'compare', EVIL],
    ['experiment', 'job', experimentDir, EVIL],
    ['pull', EVIL],
    ['watch', EVIL],
    ['watch', '--port', EVIL],
    [EVIL],
    ['help', EVIL],
    [`--${EVIL}`],
  ]
  const child = path.resolve('test/helpers/hostile-words-child.mjs')
  for (const json of [false, true]) {
    const all = json ? commands.map((words) => [...words, '--json']) : commands
    const { status, stdout, stderr } = await run([child, dir, JSON.stringify(all)])
    t.equal(status, 0)
    t.equal(stdout.match(/^===/gm).length, commands.length, 'each command has run')
    t.notMatch(stdout, /^=== .*thrown/m)
    clean(t, stdout, `stdout${json ? ' with --json' : ''}`)
    clean(t, stderr, `stderr${json ? ' with --json' : ''}`)
    t.ok(/\\u001b\[2J/.test(stdout + stderr), 'and the names are shown, as their escapes')
    if (!json) continue
    const values = stdout
      .split('\n')
      .flatMap((line) => (line.startsWith('{') || line.startsWith('[') ? [JSON.parse(line)] : []))
    if (sharp)
      t.ok(
        values.some(({ predictions }) => classes.includes(predictions?.[0].label)),
        'and JSON means the names',
      )
    t.ok(values.some(({ run }) => run === runDir))
  }

  const written = fs
    .readdirSync(dir, { recursive: true })
    .filter((name) => /\.(jsonl?|md|html|csv|svg|log|sh)$/.test(name))
  for (const kind of [
    'metrics.jsonl',
    'report.md',
    'report.html',
    'arms.csv',
    'config.json',
    '.card.json',
    'result.json',
  ])
    t.ok(
      written.some((name) => name.endsWith(kind)),
      kind,
    )
  for (const name of written) {
    // These two were written by this test.
    if (name.startsWith(experimentDir) && /^(results|timings)\.jsonl|^experiment\.json/.test(path.basename(name)))
      continue
    if (fs.statSync(path.join(dir, name)).isFile())
      clean(t, fs.readFileSync(path.join(dir, name), 'utf8'), quoted(name))
  }
})

t.test('settings of the environment: doctor, setup, pull', async (t) => {
  const env = { MBCONV_ADDON: EVIL, CXX: EVIL, LIBTORCH: path.join(dir, EVIL), MBCONV_CACHE: path.join(dir, EVIL) }
  for (const words of [['doctor'], ['setup', `--${EVIL}`], ['setup', '--libtorch', EVIL], ['setup']]) {
    const { status, stdout, stderr } = await run([main, ...words], { env, cwd: dir })
    t.ok([2, 3].includes(status), `${quoted(JSON.stringify(words))}: ${status}`)
    clean(t, stdout + stderr, quoted(JSON.stringify(words)))
    t.ok(/x\\u001b/.test(stdout + stderr), 'and what was set is shown')
  }
  const server = http.createServer((_, response) => response.writeHead(500).end(EVIL))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoints = [`http://127.0.0.1:${server.address().port}`, EVIL]
  for (const HF_ENDPOINT of endpoints) {
    const words = ['pull', 'efficientnet_b0.ra_in1k']
    const { status, stdout, stderr } = await run([main, ...words], { env: { ...env, HF_ENDPOINT }, cwd: dir }).finally()
    t.not(status, 0)
    clean(t, stdout + stderr, 'pull')
  }
  server.close()
})

t.test('the last net: whatever a command writes', async (t) => {
  const written = []
  const [out, err] = [process.stdout.write, process.stderr.write]
  process.stdout.write = process.stderr.write = (text) => written.push(text)
  const env = process.env.FORCE_COLOR
  try {
    for (const color of ['0', '1']) {
      process.env.FORCE_COLOR = color
      for (const json of [false, true]) {
        const output = new Output({ json })
        output.result(EVIL, output.paint('bold', EVIL))
        output.note(EVIL)
        output.warn(EVIL)
        output.error(new Error(EVIL))
        output.error(Object.assign(new Error(EVIL), { code: EVIL }))
        output.error(new mb.MbconvError('ERR_IO', EVIL, { hint: EVIL }))
        output.data({ [EVIL]: EVIL })
      }
      const stream = {
        isTTY: true,
        columns: 80,
        write: (text) => written.push(text.replaceAll('\r', '').replaceAll('\u001b[K', '')),
      }
      const progress = createProgress(stream, { env: { TERM: 'xterm', FORCE_COLOR: color } })
      progress.note(EVIL)
      createProgress(stream, { quiet: true }).note(EVIL)
    }
  } finally {
    process.stdout.write = out
    process.stderr.write = err
    process.env.FORCE_COLOR = env ?? ''
  }
  const colours = new RegExp(`${'\u001b'}\\[(?:0|1|2|31|33|36)m`, 'g')
  for (const text of written) clean(t, text.replace(colours, ''), quoted(text.slice(0, 40)))
  t.ok(
    written.some((text) => text.includes(`${painter(true)('bold', '').length > 0 ? '\u001b[1m' : ''}x\\u001b`)),
    'colours are ours',
  )
})

t.test('one function', async (t) => {
  for (let code = 0; code < 0x10000; code++) {
    const text = `a${String.fromCharCode(code)}b`
    const shown = [printable(text), quoted(text)].join('')
    if (OBEYED.test(shown) || shown.includes('\n')) t.fail(code.toString(16))
    if (code > 0x20 && code < 0x7f && printable(text) !== text) t.fail(`changes ${text}`)
  }
  t.equal(printable('grün 漢字 👩‍👩‍👧 ½'), 'grün 漢字 👩‍👩‍👧 ½')
  t.match(quoted('y'.repeat(500)), /^"y{120}…"$/)
})
