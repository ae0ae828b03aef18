/* The server of mbconv watch: what it sends, and what it refuses. */
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { goOn, linesOf, someSamples, writeRun } from './helpers/made-up-runs.mjs'

const { serveRuns } = internal('watchServer')
const { Series } = internal('watchSeries')
const { Tail } = internal('tail')
const { readSamples, wrongFirst, writeSamples } = internal('samples')

const MAIN = path.resolve('dist/cli/main.js')
/** A bidirectional override and an escape sequence, in a name that is markup besides. */
const EVIL = '<img src=x onerror=alert(1)>\u202e\u001b[31m'
/** What a terminal or a page would obey. */
const OBEYED = /\p{Cc}|\u202e/u

/** A server of runs, closed at the end of the test. It looks at the runs thirty times a second. */
async function serve(t, options) {
  const server = await serveRuns({ folders: [], dir: t.testdirName, newest: 8, every: 30, port: 1, ...options })
  t.teardown(() => server.close())
  return server
}

/** A free port, so that tests at the same time do not meet. */
const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

/** One request, with the path as it is given. */
const ask = (port, pathname, { method = 'GET', headers = {}, host = '127.0.0.1' } = {}) =>
  new Promise((resolve, reject) => {
    const request = http.request({ host, port, path: pathname, method, headers, agent: false }, (response) => {
      const parts = []
      // A stream of events has no end.
      if (response.headers['content-type'] === 'text/event-stream') {
        resolve({ status: response.statusCode })
        request.destroy()
      }
      response.on('error', () => {})
      response.on('data', (part) => parts.push(part))
      response.on('end', () => {
        const body = Buffer.concat(parts)
        resolve({ status: response.statusCode, headers: response.headers, body, text: body.toString('utf8') })
      })
    })
    request.on('error', reject)
    request.end()
  })

/** The answer to a request as it is written. */
const raw = (port, text) =>
  new Promise((resolve, reject) => {
    let answer = ''
    const socket = net.connect(port, '127.0.0.1', () => socket.end(text))
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })

/** Follows the events. `until` waits for an event that fits, among all so far. */
function follow(t, port, lastId) {
  const events = []
  let wake = () => {}
  const headers = lastId === undefined ? {} : { 'Last-Event-ID': lastId }
  const request = http.get({ host: '127.0.0.1', port, path: '/events', headers, agent: false }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (part) => {
      text += part
      const blocks = text.split('\n\n')
      text = blocks.pop()
      for (const block of blocks) {
        const lines = block.split('\n').filter((line) => !line.startsWith(':'))
        const event = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)))
        if (event.data !== undefined) events.push({ ...event, data: JSON.parse(event.data) })
      }
      wake()
    })
    response.on('error', () => {})
  })
  request.on('error', () => {})
  t.teardown(() => request.destroy())
  const until = async (fits) => {
    for (;;) {
      const found = events.find(fits)
      if (found !== undefined) return found
      await new Promise((resolve) => {
        wake = resolve
      })
    }
  }
  return { events, until, stop: () => request.destroy() }
}

const pointsOf = (run) => (event) => event.event === 'points' && event.data.run === run

t.test('the page: its files, and headers that let it load nothing from elsewhere', async (t) => {
  const { port, url } = await serve(t, { port: await freePort() })
  t.equal(url, `http://127.0.0.1:${port}/`)
  const page = await ask(port, '/')
  t.equal(page.status, 200)
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': /^default-src 'self';.* frame-ancestors 'none'/,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  })
  const linked = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => name)
  t.ok(linked.length >= 4)
  for (const name of [...linked, '/chart.js', '/curves.js', '/figures.js', '/samples.js', '/table.js', '/uplot.js'])
    t.equal((await ask(port, name)).status, 200, name)
  t.match((await ask(port, '/uplot.js')).headers, { 'content-type': 'text/javascript; charset=utf-8' })
  t.notMatch(page.text, /<script(?![^>]* src=)|<style|style=/, 'nothing inline, which the policy forbids')
  t.equal((await ask(port, '/?a=b')).status, 200)
})

