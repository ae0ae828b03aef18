/* scripts/verify-cuda.mjs, on the CPU: that its comparisons run, that they can fail, and that without a GPU it says so. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'
import { CPU64, evaluate, noise, relativeError, worstError } from '../scripts/verify-cuda/compare.mjs'
import { CAPTURED } from '../scripts/verify-cuda/graphs.mjs'
import { COMPARED } from '../scripts/verify-cuda/optimizers.mjs'
import { Absent, Report } from '../scripts/verify-cuda/report.mjs'

const SCRIPT = fileURLToPath(new URL('../scripts/verify-cuda.mjs', import.meta.url))

/** Every GPU is hidden, so that the answers are the same on a machine that has one. */
function verify(...args) {
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '' }
  const child = spawn(process.execPath, [SCRIPT, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      said[stream] += text
    })
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })))
}

t.test('every optimiser is compared, and captured', (t) => {
  const { Optimizer, ...exported } = mb.optim
  const optimizers = Object.values(exported).filter((value) => value?.prototype instanceof Optimizer)
  t.ok(optimizers.length > 4)
  for (const table of [COMPARED, CAPTURED]) {
    const parameter = mb.ones([2], { requiresGrad: true })
    const made = Object.values(table).map((make) => make([parameter]))
    t.same(new Set(made.map((optimizer) => optimizer.constructor)), new Set(optimizers))
    for (const optimizer of made) optimizer.dispose()
    parameter.dispose()
  }
  t.end()
})

t.test('the self-test runs every comparison and passes', async (t) => {
  const out = path.join(t.testdir(), 'verify.json')
  const sections = ['ops', 'blocks', 'network', 'optimizers', 'graphs', 'memory', 'out-of-memory', 'throughput']
  const { code, stdout, stderr } = await verify('--self-test', '--quick', '--only', sections.join(), '--out', out)
  t.equal(code, 0, stderr + stdout.replace(/^ok .*\n/gm, ''))
  const lines = stdout.trimEnd().split('\n')
  const report = JSON.parse(fs.readFileSync(out, 'utf8'))
  t.equal(lines.at(-1), `${report.passed} passed, 0 failed`)
  t.equal(lines.filter((line) => line.startsWith('ok ')).length, report.passed)
  t.match(report, { complete: true, failed: 0, mode: /self-test/, versions: { node: process.versions.node } })
  t.same([...new Set(report.checks.map(({ section }) => section))], sections)
  for (const name of [
    'conv2d depthwise 5x5 stride 2',
    'batch norm, training',
    'silu',
    'cross-entropy, label smoothing',
  ]) {
    for (const dtype of ['float32', 'bfloat16']) {
      const found = report.checks.find((check) => check.name === `${name}, ${dtype}`)
      t.ok(found?.ok && found.error <= found.limit, `${name}, ${dtype}`)
      t.not(found?.error, 0, 'two precisions differ: they were not the same computation')
    }
  }
  t.equal(report.throughput.length, 4)
  t.ok(report.throughput.every(({ imagesPerSecond }) => imagesPerSecond > 0))
})

t.test('without a GPU: exit status 3 and the reason', async (t) => {
  const out = path.join(t.testdir(), 'verify.json')
  const { code, stdout } = await verify('--out', out)
  t.equal(code, 3)
  t.match(stdout, /^no GPU can be used here: \S/)
  t.notMatch(stdout, /passed/)
  t.match(JSON.parse(fs.readFileSync(out, 'utf8')), { complete: false, passed: 0, whyNot: /\S/ })
})

t.test('wrong usage: exit status 2', async (t) => {
  for (const args of [['--only', 'nonsense'], ['--quick'], ['--device', 'cpu'], ['--unknown']]) {
    const { code, stderr } = await verify(...args)
    t.equal(code, 2, args.join(' '))
    t.match(stderr, /^verify-cuda: /)
  }
})

t.test('a wrong result or gradient is found', async (t) => {
  const inputs = { x: { tensor: noise([4, 5], 1, 'float32'), grad: true } }
  const single = { device: 'cpu', dtype: 'float32', layout: 'contiguous' }
  const errorOf = (call) => {
    const [results, reference] = [single, CPU64].map((target) =>
      evaluate(call, inputs, target, { seed: 2, dtype: 'float32' }),
    )
    return worstError(results, reference)
  }
  const isSingle = (x) => x.dtype === 'float32'
  t.ok(errorOf(({ x }) => x.sigmoid()).error < 1e-6)
  t.ok(errorOf(({ x }) => x.mul(isSingle(x) ? 1.001 : 1)).error > 5e-4)
  const wrongGradient = ({ x }) => (isSingle(x) ? x.mul(2).sub(x.detach()) : x.mul(1))
  t.match(errorOf(wrongGradient), { error: 1, worst: 'gradient of x' })
  t.ok(Number.isNaN(errorOf(({ x }) => x.mul(isSingle(x) ? Number.NaN : 1)).error))
  inputs.x.tensor.dispose()
})

t.test('errors are relative, and never pass for something else', async (t) => {
  t.equal(relativeError([3, 4.5], [3, 4]), 0.1)
  t.equal(relativeError([0, 0], [0, 0]), 0)
  t.ok(Number.isNaN(relativeError([1], [1, 2])))
  t.ok(Number.isNaN(worstError({}, { output: [1] }).error))
})

t.test('the report: NaN and exceptions fail, what is absent does not count', async (t) => {
  const lines = []
  const report = new Report({}, { say: (line) => lines.push(line) })
  await report.section('all', async () => {
    await report.check('good', () => ({ error: 1e-6, limit: 1e-5 }))
    await report.check('bad', () => ({ error: 1e-4, limit: 1e-5 }))
    await report.check('not a number', () => ({ error: Number.NaN, limit: 1 }))
    await report.check('thrown', () => mb.zeros([2]).item())
    await report.check('missing', () => {
      throw new Absent('not in this build')
    })
  })
  await report.section('broken', async () => {
    throw new Error('before its first check')
  })
  t.match(report, { passed: 1, failed: 4, absent: 1 })
  t.match(lines.join('\n'), /FAIL thrown: ERR_\w+: item/)
})
