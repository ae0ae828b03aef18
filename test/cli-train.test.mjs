/* Training, evaluating and predicting through the command: what comes out where, signals, resuming. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { parseConfig } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { freeRunName } = internal('runs')

const MAIN = path.resolve('dist/cli/main.js')

/**
 * A net that takes no time. One thread: tests run side by side, and threads that wait for a busy core cost more than
 * they give.
 */
const CONFIG = `
model: {name: efficientnet_b0, width: 0.1, depth: 0.1, resolution: 16}
optimizer: {name: sgd, lr: 0.05}
schedule: {name: constant}
epochs: 2
run: {dir: out}
threads: 1
`

/**
 * Starts the command in a folder with `tiny.yaml`. `stderr` and `stdout` grow as it runs; `done` resolves with its
 * exit status (or the signal that ended it).
 *
 * @param by the program, and words before, that is to start it
 * @param added to the environment
 */
function start(cwd, words, { by = [], added = {} } = {}) {
  const env = Object.fromEntries(
    // Shells tell in `_` what they have started, nohup for example.
    Object.entries(process.env).filter(([name]) => !/^(_|NO_COLOR|FORCE_COLOR|MBCONV_DEBUG)$/.test(name)),
  )
  const [program, ...rest] = [...by, process.execPath, MAIN, ...words]
  const child = spawn(program, rest, { cwd, env: { ...env, ...added }, stdio: ['ignore', 'pipe', 'pipe'] })
  const run = { child, stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => {
      run[stream] += text
    })
  run.done = new Promise((resolve) => child.on('close', (status, signal) => resolve(status ?? signal)))
  return run
}

async function mbconv(cwd, ...words) {
  const run = start(cwd, words)
  return { status: await run.done, stdout: run.stdout, stderr: run.stderr }
}

/** Resolves when what has come on a stream matches. */
function sees(run, stream, pattern) {
  return new Promise((resolve, reject) => {
    const look = () => pattern.test(run[stream]) && resolve()
    run.child[stream].on('data', look)
    run.child.on('close', () => reject(new Error(`ended without ${pattern}: ${run.stdout}${run.stderr}`)))
    look()
  })
}

const folder = (t) => t.testdir({ 'tiny.yaml': CONFIG })
const events = (text) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const checkpoints = (run) => fs.readdirSync(path.join(run, 'checkpoints')).filter((name) => name.startsWith('step-'))