t.test('only requests of this machine, that read, and of what there is, are answered', async (t) => {
  const folder = writeRun(path.join(t.testdir(), 'run'), { to: 20 })
  const { port } = await serve(t, { folders: [folder], port: await freePort() })
  for (const host of ['127.0.0.1', 'localhost', `localhost:${port}`, '[::1]:8080', 'LOCALHOST:1'])
    t.equal((await ask(port, '/', { headers: { host } })).status, 200, host)
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'x@localhost',
  ])
    for (const name of ['/', '/events', '/samples/run1'])
      t.equal((await ask(port, name, { headers: { host } })).status, 403, `${host} ${name}`)
  t.match(await raw(port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 403 /, 'no host at all')
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']) {
    const { status, headers } = await ask(port, '/', { method })
    t.equal(status, 405, method)
    t.equal(headers.allow, 'GET')
  }
  for (const name of [
    '/config.json',
    '/../config.json',
    '/%2e%2e/package.json',
    '/../../../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '//etc/passwd',
    '/samples/run1/../config.json',
    '/samples/run1/0/../../config.json',
    '/samples/..',
    '/samples/run2',
    '/samples/run1/9',
    '/samples/__proto__',
    '/samples/run1/-1',
    '/watch.js/',
    '/page/watch.js',
    '/__proto__',
    '/constructor',
  ])
    t.equal((await ask(port, name)).status, 404, name)
  for (const { address, family, internal: isInternal } of Object.values(os.networkInterfaces()).flat()) {
    if (isInternal || family !== 'IPv4') continue
    await t.rejects(ask(port, '/', { host: address }), { code: 'ECONNREFUSED' }, 'other addresses of this machine')
  }
})

t.test('events: all that a run has, then what comes, and all again if it has another history', async (t) => {
  const folder = writeRun(path.join(t.testdir(), 'first run'), { to: 20, result: { interrupted: false } })
  const { port } = await serve(t, { folders: [folder], port: await freePort() })
  const { events, until } = follow(t, port)
  const { data } = await until(pointsOf('run1'))
  t.match(data.steps, { from: 0, points: { length: 20 } })
  t.match(data.evaluations, { from: 0, points: { length: 2 } })
  t.equal(data.steps.points[4].length, 3)
  t.equal(data.steps.points[4][0], 5)
  const [table] = events
  t.match(table, {
    event: 'runs',
    data: {
      problem: null,
      runs: [{ id: 'run1', name: 'first run', state: 'finished', step: 20, epoch: 2, epochs: 12 }],
    },
  })
  t.match(table.data.runs[0], { model: 'efficientnet_b0', dataset: 'digits', dataWait: 0.125, memory: 600 * 2 ** 20 })
  t.match(table.data.runs[0].best, { step: 20, score: Number })

  goOn(folder, { from: 21, to: 23 })
  fs.appendFileSync(path.join(folder, 'metrics.jsonl'), '{"type":"step","st')
  const more = await until((event) => pointsOf('run1')(event) && event.data.steps.from > 0)
  t.match(more.data.steps, { from: 20, points: { length: 3 } })
  t.match(more.data.evaluations, { from: 2, points: { length: 0 } })
  fs.appendFileSync(path.join(folder, 'metrics.jsonl'), 'ep":24,"epoch":2,"loss":null,"lr":0.5}\nno line of ours\n')
  const late = await until((event) => pointsOf('run1')(event) && event.data.steps.from === 23)
  t.strictSame(late.data.steps.points, [[24, null, 0.5]], 'a line that came in two pieces; a loss that is no number')

  // A resumed run: the file is replaced by a shorter one.
  fs.writeFileSync(path.join(folder, 'new'), linesOf({ to: 10 }))
  fs.renameSync(path.join(folder, 'new'), path.join(folder, 'metrics.jsonl'))
  const again = await until(
    (event) => pointsOf('run1')(event) && event !== events.find(pointsOf('run1')) && event.data.steps.from === 0,
  )
  t.match(again.data.steps, { from: 0, points: { length: 10 } })
  t.match(again.data.evaluations, { from: 0, points: { length: 1 } })
})

t.test('a page that reconnects gets what it lacks; one of another server gets everything', async (t) => {
  const folder = writeRun(path.join(t.testdir(), 'run'), { to: 20 })
  const { port } = await serve(t, { folders: [folder], port: await freePort() })
  const first = follow(t, port)
  const { id } = await first.until(pointsOf('run1'))
  first.stop()
  goOn(folder, { from: 21, to: 30 })
  const second = follow(t, port, id)
  const { data } = await second.until(pointsOf('run1'))
  t.match(data.steps, { from: 20, points: { length: 10 } })
  t.match(data.evaluations, { from: 2, points: { length: 1 } })
  const [, list] = id.split(':')
  for (const strange of [
    `00000000:${list}`,
    'x',
    `${id},run1.x`,
    id.replace(/run1.*/, 'run1.9.9.9.9'),
    `${id.split(':')[0]}:,,`,
  ]) {
    const other = await follow(t, port, strange).until(pointsOf('run1'))
    const wanted = strange.endsWith('run1.x') ? 20 : 0
    t.equal(other.data.steps.from, wanted, strange)
  }
})

