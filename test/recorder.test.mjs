/* The loggers of a training run: what they get, and what becomes of one that fails. */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { train, trainConfigSchema } from 'mbconv'
import t from 'tap'
import { internal, internalPath } from './helpers/internals.mjs'
import { metricsOf, tinyConfig } from './helpers/tiny.mjs'

const { CHOSEN, LOGGERS } = internal('recorderKinds')
const { Recorder } = internal('recorder')

const MODEL = { model: { name: 'efficientnet_b0' } }
const step = (number) => ({ type: 'step', step: number, epoch: 0, loss: 1, lr: 1, imagesPerSecond: 1 })
const words = (events) => events.map(({ type, step, message }) => message ?? `${type} ${step}`)

/** A logger that keeps what it gets in `got`. */
const keeper = (got, name = 'keeper') => ({
  name,
  isEssential: false,
  open: () => ({ record: (event) => got.push(event), close: () => got.push({ type: 'close' }) }),
})

/** A recorder of a run that stands at its beginning. */
function recorderOf(t, kinds) {
  const emitted = []
  const run = { runDir: t.testdir(), position: { step: 0, seconds: 0, lastEval: null }, emit: (e) => emitted.push(e) }
  return { recorder: new Recorder(run, [LOGGERS[0], ...kinds]), emitted, run }
}

t.test('every logger is in a file of its own and is listed', async (t) => {
  const folder = fileURLToPath(new URL('../lib/train/record', import.meta.url))
  const shared = ['caller-loggers.ts', 'events.ts', 'kinds.ts', 'logger.ts', 'recorder.ts']
  const all = [...LOGGERS, ...Object.values(CHOSEN)]
  const compiled = path.dirname(internalPath('recorderKinds'))
  const files = fs.readdirSync(folder).filter((file) => !shared.includes(file))
  t.equal(files.length, all.length, files.join(', '))
  t.equal(new Set(all.map(({ name }) => name)).size, all.length)
  t.strictSame(Object.keys(CHOSEN), Object.keys(trainConfigSchema.parse({ ...MODEL, epochs: 1 }).log))
  for (const file of files) {
    const found = Object.values(await import(path.join(compiled, file.replace('.ts', '.js'))))
    t.ok(
      all.some((kind) => found.includes(kind)),
      file,
    )
  }
})

t.test('one that fails is a warning, and the others get everything', async (t) => {
  const fail = () => {
    throw new Error('out of paper')
  }
  for (const method of ['record', 'sync', 'settle']) {
    const [before, after] = [[], []]
    const closed = []
    const bad = {
      name: 'printer',
      isEssential: false,
      open: () => ({ record: () => {}, close: () => closed.push(true), [method]: fail }),
    }
    const { recorder, emitted } = recorderOf(t, [keeper(before), bad, keeper(after)])
    const act = () => (method === 'record' ? recorder.record(step(1)) : recorder[method]())
    act()
    act()
    recorder.record(step(9))
    const warning = 'printer: out of paper; training goes on without it'
    const expected = method === 'record' ? ['step 1', warning, 'step 1', 'step 9'] : [warning, 'step 9']
    for (const got of [emitted, before, after]) t.strictSame(words(got), expected, method)
    t.strictSame(closed, [true], 'closed once')
    recorder.close()
    t.equal(before.at(-1).type, 'close')
    t.equal(after.at(-1).type, 'close')
  }
})

t.test('what ends a run is an essential one that fails, and one that cannot be opened', async (t) => {
  const run = { runDir: t.testdir(), position: { step: 0, seconds: 0, lastEval: null } }
  const recorder = new Recorder({
    ...run,
    emit: () => {
      throw new Error('nobody there')
    },
  })
  t.throws(() => recorder.record(step(1)), /nobody there/)
  recorder.close()

  const got = []
  const shut = {
    name: 'shut',
    isEssential: false,
    open: () => {
      throw new Error('no way in')
    },
  }
  t.throws(() => new Recorder({ ...run, emit: () => {} }, [keeper(got), shut]), /no way in/)
  t.strictSame(got, [{ type: 'close' }], 'nothing stays open')
})

t.test('a warning of a logger comes after the event that it is about, to all', async (t) => {
  const [before, after] = [[], []]
  const anxious = {
    name: 'anxious',
    isEssential: false,
    open: ({ warn }) => ({ record: ({ type, step }) => type === 'step' && warn(`oh, ${step}`) }),
  }
  const { recorder, emitted } = recorderOf(t, [keeper(before), anxious, keeper(after)])
  recorder.record(step(1))
  recorder.record(step(2))
  for (const got of [emitted, before, after]) t.strictSame(words(got), ['step 1', 'oh, 1', 'step 2', 'oh, 2'])
  recorder.close()
})

t.test('what waits when an essential one fails does not come later', async (t) => {
  const got = []
  const first = {
    name: 'first',
    isEssential: false,
    open: ({ warn }) => ({ record: ({ step }) => step && warn(`w${step}`) }),
  }
  const emit = ({ step }) => {
    if (step === 1) throw new Error('nobody there')
  }
  const run = { runDir: t.testdir(), position: { step: 0, seconds: 0, lastEval: null }, emit }
  const recorder = new Recorder(run, [first, LOGGERS[0], keeper(got)])
  t.throws(() => recorder.record(step(1)), /nobody there/)
  recorder.record(step(2))
  t.strictSame(words(got), ['step 2', 'w2'])
  recorder.close()
})

t.test('a logger that is closed gets nothing more, nor does one that cannot be', async (t) => {
  const [before, after, stubborn] = [[], [], []]
  const bad = {
    name: 'bad',
    isEssential: false,
    open: () => ({
      record: (event) => stubborn.push(event),
      close: () => {
        throw new Error('stuck')
      },
    }),
  }
  const { recorder, emitted } = recorderOf(t, [keeper(before), bad, keeper(after)])
  recorder.close()
  for (const got of [before, after]) t.strictSame(got, [{ type: 'close' }])
  t.strictSame(stubborn, [])
  t.strictSame(words(emitted), ['bad cannot be closed: stuck'], 'who follows the run is told')
  recorder.record(step(1))
  t.equal(emitted.length, 1)
})

t.test('of a whole run, loggers get what its reader gets', async (t) => {
  const got = []
  LOGGERS.push(keeper(got))
  t.teardown(() => LOGGERS.pop())
  const events = []
  const run = train(tinyConfig(t.testdir(), { top: { epochs: 1 } }), { worker: false })
  for await (const event of run) events.push(event)
  t.strictSame(got.slice(0, -1), events)
  t.equal(got.at(-1).type, 'close')
  t.strictSame(
    metricsOf(path.resolve((await run.result).runDir)).map(({ seconds, ...event }) => event),
    events.filter(({ type }) => type === 'step' || type === 'eval'),
    'metrics.jsonl, too',
  )
})