t.test('a run for people: results on stdout, progress on stderr, plain lines', async (t) => {
  const cwd = folder(t)
  const { status, stdout, stderr } = await mbconv(cwd, 'train', 'tiny.yaml')
  t.equal(status, 0, stderr)
  const [name] = fs.readdirSync(path.join(cwd, 'out'))
  t.match(name, /^tiny-\d{8}-\d{6}$/, 'the run is called after the configuration')
  t.match(
    stdout,
    /^Test accuracy, averaged \(EMA\) weights \(360 images\)\ntop-1 +\d+\.\d\d % +top-5 +\d+\.\d\d % +loss \d/m,
  )
  t.match(stdout, /^Confusion matrix/m)
  t.match(stdout, /training loss by step/)
  t.match(stdout, /^44 steps, 2 epochs; training took (\d\.\d|\d\d|\d min \d+) s\nrun: out\/tiny-/m)
  t.match(
    stderr,
    /^out\/tiny-\S+ on \S+ \(auto: .*\n.* parameters, .* multiply-adds \| 1,437 \+ 360 images \| 2 epochs of 22 steps\n/,
  )
  t.match(stderr, /^epoch 1\/2 {2}step 22\/44 .* top-1 .*\nepoch 2\/2 {2}step 44\/44 .*\n$/m)
  t.notMatch((stdout + stderr).replaceAll('\n', ''), /\p{Cc}/u)

  const run = path.join(cwd, 'out', name)
  const { top1, confusion, best } = JSON.parse(fs.readFileSync(path.join(run, 'result.json'), 'utf8'))

  t.test('eval measures the same', async (t) => {
    const last = path.join(run, 'checkpoints', 'step-000044')
    const evaluated = JSON.parse((await mbconv(cwd, 'eval', last, '--json')).stdout)
    t.match(evaluated, { run: last, top1, confusion, step: 44 })
    fs.renameSync(path.join(cwd, 'out'), path.join(cwd, 'runs'))
    const newest = await mbconv(cwd, 'eval')
    t.equal(newest.status, 0)
    t.match(newest.stdout, `runs/${name}`)
    t.match(newest.stdout, `top-1 ${(100 * best.top1).toFixed(2)} %`, 'the best checkpoint of a run')
    t.match(
      newest.stderr,
      `weights of step ${best.step}, the best evaluation (top-1 ${(100 * best.top1).toFixed(1)} %)`,
    )
  })

  const sharp = await import('sharp').catch(() => undefined)
  t.test('predict reads images', { skip: !sharp && 'the optional package sharp is not installed' }, async (t) => {
    fs.writeFileSync(path.join(cwd, 'a.png'), png(8, 8))
    const json = await mbconv(cwd, 'predict', 'a.png', 'a.png', '--topk', '2', '--json')
    t.equal(json.status, 0, json.stderr)
    const predictions = events(json.stdout)
    t.equal(predictions.length, 2)
    t.match(predictions[0], { file: 'a.png', predictions: [{ probability: Number }, { probability: Number }] })
    t.same(predictions[0], predictions[1])
    const text = await mbconv(cwd, 'predict', `runs/${name}`, 'a.png', '--topk', '1')
    t.match(text.stdout, new RegExp(`^a\\.png: ${predictions[0].predictions[0].label} +\\d+\\.\\d\\d %\\n$`))
    const missing = await mbconv(cwd, 'predict', 'none.png')
    t.equal(missing.status, 4)
    t.match(missing.stderr, 'none.png')
  })
})

t.test('--json: a line an event, nothing else', async (t) => {
  const cwd = folder(t)
  const { status, stdout, stderr } = await mbconv(
    cwd,
    'train',
    'tiny.yaml',
    '--maxSteps=3',
    '--json',
    '--run.name=here',
  )
  t.equal(status, 0)
  t.equal(stderr, '')
  const lines = events(stdout)
  t.same([...new Set(lines.map(({ type }) => type))].sort(), ['checkpoint', 'end', 'eval', 'start', 'step'])
  t.equal(lines.filter(({ type }) => type === 'step').length, 3)
  t.match(lines[0], { type: 'start', steps: 3, stepsPerEpoch: 22, trainImages: 1437, startStep: 0 })
  t.match(lines.at(-1), { type: 'end', result: { steps: 3, interrupted: false, top1: Number } })
  t.same(fs.readdirSync(path.join(cwd, 'out')), ['here'])
  const again = await mbconv(cwd, 'train', 'tiny.yaml', '--maxSteps=3', '--run.name=here')
  t.equal(again.status, 2, 'a run is not overwritten')
  t.match(again.stderr, 'exists already')
})

t.test('--quiet: results only', async (t) => {
  const { status, stdout, stderr } = await mbconv(
    folder(t),
    'train',
    'tiny.yaml',
    '--maxSteps=2',
    '--quiet',
    '--ema=false',
  )
  t.equal(status, 0)
  t.equal(stderr, '')
  t.match(stdout, /^Test accuracy, final weights/m)
  t.match(stdout, /^2 steps, 0 epochs;/m)
})

for (const [signal, expected] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  t.test(`${signal} saves and ends with ${expected}; the run can be resumed`, async (t) => {
    const cwd = folder(t)
    const run = start(cwd, ['train', 'tiny.yaml', '--epochs=500', '--json'])
    await sees(run, 'stdout', /"type":"step","step":3,/)
    run.child.kill(signal)
    t.equal(await run.done, expected, run.stderr)
    t.match(run.stderr, `${signal}: saving; once more to quit at once\n`)
    t.match(run.stderr, /^saved; go on with: mbconv train tiny\.yaml --resume out\/tiny-/m)
    const { result } = events(run.stdout).at(-1)
    t.equal(result.interrupted, signal)
    const saved = checkpoints(result.runDir)
    t.equal(saved.length, 1)
    const steps = Number(saved[0].replace('step-', ''))
    t.ok(steps >= 3)

    const resumed = await mbconv(
      cwd,
      'train',
      'tiny.yaml',
      '--resume',
      '--json',
      `--maxSteps=${steps + 2}`,
      '--epochs=500',
    )
    t.equal(resumed.status, 0, resumed.stderr)
    t.match(events(resumed.stdout)[0], { type: 'start', startStep: steps, runDir: result.runDir })
    t.match(events(resumed.stdout).at(-1).result, { steps: steps + 2, runDir: result.runDir })

    // The folder alone is enough too: it keeps its configuration.
    const longer = await mbconv(cwd, 'train', '--resume', result.runDir, `--maxSteps=${steps + 3}`, '--quiet')
    t.equal(longer.status, 0, longer.stderr)
    t.match(longer.stdout, new RegExp(`^${steps + 3} steps,`, 'm'))
  })

t.test('SIGHUP is nothing to what is to outlive its terminal', async (t) => {
  // The shell stays, as the script of a job does, and passes on the process's own status.
  const shell = ['sh', '-c', `trap '' HUP; "$@"; exit $?`, 'sh']
  for (const [name, how, skip] of [
    ['started by nohup', { added: { _: '/usr/bin/nohup' } }],
    ['started by a shell that ignores it', { by: shell }, !fs.existsSync('/proc/self/status') && 'no /proc here'],
  ])
    await t.test(name, { skip }, async (t) => {
      const run = start(folder(t), ['train', 'tiny.yaml', '--epochs=500', '--json'], how)
      await sees(run, 'stdout', /"type":"step","step":3,/)
      const { runDir } = events(run.stdout.slice(0, run.stdout.lastIndexOf('\n')))[0]
      // The shell is another process; the lock names the one that trains.
      const { pid } = JSON.parse(fs.readFileSync(path.join(runDir, '.lock'), 'utf8'))
      process.kill(pid, 'SIGHUP')
      process.kill(pid, 'SIGTERM')
      t.equal(await run.done, 143, run.stderr)
      t.notMatch(run.stderr, 'SIGHUP')
      t.match(events(run.stdout).at(-1), { type: 'end', result: { interrupted: 'SIGTERM' } })
    })
})

t.test('the second signal ends it at once', async (t) => {
  const run = start(folder(t), ['train', 'tiny.yaml', '--epochs=500', '--json'])
  await sees(run, 'stdout', /"type":"step"/)
  run.child.kill('SIGINT')
  await sees(run, 'stderr', /saving/)
  run.child.kill('SIGINT')
  t.equal(await run.done, 130)
})

t.test('a reader that goes away does not end the training', async (t) => {
  const cwd = folder(t)
  const run = start(cwd, ['train', 'tiny.yaml', '--maxSteps=6', '--json', '--run.name=here'])
  await sees(run, 'stdout', /"type":"start"/)
  run.child.stdout.destroy()
  t.equal(await run.done, 0, run.stderr)
  t.equal(JSON.parse(fs.readFileSync(path.join(cwd, 'out/here/result.json'), 'utf8')).steps, 6)
})

t.test(
  'output that cannot be written does not end the training',
  {
    skip: fs.existsSync('/dev/full') ? false : 'no /dev/full here',
  },
  async (t) => {
    const full = fs.openSync('/dev/full', 'w')
    t.teardown(() => fs.closeSync(full))
    for (const [name, stdio, status] of [
      ['results', ['ignore', full, 'pipe'], 1],
      ['progress', ['ignore', 'pipe', full], 0],
      ['both', ['ignore', full, full], 1],
    ]) {
      const cwd = folder(t)
      const words = ['train', 'tiny.yaml', '--epochs=1', '--run.name=full']
      const child = spawn(process.execPath, [MAIN, ...words], { cwd, stdio })
      let stderr = ''
      child.stderr?.on('data', (text) => {
        stderr += text
      })
      const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)))
      t.equal(ended, status, `${name}: ${stderr}`)
      const run = path.join(cwd, 'out', 'full')
      t.ok(fs.existsSync(path.join(run, 'result.json')), `${name}: trained to its end`)
      t.equal(fs.readdirSync(path.join(run, 'checkpoints')).length, 1, name)
      if (child.stderr && status === 1) t.match(stderr, /stdout is lost: .*(space|ENOSPC)/, name)
      fs.rmSync(path.join(cwd, 'out'), { recursive: true })
    }
  },
)