t.test('runs that begin later appear; a folder that is no run does not', async (t) => {
  const dir = t.testdir({ notes: {}, 'a file': '' })
  const { port } = await serve(t, { dir: path.join(dir, 'runs'), port: await freePort() })
  const stream = follow(t, port)
  t.strictSame((await stream.until(({ event }) => event === 'runs')).data.runs, [], 'the folder need not be there')
  fs.mkdirSync(path.join(dir, 'runs', 'notes'), { recursive: true })
  writeRun(path.join(dir, 'runs', 'late'), { to: 10 })
  const table = await stream.until(({ event, data }) => event === 'runs' && data.runs.length > 0)
  t.strictSame(
    table.data.runs.map(({ name, state }) => [name, state]),
    [['late', 'ended']],
  )
})

t.test('hostile names and files: shown as text, or refused', async (t) => {
  const dir = t.testdir()
  const folder = writeRun(path.join(dir, 'run'), { to: 10 })
  writeSamples(folder, 1, someSamples(EVIL))
  const evil = writeRun(path.join(dir, EVIL.replaceAll('/', '')), { to: 10 })
  fs.writeFileSync(path.join(evil, 'config.json'), JSON.stringify({ model: { name: EVIL }, data: [], epochs: EVIL }))
  fs.writeFileSync(path.join(evil, 'result.json'), '[1, 2')
  fs.appendFileSync(path.join(evil, 'metrics.jsonl'), '{"type":"eval","step":11,"top1":"x","loss":{}}\nnull\n[]\n7\n')
  const odd = path.join(dir, 'odd')
  fs.mkdirSync(path.join(odd, 'metrics.jsonl'), { recursive: true })
  const { port } = await serve(t, { folders: [folder, evil, odd], port: await freePort() })
  const stream = follow(t, port)
  const { runs } = (await stream.until(({ event }) => event === 'runs')).data
  t.match(runs[1], { name: '<img src=x onerror=alert(1)>\\u202e\\u001b[31m', epochs: null, dataset: '', score: null })
  t.notMatch(JSON.stringify(runs), OBEYED)
  t.match(runs[2].problem, /metrics\.jsonl: it is a folder/)

  const listed = await ask(port, '/samples/run1')
  t.notMatch(listed.text, OBEYED)
  const samples = JSON.parse(listed.text)
  t.strictSame(
    samples.map(({ number, guesses: [{ label }] }) => [number, label === 'dog']),
    [
      [5, true],
      [3, true],
      [1, true],
      [0, false],
      [2, false],
      [4, false],
    ],
    'wrong ones first, the most confident at the top',
  )
  const image = await ask(port, '/samples/run1/3')
  t.equal(image.headers['content-type'], 'image/png')
  t.ok(image.body.equals(someSamples()[3].png))

  // A link out of the folder, a file that is no image, a path, a pipe.
  const secret = path.join(dir, 'secret')
  fs.writeFileSync(secret, someSamples()[0].png)
  const replace = (act) => {
    fs.rmSync(path.join(folder, 'samples', '1-003.png'), { force: true, recursive: true })
    act(path.join(folder, 'samples', '1-003.png'))
  }
  for (const [what, act, status] of [
    ['a link', (file) => fs.symlinkSync(secret, file), 404],
    ['no image', (file) => fs.writeFileSync(file, 'text'), 404],
    ['a folder', (file) => fs.mkdirSync(file), 500],
    ['a pipe', (file) => spawnSync('mkfifo', [file]), 500],
    ['nothing', () => {}, 500],
    ['too much', (file) => fs.writeFileSync(file, Buffer.alloc(2 ** 20 + 1)), 500],
  ]) {
    replace(act)
    t.equal((await ask(port, '/samples/run1/3')).status, status, what)
  }
  const listFile = path.join(folder, 'samples.json')
  for (const text of [
    '{',
    '{}',
    '[{"image":"../../secret"}]',
    JSON.stringify([{ ...samples[0], image: 'samples/../x.png' }]),
  ]) {
    fs.writeFileSync(listFile, text)
    const answer = await ask(port, '/samples/run1')
    t.equal(answer.status, 500, text)
    t.match(answer.text, /samples\.json: not the samples of an evaluation/)
  }
})

t.test('samples.json is written and read back; a broken one is refused', async (t) => {
  const dir = t.testdir()
  t.equal(readSamples(dir), undefined)
  writeSamples(dir, 1, someSamples())
  const read = readSamples(dir)
  t.strictSame(
    read.map(({ image, ...rest }) => rest),
    someSamples().map(({ png, ...rest }) => rest),
  )
  for (const [i, { image }] of read.entries()) t.ok(fs.readFileSync(path.join(dir, image)).equals(someSamples()[i].png))
  writeSamples(dir, 2, someSamples().slice(0, 1))
  t.strictSame(
    fs.readdirSync(path.join(dir, 'samples')),
    [path.basename(readSamples(dir)[0].image)],
    'the old images go',
  )
  t.equal(wrongFirst(read)[0].guesses[0].label, 'dog')
  t.throws(() => writeSamples(dir, 1, new Array(201).fill(read[0])), { code: 'ERR_VALUE' })
  fs.writeFileSync(path.join(dir, 'samples.json'), '[{"file":"x"}]')
  t.throws(() => readSamples(dir), { code: 'ERR_DATA', message: /samples\.json: not the samples/ })
})

