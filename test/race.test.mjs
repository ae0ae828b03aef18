/* The race of benchmarks: its page on made-up results, its judgement, its rounds, and its processes. Nothing here is a measurement. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { startChild } from '../scripts/bench/race/child.mjs'
import { clockExports } from '../scripts/bench/race/clock.mjs'
import { CONTESTANTS, obstacle } from '../scripts/bench/race/contestants.mjs'
import { physicalCores } from '../scripts/bench/race/machine.mjs'
import { pageOf } from '../scripts/bench/race/page.mjs'
import { race, warmUp } from '../scripts/bench/race/rounds.mjs'
import { raceRow } from '../scripts/bench/race/row.mjs'
import { ROWS } from '../scripts/bench/race/rows.mjs'
import { middleHalf } from '../scripts/bench/race/statistics.mjs'
import { judge, ratioOf, TARGETS } from '../scripts/bench/race/targets.mjs'

const rowNamed = (name) => ROWS.find((row) => row.name === name)

/** A contestant's made-up results: seconds of each round, and bytes of peak memory above 100 MB. */
function contestant(id, rounds, growth = 1e8) {
  const { label } = CONTESTANTS.find((each) => each.id === id)
  return { id, label, rounds, settled: true, base: 1e8, peak: growth === null ? null : 1e8 + growth, error: 0 }
}

/** A made-up row with these contestants. */
const rowOf = (name, contestants, more = {}) => ({
  ...rowNamed(name),
  ...{ macs: 4e8, contestants, wrong: [], failed: [], outside: rowNamed(name).task === 'train' ? 0.001 : null },
  ...more,
})

/** Made-up results of a race. */
const resultsOf = (rows, more = {}) => ({
  command: 'npm run bench',
  date: '2026-01-02',
  threads: 2,
  rounds: 3,
  machine: {
    ...{ model: 'Made-up 9000', cores: 2, instructions: ['avx2', 'fma'], memory: 8 * 2 ** 30 },
    ...{ system: 'Linux 6 x64', load: [0.01, 0.02, 0.03] },
  },
  versions: { mbconv: '0.1.0', onnxruntime: '1.32.0' },
  roofs: { flops: [1e11, 2e11], copy: [1e10, 2e10] },
  absent: [],
  rows,
  ...more,
})

/** One where every target of a row is reached: mbconv takes a second, its rivals five. */
const fast = [1, 1, 1]
const slow = [5, 5, 5]
const won = rowOf('predict-b0-1', [
  contestant('mbconv', fast),
  contestant('mbconv-unfused', slow),
  contestant('mbconv-bf16', fast),
  contestant('openvino-bf16', slow),
  contestant('onnxruntime', slow),
])
const lost = rowOf('predict-b4', [contestant('mbconv', [2, 2, 2]), contestant('onnxruntime', [1, 1, 1])])

