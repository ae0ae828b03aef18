import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { memory, parseConfig, train } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { publishDirectory, removeStaleTemporaries, StagedFolder, writeFileAtomic } = internal('atomic')
const { readableJson } = internal('json')
const { findCheckpoint, listCheckpoints, newestCheckpoint, openCheckpoint } = internal('checkpoint')

t.test('damaged checkpoints', async (t) => {
  const dir = t.testdir()
  const { runDir } = await train(tinyConfig(dir, { top: { epochs: 3 } })).result
  const [newest, middle] = listCheckpoints(runDir)
  t.strictSame(
    listCheckpoints(runDir).map(({ step }) => step),
    [12, 8, 4],
  )

  const restore = (path) => {
    rmSync(path, { recursive: true, force: true })
    cpSync(join(dir, 'backup', path.split('/').at(-1)), path, { recursive: true })
  }
  cpSync(join(runDir, 'checkpoints'), join(dir, 'backup'), { recursive: true })
  const damages = {
    'a flipped bit': (file, bytes) => {
      bytes[bytes.length >> 1] ^= 4
      writeFileSync(file, bytes)
    },
    'cut short': (file, bytes) => writeFileSync(file, bytes.subarray(0, bytes.length - 7)),
    longer: (file, bytes) => writeFileSync(file, Buffer.concat([bytes, Buffer.from('}')])),
    emptied: (file) => writeFileSync(file, ''),
    missing: (file) => rmSync(file),
  }
  for (const name of ['model.safetensors', 'ema.safetensors', 'optimizer.safetensors', 'state.json']) {
    for (const [title, damage] of Object.entries(damages)) {
      const file = join(newest.path, name)
      damage(file, readFileSync(file))
      const warnings = []
      t.equal(newestCheckpoint(runDir, (message) => warnings.push(message))?.path, middle.path, `${name}, ${title}`)
      t.equal(warnings.length, 1)
      t.match(warnings[0], name, 'the warning names the file')
      t.throws(() => openCheckpoint(newest.path), { code: 'ERR_CHECKPOINT' })
      restore(newest.path)
    }
  }

  t.test('any flipped bit of the state is noticed', async () => {
    const file = join(newest.path, 'state.json')
    const whole = readFileSync(file)
    fc.assert(
      fc.property(fc.nat(whole.length * 8 - 1), (bit) => {
        const bytes = Buffer.from(whole)
        bytes[bit >> 3] ^= 1 << (bit & 7)
        writeFileSync(file, bytes)
        try {
          // White space may change; nothing else may.
          return JSON.stringify(openCheckpoint(newest.path).state) === JSON.stringify(JSON.parse(whole).state)
        } catch (error) {
          return error.code === 'ERR_CHECKPOINT'
        }
      }),
      { numRuns: 300 },
    )
    restore(newest.path)
  })

  t.test('resuming skips the broken ones with a warning, and replaces them', async (t) => {
    writeFileSync(join(newest.path, 'model.safetensors'), 'nonsense')
    const events = []
    for await (const event of train(undefined, { resume: runDir })) events.push(event)
    const warning = events.find(({ type }) => type === 'warning')
    t.match(warning, { message: /step-000012.*model\.safetensors/ })
    t.equal(events.find(({ type }) => type === 'start').startStep, 8)
    for (const name of readdirSync(newest.path)) {
      if (name === 'state.json') continue
      t.ok(readFileSync(join(newest.path, name)).equals(readFileSync(join(dir, 'backup', 'step-000012', name))), name)
    }
  })

  t.test('with none whole the run folder stays as it is', async (t) => {
    for (const { path } of listCheckpoints(runDir)) writeFileSync(join(path, 'ema.safetensors'), 'nonsense')
    const snapshot = () =>
      readdirSync(runDir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
        .sort()
        .map((file) => [file, readFileSync(file).toString('base64')])
    const before = snapshot()
    const live = memory().tensors
    await t.rejects(train(undefined, { resume: runDir, worker: false }).result, {
      code: 'ERR_CHECKPOINT',
      message: /no checkpoint is whole/,
    })
    t.strictSame(snapshot(), before)
    t.ok(memory().tensors <= live)
  })
})

t.test('finding a checkpoint', async (t) => {
  const dir = t.testdir({ empty: {} })
  const { runDir, checkpoint } = await train(tinyConfig(dir, { top: { epochs: 1 } })).result
  t.equal(findCheckpoint(runDir).path, checkpoint)
  t.equal(findCheckpoint(checkpoint).path, checkpoint)
  const bad = (path, message) => t.throws(() => findCheckpoint(path), { code: 'ERR_CHECKPOINT', message })
  bad(join(dir, 'absent'), /no such/)
  bad(join(dir, 'empty'), /holds no checkpoint/)
  bad(join(runDir, 'config.json'), /no such/)
  for (const name of ['a-20260101-120000', 'a-20260102-110000', 'a-b-20260103-120000', 'a-notes'])
    mkdirSync(join(dir, 'runs', name), { recursive: true })
  const hint = `the newest run of that name is ${join(dir, 'runs', 'a-20260102-110000')}`
  t.throws(() => findCheckpoint(join(dir, 'runs', 'a')), { code: 'ERR_CHECKPOINT', hint })
  t.throws(() => findCheckpoint(join(dir, 'runs', 'c')), { code: 'ERR_CHECKPOINT', hint: undefined })
  t.throws(() => findCheckpoint(undefined), { code: 'ERR_TYPE' })
})

t.test('as many are kept as configured', async (t) => {
  const dir = t.testdir()
  const top = { epochs: 2, checkpoint: { keep: 2, best: 0, everySteps: 1, everyEpochs: 1 } }
  const { runDir } = await train(tinyConfig(dir, { top })).result
  t.strictSame(
    listCheckpoints(runDir).map(({ step }) => step),
    [8, 7],
  )
})

t.test("JSON for people keeps every value, and a matrix's rows on lines", async (t) => {
  const value = {
    matrix: [
      [1, 2.5],
      [-3e-7, 0],
    ],
    text: ['[ 1 ]', '[\n  1\n]', '"[1]"'],
    none: [],
    mixed: [1, 'a', null],
  }
  const text = readableJson(value)
  t.strictSame(JSON.parse(text), value)
  t.match(text, '    [1, 2.5],\n    [-3e-7, 0]\n')
  fc.assert(fc.property(fc.jsonValue(), (any) => JSON.stringify(JSON.parse(readableJson(any))) === JSON.stringify(any)))
})

t.test('atomic files and folders', async (t) => {
  const dir = t.testdir({ file: 'old', folder: { a: '1' } })
  writeFileAtomic(join(dir, 'file'), 'new')
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'new')
  const failing = function* () {
    yield Buffer.from('half')
    throw new Error('in the middle')
  }
  t.throws(() => writeFileAtomic(join(dir, 'file'), failing()), { code: 'ERR_IO', message: /in the middle/ })
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'new')
  t.throws(() => writeFileAtomic(join(dir, 'none', 'file'), ''), { code: 'ERR_IO', message: /no such file or folder/ })

  t.throws(
    () =>
      publishDirectory(join(dir, 'folder'), (folder) => {
        writeFileSync(join(folder, 'b'), '2')
        throw new Error('in the middle')
      }),
    /in the middle/,
  )
  t.strictSame(readdirSync(join(dir, 'folder')), ['a'])
  publishDirectory(join(dir, 'folder'), (folder) => writeFileSync(join(folder, 'b'), '2'))
  t.strictSame(readdirSync(join(dir, 'folder')), ['b'])
  t.strictSame(readdirSync(dir).sort(), ['file', 'folder'], 'nothing else stays')

  // A process id beyond the kernel's largest is nobody's.
  for (const name of ['.x.tmp-99999999-0a', '.x.old-99999999-0a', `.x.tmp-${process.pid}-0a`, 'x.tmp-99999999-0a']) {
    writeFileSync(join(dir, name), '')
  }
  t.strictSame(removeStaleTemporaries(dir).sort(), ['.x.old-99999999-0a', '.x.tmp-99999999-0a'])
  t.strictSame(removeStaleTemporaries(dir, { exclusive: true }), [`.x.tmp-${process.pid}-0a`])
  // A process id says nothing about another machine that writes to the same disk.
  const { folder } = new StagedFolder(join(dir, 'y'))
  const own = basename(folder).replace(/-\d+-/, '-99999999-')
  const host = /-99999999-([0-9a-f]{8})-/.exec(own)[1]
  const other = own.replace(host, host === '00000000' ? '11111111' : '00000000')
  for (const name of [own, other]) writeFileSync(join(dir, name), '')
  t.strictSame(removeStaleTemporaries(dir), [own])
  t.ok(existsSync(folder))
  t.strictSame(removeStaleTemporaries(dir, { exclusive: true }).sort(), [other, basename(folder)].sort())
})

t.test('a recorded configuration without keys that follow from others has them filled in', async (t) => {
  const { encodeState, readState } = internal('checkpointState')
  const given = tinyConfig(t.testdir(), { top: { epochs: 1, optimizer: { name: 'rmsprop' } } })
  const { checkpoint } = await train(given, { worker: false }).result
  const { state, files } = readState(checkpoint)
  const { dropPath, ...model } = state.config.model
  const { lr, ...optimizer } = state.config.optimizer
  const older = { ...state, config: { ...state.config, model, optimizer } }
  writeFileSync(join(checkpoint, 'state.json'), encodeState(older, files))
  t.type(dropPath, 'number')
  t.type(lr, 'number')
  t.strictSame(readState(checkpoint).state.config, parseConfig({ ...given }), 'as a file without them has')

  const stages = { ...older, config: { ...older.config, model: { ...model, stages: ['mb_r1'] } } }
  writeFileSync(join(checkpoint, 'state.json'), encodeState(stages, files))
  t.throws(() => readState(checkpoint), { code: 'ERR_CHECKPOINT', message: /state\.json.*\n.*mb_r1/ })
})
