/* What libtorch says reaches JavaScript in its words: warnings as events of the process, hints with the names of options. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as mb from 'mbconv'
import t from 'tap'

const run = (script) => promisify(execFile)(process.execPath, ['-e', script], { cwd: process.cwd() })
const SPARSE = `const mb = require('mbconv'); mb.callOp('aten::to_sparse_csr', [mb.ones([2, 2])])`

t.test('a warning is an event, and by default a line on stderr', async (t) => {
  const { stdout, stderr } = await run(
    `process.on('warning', ({ name, code, message }) => console.log(JSON.stringify({ name, code, message }))); ${SPARSE}`,
  )
  const warning = JSON.parse(stdout)
  t.match(warning, {
    name: 'LibtorchWarning',
    code: 'MBCONV_LIBTORCH',
    message: /Sparse CSR tensor support is in beta/,
  })
  t.match(stderr, /LibtorchWarning/)
})

t.test('--no-warnings leaves it out; a listener that throws makes no operation fail', async (t) => {
  const quiet = await promisify(execFile)(process.execPath, ['--no-warnings', '-e', SPARSE])
  t.equal(quiet.stderr, '')
  const { stdout } = await run(
    `process.emitWarning = () => { throw new Error('of the application') }; ${SPARSE}; console.log('done')`,
  )
  t.equal(stdout, 'done\n')
})

t.test('a worker has its own listener', async (t) => {
  const { stdout } = await run(`
    const { Worker } = require('node:worker_threads')
    const worker = new Worker(\`process.on('warning', ({ name }) => console.log('worker', name)); ${SPARSE}\`, { eval: true })
    worker.on('exit', (status) => console.log('exit', status))`)
  t.equal(stdout, 'worker LibtorchWarning\nexit 0\n')
})

t.test('errors name options as they are written here', async (t) => {
  const x = mb.ones([2], { requiresGrad: true })
  const y = x.mul(x).sum()
  y.backward()
  t.throws(() => y.backward(), { code: 'ERR_AUTOGRAD', message: /retainGraph: true/ })
  t.throws(() => y.backward(), { message: /^(?!.*retain_graph)/ })
  for (const tensor of [x, y]) tensor.dispose()
})