t.test('the page: misses first, and an exit status that says so', async (t) => {
  const { text, status } = pageOf(resultsOf([won, lost]))
  t.equal(status, 1)
  const headings = [...text.matchAll(/^##? .*$/gm)].map(([line]) => line)
  t.same(headings, [
    ...['# Performance', '## Missed targets', '## Results', '## Targets', '## Machine', '## How it is measured'],
  ])
  const missed = text.slice(text.indexOf('## Missed'), text.indexOf('## Results'))
  t.match(missed, 'EfficientNet-B4, prediction, batch 1 at 380 px. mbconv: speed, against onnxruntime: 0.50×')
  t.match(missed, 'target at least 1.00×')
  t.notMatch(missed, 'EfficientNet-B0', 'what was reached is not there')
  t.match(text, '| 2000 | 0.50 |  | 0 % | 100 MB over 100 MB |')
  t.match(text, /\| 5\.00× \(5\.00–5\.00\) \| goal reached \|/)
  for (const fact of [
    'Made-up 9000',
    'avx2, fma',
    '0.01, 0.02, 0.03',
    'onnxruntime 1.32.0',
    '100 and 200',
    '2026-01-02',
  ])
    t.match(text, fact)
})

t.test('the page: nothing missed', async (t) => {
  const { text, status } = pageOf(resultsOf([won]))
  t.equal(status, 0)
  t.match(text, '## Missed targets\n\nNone.')
  t.notMatch(text, '## Not raced')
  t.notMatch(text, 'busy')
})

t.test('the page: a machine that was busy is said first', async (t) => {
  const results = resultsOf([won])
  const { text } = pageOf({ ...results, machine: { ...results.machine, load: [1.25, 3, 3] } })
  t.match(text, /^# Performance\n\n.*\n\n\*\*The machine was busy\*\* \(load average 1\.25 before\)/)
})

t.test('the page: a rival that is missing is named, with how to get it; its targets are not reached', async (t) => {
  const alone = rowOf('predict-resnet', [contestant('mbconv', fast)])
  const absent = [
    { id: 'onnxruntime', label: 'onnxruntime', reason: 'python3 has no onnxruntime', get: '`pip install`' },
  ]
  const { text, status } = pageOf(resultsOf([alone], { absent, roofs: { reason: 'no compiler' } }))
  t.equal(status, 0)
  t.match(text, '## Not raced\n\n- onnxruntime: python3 has no onnxruntime. To have it: `pip install`.')
  t.match(text, '1 of 1 targets were not measured')
  t.match(text, '| onnxruntime, onnxruntime-node: not raced | not measured |')
  t.match(text, 'not measured: no compiler')
})

t.test('the page: who computes something else is a miss, who failed is named', async (t) => {
  const wrong = [{ id: 'openvino', label: 'OpenVINO', error: 1.41, tolerance: 1e-4 }]
  const failed = [{ id: 'torch-compile', label: '`torch.compile`', reason: 'RuntimeError: no compiler' }]
  const { text, status } = pageOf(resultsOf([{ ...won, wrong, failed }]))
  t.equal(status, 1)
  t.match(text, '**OpenVINO computes something else**: its output is 1.4e+0 off, at most 1e-4 is allowed.')
  t.match(
    text,
    '- `torch.compile` failed in "EfficientNet-B0, prediction, batch 1 at 224 px": RuntimeError: no compiler',
  )
})

t.test('a target is held against the best of several rivals, in each measure', async (t) => {
  const row = rowOf(
    'train-b0-224',
    [
      contestant('mbconv', fast, 4e8),
      contestant('pytorch', [3, 3, 3], 5e8),
      contestant('pytorch-channels-last', [1.5, 1.5, 1.5], 2e9),
    ],
    { outside: 0.03 },
  )
  const judged = judge([row])
  const of = (measure) => judged.filter((each) => each.measure === measure)
  t.match(of('speed')[0], { value: 1.5, against: 'PyTorch eager, channels-last', verdict: 'missed' })
  t.match(of('speed')[1], { verdict: 'not measured', missing: 'torch-compile: not raced' })
  t.match(of('memory'), [{ value: 0.8, against: 'PyTorch eager', verdict: 'missed' }])
  t.match(of('outside'), [{ value: 0.03, verdict: 'missed' }])
  const unknown = { ...row, contestants: row.contestants.map((each) => ({ ...each, peak: null })) }
  t.match(
    judge([unknown]).filter(({ measure }) => measure === 'memory'),
    [{ verdict: 'not measured', missing: 'peak memory is not known here' }],
  )
  t.match(pageOf(resultsOf([unknown])).text, '| unknown over 100 MB |')
})

t.test('a value on the limit is enough; between target and goal it is met', async (t) => {
  const target = { row: 'predict-b4', measure: 'speed', of: 'mbconv', over: ['onnxruntime'], must: 1.5, goal: 2 }
  const verdict = (seconds) => {
    const row = rowOf('predict-b4', [contestant('mbconv', fast), contestant('onnxruntime', [seconds])])
    return judge([row], [target])[0].verdict
  }
  t.same([1.49, 1.5, 1.99, 2].map(verdict), ['missed', 'met', 'met', 'goal'])
})

t.test('targets name rows and contestants that exist', async (t) => {
  const ids = CONTESTANTS.map(({ id }) => id)
  for (const { row, of, over } of TARGETS) {
    t.ok(rowNamed(row), row)
    for (const id of [of, ...over]) t.ok(ids.includes(id), id)
  }
  for (const { name } of ROWS)
    t.ok(
      TARGETS.some(({ row }) => row === name),
      `${name} has a target`,
    )
  t.ok(TARGETS.length >= 18, `${TARGETS.length} targets`)
})

t.test('ratios are those of rounds: a machine that slows down changes none', async (t) => {
  const [ours, theirs] = [{ rounds: [1, 10, 2] }, { rounds: [3, 30, 6] }]
  t.same(ratioOf(ours, theirs), { median: 3, low: 3, high: 3 })
  t.same(middleHalf([4, 1, 3, 2, 5]), { median: 3, low: 2, high: 4 })
})

/** Takes so many seconds a call, by its own account. */
function pretending(id, secondsOf, isOurs = false) {
  const asked = []
  const run = async (calls) => {
    asked.push(calls)
    turns.push(id)
    return { seconds: Array.from({ length: calls }, () => secondsOf(asked.length)), peak: asked.length }
  }
  return { id, isOurs, run, asked }
}
let turns = []

t.test('a contestant is called until its time has settled', async (t) => {
  const settling = pretending('a', (turn) => (turn < 5 ? 1 / turn : 0.1))
  t.same(await warmUp(settling, { turn: 1, longest: 1000 }), { calls: 10, settled: true })
  t.equal(settling.asked.length, 6)
  const restless = pretending('b', (turn) => 1 + (turn % 2))
  t.same(await warmUp(restless, { turn: 1, longest: 10 }), { calls: 2, settled: false })
})

t.test(
  'each round has a turn of everyone, in changing order that the seed fixes; a rival that fails is left out',
  async (t) => {
    const options = { rounds: 8, turn: 0.01, longest: 1, seed: 1 }
    const run = async () => {
      turns = []
      const failures = []
      const failed = ({ id }, error) => failures.push(`${id}: ${error.message}`)
      const failing = pretending('c', (turn) => {
        if (turn > 5) throw new Error('killed')
        return 0.01
      })
      const field = [pretending('a', () => 0.01), pretending('b', () => 0.02), failing]
      const raced = await race(field, { ...options, failed })
      return { failures, raced, order: turns.slice(9) } // three calls of each before
    }
    const { failures, raced, order } = await run()
    t.same(failures, ['c: killed'])
    t.same(
      raced.map(({ contestant: { id }, rounds }) => [id, rounds]),
      [
        ['a', Array(8).fill(0.01)],
        ['b', Array(8).fill(0.02)],
      ],
    )
    t.equal(raced[0].peak, 11, 'what the last answer said')
    const pairs = order
      .filter((id) => id !== 'c')
      .join('')
      .match(/../g)
    for (const pair of pairs) t.match(pair, /^(ab|ba)$/)
    t.equal(new Set(pairs).size, 2, 'either goes first at times')
    t.same((await run()).order, order)
  },
)

t.test('a process that ends is an error with its reason, before it is ready and during its turn', async (t) => {
  const node = (code) => startChild([process.execPath, '-e', code], process.env)
  await t.rejects(node('throw new TypeError("no such model")'), {
    message: 'ended with status 1: TypeError: no such model',
  })
  await t.rejects(startChild([path.join(t.testdir(), 'absent')], process.env), { code: 'ENOENT' })
  const child = await node(`console.log('noise'); console.log('{"base": 1}');
    process.stdin.once('data', (text) => { console.error('out of memory, asked for ' + text); process.exit(9) })`)
  t.same(child.ready, { base: 1 })
  await t.rejects(child.run(7), { message: 'ended with status 9: out of memory, asked for 7' })
  await child.stop()
})

t.test('the clock counts calls from outside once, and passes on this, values and errors', async (t) => {
  const wait = (milliseconds) => {
    const begin = performance.now()
    while (performance.now() - begin < milliseconds);
  }
  const addon = {
    version: '1',
    inner: () => wait(20),
    outer() {
      this.inner()
      wait(20)
      return 'done'
    },
    throwing() {
      throw new RangeError('bad')
    },
  }
  const secondsInside = clockExports(addon)
  wait(30)
  t.equal(addon.outer(), 'done')
  t.equal(addon.version, '1')
  t.throws(() => addon.throwing(), RangeError)
  const inside = secondsInside()
  t.ok(inside >= 0.04, `${inside} s`)
  t.equal(secondsInside(), 0, 'it starts again')
})

t.test('who cannot race, and why', async (t) => {
  const named = (id) => CONTESTANTS.find((each) => each.id === id)
  const machine = { python: 'python9', installed: ['torch', 'openvino'], instructions: ['avx2'] }
  t.equal(obstacle(named('mbconv'), machine), null)
  t.equal(obstacle(named('openvino'), machine), null)
  t.match(obstacle(named('pytorch'), machine), {
    reason: 'python9 has no torchvision',
    get: /^`python9 -m pip install torchvision`, or MBCONV_PEER_PYTHON/,
  })
  for (const id of ['mbconv-bf16', 'openvino-bf16']) {
    t.match(obstacle(named(id), machine), { reason: 'the processor has no instructions for bf16' })
    for (const name of ['avx512_bf16', 'amx_bf16'])
      t.equal(obstacle(named(id), { ...machine, instructions: [name] }), null, name)
  }
})

t.test('hardware threads of one core count once', async (t) => {
  t.equal(physicalCores('# CORE,SOCKET\n0,0\n0,0\n0,0\n'), 1)
  t.ok(physicalCores('') >= 1, 'without lscpu')
})

t.test('a row of a small network, from its files to its page', async (t) => {
  const ours = CONTESTANTS.filter(({ id }) => ['mbconv', 'mbconv-unfused'].includes(id))
  const other = { id: 'onnxruntime', label: 'onnxruntime', tasks: ['predict'], library: 'onnxruntime' }
  const python = path.join(t.testdir(), 'absent')
  const setting = { python, env: process.env, threads: 1, rounds: 2, turn: 0.001, longest: 0.1, note: () => {} }
  const small = { model: 'mobilenet_v3_small', batch: 2, size: 32, classes: 5, title: 'Small' }
  const predicted = await raceRow({ ...rowNamed('predict-b0-1'), ...small }, [...ours, other], setting)
  t.same(
    predicted.contestants.map(({ id, rounds }) => [id, rounds.length]),
    [
      ['mbconv', 2],
      ['mbconv-unfused', 2],
    ],
  )
  t.match(predicted.failed, [{ id: 'onnxruntime', reason: /ENOENT/ }])
  t.same(predicted.wrong, [])
  for (const { error, rounds } of predicted.contestants) {
    t.ok(error < 1e-5, `${error} off`)
    t.ok(rounds.every((seconds) => seconds > 0))
  }
  t.match(predicted.versions, { libtorch: /^2\./ })
  const trained = await raceRow({ ...rowNamed('train-b0-32'), ...small }, ours, setting)
  t.ok(trained.outside > 0 && trained.outside < 1, `${trained.outside} outside`)
  t.match(pageOf(resultsOf([predicted, trained])).text, '### Small, training step, batch 2 at 32 px')
})

t.test('a wrong command line', async (t) => {
  const script = path.join(import.meta.dirname, '../scripts/bench/race.mjs')
  const run = (...words) => spawnSync(process.execPath, [script, ...words], { encoding: 'utf8' })
  for (const [words, said] of [
    [['--only', 'b0'], /--only b0: the rows are predict-b0-1, /],
    [['--rounds', '0'], /--rounds needs a whole number above zero, not 0/],
    [['--threads=two'], /--threads needs a whole number above zero, not two/],
    [['--round=3'], /--round/],
  ]) {
    const { status, stderr } = run(...words)
    t.equal(status, 2, words.join(' '))
    t.match(stderr, said)
  }
})