t.test('points are joined when there are too many: means, at their last step', async (t) => {
  const series = new Series(4)
  for (let step = 1; step <= 4; step++) series.add([step, step, null])
  t.strictSame(
    series.points,
    [1, 2, 3, 4].map((step) => [step, step, null]),
  )
  series.add([5, 5, 10])
  t.strictSame(
    series.points,
    [
      [2, 1.5, null],
      [4, 3.5, null],
    ],
    'the fifth waits for the sixth',
  )
  t.equal(series.version, 1)
  series.add([6, 6, null])
  t.strictSame(series.points.at(-1), [6, 5.5, 10])
  for (let step = 7; step <= 1000; step++) series.add([step, step, null])
  t.ok(series.points.length <= 4 && series.points.length >= 2)
  const { every } = series
  for (const [step, mean] of series.points) t.equal(mean, step - (every - 1) / 2, `${every} steps in a point`)
  series.clear()
  t.strictSame(series.points, [])
})

t.test('a file is followed line by line', async (t) => {
  const file = path.join(t.testdir(), 'log')
  const tail = new Tail(file)
  t.strictSame(tail.read(), { isNew: false, lines: [], hasMore: false })
  fs.writeFileSync(file, 'one\ntw')
  t.strictSame(tail.read(), { isNew: true, lines: ['one'], hasMore: false })
  fs.appendFileSync(file, Buffer.from('o\n猫').subarray(0, 4))
  t.strictSame(tail.read().lines, ['two'])
  fs.appendFileSync(file, Buffer.from('猫\n').subarray(2))
  t.strictSame(tail.read().lines, ['猫'], 'a letter in two pieces')
  t.strictSame(tail.read().lines, [])
  fs.truncateSync(file, 4)
  t.strictSame(tail.read(), { isNew: true, lines: ['one'], hasMore: false }, 'shorter than before')
  fs.rmSync(file)
  t.match(tail.read(), { isNew: true, lines: [] })
  fs.writeFileSync(file, `${'x'.repeat(99)}\n`.repeat(60_000))
  const first = tail.read()
  t.ok(first.hasMore && first.isNew)
  t.equal(first.lines.length + tail.read().lines.length, 60_000)
})

/** Starts the command; resolves with its first line. */
function start(t, cwd, ...words) {
  const child = spawn(process.execPath, [MAIN, 'watch', ...words], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.on('close', (status) => resolve(status)))
  const [out, err] = ['stdout', 'stderr'].map((name) => {
    let text = ''
    child[name].setEncoding('utf8').on('data', (part) => {
      text += part
    })
    return () => text
  })
  const line = new Promise((resolve) => child.stdout.once('data', (part) => resolve(part.split('\n')[0])))
  return { child, ended, line, out, err }
}

t.test('the command prints the address, and ends with Ctrl-C', async (t) => {
  const cwd = t.testdir()
  writeRun(path.join(cwd, 'runs', 'one'), { to: 10 })
  const port = await freePort()
  const plain = start(t, cwd, '--port', String(port))
  t.equal(await plain.line, `http://127.0.0.1:${port}/`)
  t.equal((await ask(port, '/')).status, 200)

  const taken = start(t, cwd, '--port', String(port))
  t.equal(await taken.ended, 2)
  t.match(taken.err(), `port ${port} cannot be used: it is in use\n  hint: without --port, a free one is taken`)

  plain.child.kill('SIGINT')
  t.equal(await plain.ended, 130)
  t.match(plain.err(), /^shows the newest runs in runs, to this machine only; Ctrl-C ends it\n$/)

  const json = start(t, cwd, '--json', 'runs/one')
  const { url, port: chosen } = JSON.parse(await json.line)
  t.equal(url, `http://127.0.0.1:${chosen}/`)
  const second = await serveRuns({ folders: [], dir: cwd, newest: 1 })
  t.not(second.port, chosen, 'the usual port is taken, so a free one is used')
  await second.close()
  json.child.kill('SIGTERM')
  t.equal(await json.ended, 143)
})

t.test('runs that cannot be shown are refused', async (t) => {
  const cwd = t.testdir({ runs: {} })
  const there = (name) => path.join(cwd, name)
  for (const [folders, newest, message, hint] of [
    [[there('none')], 8, /none: there is no such folder$/, undefined],
    [[there('runs')], 8, /runs: is not the folder of a run$/, /^--dir .*runs shows the newest runs in it$/],
    [[], 51, 'a page shows at most 50 runs', 'name those to compare'],
  ])
    await t.rejects(serveRuns({ folders, newest, dir: cwd }), { code: 'ERR_USAGE', message, hint })
})
