// The key `backend` of a training: what computes the steps, what a run records of it, and what a resumed run keeps.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuKernels, evaluateRun, train } from 'mbconv'
import t from 'tap'
import { metricsOf, runScript, tinyConfig } from './helpers/tiny.mjs'

const { used } = cpuKernels()

/** Trains and returns the first event. */
async function started(config, options = {}) {
  const run = train(config, options)
  let start
  const warnings = []
  for await (const event of run) {
    if (event.type === 'start') start = event
    if (event.type === 'warning') warnings.push(event.message)
  }
  return { start, warnings, runDir: start.runDir }
}

const statePath = (runDir, step) => join(runDir, 'checkpoints', `step-${String(step).padStart(6, '0')}`, 'state.json')
const stateOf = (runDir, step) => JSON.parse(readFileSync(statePath(runDir, step), 'utf8')).state

/** Changes a checkpoint's state as an earlier version, or another machine, would have written it. */
function rewrite(runDir, step, change) {
  const { sha256: _, ...body } = JSON.parse(readFileSync(statePath(runDir, step), 'utf8'))
  change(body.state)
  const sha256 = createHash('sha256').update(JSON.stringify(body)).digest('hex')
  writeFileSync(statePath(runDir, step), JSON.stringify({ ...body, sha256 }))
}

const losses = (runDir) => metricsOf(runDir).flatMap(({ type, loss }) => (type === 'step' ? [loss] : []))

t.test('auto is native, composite is not, and both learn the same', async (t) => {
  const dir = t.testdir()
  const run = (backend) => started(tinyConfig(dir, { run: { name: backend }, top: { backend } }))
  const [auto, native, composite] = [await run('auto'), await run('native'), await run('composite')]
  for (const { start, runDir } of [auto, native]) {
    t.match(start, { backend: 'native', kernels: used })
    t.strictSame(stateOf(runDir, 8).computed, { backend: 'native', kernels: used })
  }
  t.match(composite.start, { backend: 'composite', kernels: null })
  t.strictSame(stateOf(composite.runDir, 8).computed, { backend: 'composite', kernels: null })

  t.strictSame(losses(native.runDir), losses(auto.runDir), 'the same bits')
  const [ours, theirs] = [losses(auto.runDir), losses(composite.runDir)]
  t.equal(ours.length, theirs.length)
  for (const [i, bound] of [1e-5, 1e-2, 1e-2].entries())
    t.ok(Math.abs(ours[i] - theirs[i]) < bound * theirs[i], `loss ${i}: ${ours[i]} and ${theirs[i]}, up to rounding`)
  t.notSame(ours, theirs, 'but not by the same operations')
})

t.test('what is not native', async (t) => {
  const dir = t.testdir()
  const fused = { name: 'efficientnetv2_b0', width: 0.25, depth: 0.1, resolution: 16, dropPath: 0 }
  const bf16 = await started(tinyConfig(dir, { run: { name: 'bf16' }, top: { precision: 'bf16', epochs: 1 } }))
  t.equal(bf16.start.backend, 'composite')
  for (const [top, reason] of [
    [{ precision: 'bf16' }, /backend: native is not possible: .*float32.*bf16/],
    [{ model: fused }, /backend: native is not possible: blocks of kind fused/],
  ]) {
    const config = tinyConfig(dir, { run: { name: 'refused' }, top: { ...top, backend: 'native' } })
    await t.rejects(train(config).result, { code: 'ERR_CONFIG', message: reason })
  }
  t.throws(() => train(tinyConfig(dir, { top: { backend: 'fast' } })), { code: 'ERR_CONFIG', message: /backend/ })
})

t.test('a resumed run keeps what computed it', async (t) => {
  const dir = t.testdir()
  const config = (name, top) => tinyConfig(dir, { run: { name }, top: { checkpoint: { everySteps: 4 }, ...top } })
  const more = (name) => ({ ...config(name), epochs: 3 })

  const old = await started(config('old', { backend: 'composite' }))
  // A version without native kernels recorded neither.
  rewrite(old.runDir, 8, (state) => {
    delete state.computed
    delete state.config.backend
  })
  const stored = join(old.runDir, 'config.json')
  writeFileSync(stored, readFileSync(stored, 'utf8').replace(/\s*"backend": "composite",/, ''))
  const resumed = await started(more('old'), { resume: old.runDir })
  t.match(resumed.start, { backend: 'composite', startStep: 8 })
  t.strictSame(
    resumed.warnings.filter((message) => /kernels/.test(message)),
    [],
  )
  t.equal(stateOf(old.runDir, 12).computed.backend, 'composite')

  const native = await started(config('native'))
  rewrite(native.runDir, 8, (state) => {
    state.computed.kernels = 'neon'
  })
  const moved = await started(more('native'), { resume: native.runDir })
  t.match(moved.start, { backend: 'native', kernels: used })
  t.match(
    moved.warnings.find((message) => /kernels/.test(message)),
    new RegExp(`computed by the kernels for neon, and now for ${used}`),
  )
  await t.rejects(train({ ...more('native'), backend: 'composite', epochs: 4 }, { resume: native.runDir }).result, {
    code: 'ERR_CONFIG',
    message: /a resumed run cannot change backend/,
  })
})

t.test('a run with the key native is evaluated as any other', async (t) => {
  const { runDir } = await started(tinyConfig(t.testdir(), { top: { backend: 'native', epochs: 1 } }))
  t.match(await evaluateRun(runDir, { device: 'cpu' }), { step: 4 })
})

t.test('MBCONV_BACKEND decides what auto is', async (t) => {
  const dir = t.testdir()
  const config = JSON.stringify(tinyConfig(dir, { top: { epochs: 1 } }))
  const source = `
    import { train } from '$mbconv'
    for await (const event of train(${config})) if (event.type === 'start') console.log(event.backend)`
  process.env.MBCONV_BACKEND = 'composite'
  t.teardown(() => delete process.env.MBCONV_BACKEND)
  const { stdout, stderr } = await runScript(source)
  t.equal(stdout, 'composite\n', stderr)
})
