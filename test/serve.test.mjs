// The HTTP server: as the documents show it, and as `mbconv serve`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join, resolve } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { apart, pictureFiles, sharp, writeModel } from './helpers/served-model.mjs'

const { listening } = internal('listening')
const skip = !sharp && 'the optional package sharp is not installed'
const LIMIT = 1e-4
mb.setNumThreads(1)
t.setTimeout(120_000)

const page = readFileSync('docs/serving.md', 'utf8')
/** A block of the page, by the file name behind its language. */
const blockOf = (name) => page.match(new RegExp(`^\`\`\`js ${name}\\n([\\s\\S]*?)^\`\`\``, 'm'))[1]
const source = readFileSync('lib/serving/http-server.mjs', 'utf8').replace(/^\/\/ @ts-nocheck.*\n/, '')

const dir = t.testdir({ runs: { digits: {} } })
const { safetensors } = writeModel(join(dir, 'runs', 'digits'), 'model')
const files = sharp ? await pictureFiles(6) : []

/** Array.fromAsync, which Node 20 does not have. */
async function allOf(items) {
  const all = []
  for await (const each of items) all.push(each)
  return all
}
const named = files.map((bytes) => ({ name: 'image', bytes }))
const wanted = sharp ? await allOf(mb.predictEach(safetensors, named)) : []

/** Starts a process; gives its first line of stdout, and its end. */
async function started(words, options = {}) {
  const child = spawn(process.execPath, words, { cwd: dir, ...options, env: { ...process.env, ...options.env } })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }))
  const [line] = await Promise.race([
    once(child.stdout.setEncoding('utf8'), 'data'),
    ended.then(() => [`ended: ${stderr}`]),
  ])
  return { child, line: line.trim(), ended }
}

async function ask(url, body, method = 'POST') {
  const response = await fetch(url, { method, body })
  return { status: response.status, value: await response.json() }
}

/** What every server must answer. */
async function checkAnswers(t, url) {
  const answers = await Promise.all(files.map((file) => ask(url, file)))
  t.same([...new Set(answers.map(({ status }) => status))], [200])
  const predictions = answers.map(({ value }) => value)
  t.ok(apart(predictions, wanted) < LIMIT, 'as the predictor')
  t.match(await ask(url, 'no image'), { status: 400, value: { code: 'ERR_DATA', message: /^image: cannot be read/ } })
  const facts = await ask(url, undefined, 'GET')
  t.match(facts, { status: 200, value: { name: /^efficientnet_b0/, classes: ['class 0', 'class 1'] } })
  t.match(await ask(url, undefined, 'DELETE'), { status: 405 })
  t.match(await ask(url, new Uint8Array(20e6 + 1)), { status: 413, value: { message: /at most 20000000 bytes/ } })
  // A client that leaves in the middle of its upload, and one that does not wait for its answer.
  for (const length of [files[0].length, 2 * files[0].length]) {
    const request = http.request(url, { method: 'POST', headers: { 'content-length': length } })
    request.on('error', () => {})
    request.write(files[0])
    setTimeout(() => request.destroy(), 10)
    await new Promise((resolve) => request.on('close', resolve)) // once() would reject at its error
  }
  t.match(await ask(url, files[0]), { status: 200 })
}

t.test('the page shows the server that the command runs, in 25 lines', async (t) => {
  t.equal(blockOf('server.mjs'), source)
  t.ok(source.trimEnd().split('\n').length <= 25, `${source.trimEnd().split('\n').length} lines`)
})

t.test('the files of the page run', { skip }, async (t) => {
  for (const name of ['server.mjs', 'main.mjs']) writeFileSync(join(dir, name), blockOf(name))
  const { child, line, ended } = await started(['main.mjs'], { env: { PORT: '0' } })
  await checkAnswers(t, `http://127.0.0.1:${line}`)
  child.kill('SIGTERM')
  t.match(await ended, { code: 0, stderr: '' }, 'it ends when it is asked to')
})

t.test('mbconv serve', { skip }, async (t) => {
  const MAIN = resolve('dist/cli/main.js')
  const words = [MAIN, 'serve', safetensors, '--threads', '1', '--json']
  const { child, line, ended } = await started([...words, '--port', '0'])
  const { url, port, runtime, device } = JSON.parse(line)
  t.match({ url, runtime, device }, { url: `http://127.0.0.1:${port}`, runtime: 'libtorch', device: 'cpu' })
  await t.rejects(listening(http.createServer(), port, '127.0.0.1'), {
    code: 'ERR_USAGE',
    message: `port ${port} of 127.0.0.1 is in use`,
  })
  await checkAnswers(t, url)
  child.kill('SIGTERM')
  t.match(await ended, { code: 143 }, 'the exit status of the signal')
})