t.test('data that cannot be read: 4, and nothing is written', async (t) => {
  const cwd = t.testdir({
    'tiny.yaml': `${CONFIG}data: {dataset: idx, trainImages: a, trainLabels: b, testImages: c, testLabels: d}\n`,
    a: 'no IDX file',
  })
  const { status, stderr } = await mbconv(cwd, 'train', 'tiny.yaml')
  t.equal(status, 4)
  t.match(stderr, path.join(cwd, 'a'))
  t.equal(fs.existsSync(path.join(cwd, 'out')), false)
})

t.test('without the native part: 3 and what to do', async (t) => {
  const cwd = folder(t)
  process.env.MBCONV_ADDON = path.join(cwd, 'none.node')
  t.teardown(() => delete process.env.MBCONV_ADDON)
  const { status, stderr } = await mbconv(cwd, 'train', 'tiny.yaml')
  t.equal(status, 3)
  t.match(stderr, /code: ERR_NATIVE_LOAD/)
  t.match(stderr, /hint: .*setup/)
})

/** A grey PNG with a bright column: the smallest image file there is a reader for. */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length)
    frame.writeUInt32BE(zlib.crc32(body), 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 0, 0, 0, 0])
  const row = Buffer.from([0, ...Array.from({ length: width }, (_, x) => (x === 3 ? 255 : 20))])
  const pixels = zlib.deflateSync(Buffer.concat(Array.from({ length: height }, () => row)))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))])
}

t.test('a run is called after its file, whatever that is called', async (t) => {
  const model = { name: 'efficientnet_b0' }
  for (const stem of ['tiny', '.hidden', 'a\\b', 'n'.repeat(240), `${'n'.repeat(179)}\u{1f600}`]) {
    const name = freeRunName(t.testdir(), stem)
    t.equal(parseConfig({ model, epochs: 1, run: { name } }).run.name, name, 'fit for a configuration')
  }
})
