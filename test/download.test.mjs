// Fetching a file: whole, in pieces, with everything that servers and networks do wrong.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs, { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { serve } from './helpers/file-server.mjs'
import { internal } from './helpers/internals.mjs'

const { download } = internal('download')
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 13))
const sha256 = createHash('sha256').update(content).digest('hex')

/** Downloads into a folder of its own. */
async function fetched(t, server, options = {}) {
  const folder = options.folder ?? t.testdir()
  const target = join(folder, 'file')
  const notes = []
  const got = await download(server.file, target, {
    onNote: (text) => notes.push(text),
    ...options.options,
  })
  t.ok(readFileSync(target).equals(content), 'the file is whole')
  t.equal(got.sha256, sha256)
  t.same(readdirSync(folder), ['file'], 'nothing else stays')
  return { ...got, notes }
}

t.test('a whole file, with progress', async (t) => {
  const server = await serve(t, content)
  const seen = []
  await fetched(t, server, {
    options: { onProgress: ({ bytes, total }) => seen.push([bytes, total]), sha256: sha256.slice(0, 8) },
  })
  t.same(seen[0], [0, content.length])
  t.same(seen.at(-1), [content.length, content.length])
  t.equal(server.requests.length, 1)
})

t.test('interrupted: goes on where it stopped, in the same call and in the next', async (t) => {
  const server = await serve(t, content, { faults: [{ cut: 100_000 }, { cut: 50_000 }] })
  const { notes } = await fetched(t, server)
  t.ok(notes.length === 2 && notes.every((note) => /trying again/.test(note)), notes.join('; '))
  t.equal(server.requests.length, 3)
  t.ok(server.requests.slice(1).every(({ range, ifRange }) => /^bytes=[1-9]\d+-$/.test(range) && /^"/.test(ifRange)))

  const other = await serve(t, content, { faults: [{ cut: 100_000 }] })
  const folder = t.testdir()
  await t.rejects(download(other.file, join(folder, 'file'), { retries: 0 }), {
    code: 'ERR_NETWORK',
    message: /connection/,
  })
  t.notOk(existsSync(join(folder, 'file')), 'nothing is published')
  t.same(readdirSync(folder).sort(), ['file.part', 'file.part.json'])
  const before = readFileSync(join(folder, 'file.part'))
  t.ok(before.length > 0 && before.equals(content.subarray(0, before.length)))
  await fetched(t, other, { folder })
  t.equal(other.requests.at(-1).range, `bytes=${before.length}-`)
})

t.test('a part that is whole already', async (t) => {
  const server = await serve(t, content)
  const folder = t.testdir()
  const part = (record) => {
    writeFileSync(join(folder, 'file.part'), content)
    writeFileSync(join(folder, 'file.part.json'), JSON.stringify({ url: server.file, ...record }))
  }
  const etag = `"${createHash('md5').update(content).digest('hex')}"`
  part({ etag })
  await fetched(t, server, { folder })
  t.match(server.requests, [{ range: `bytes=${content.length}-` }], 'the server says that nothing is behind it')
  part({ etag, total: content.length })
  await fetched(t, server, { folder })
  t.equal(server.requests.length, 1, 'known to be whole')
  // As long as the file that the server has now, and another one.
  for (const headers of [{}, { etag: '"other"' }]) {
    part({ etag: '"before"' })
    writeFileSync(join(folder, 'file.part'), Buffer.alloc(content.length, 7))
    server.faults.push((_, response) =>
      response.writeHead(416, { 'content-range': `bytes */${content.length}`, ...headers }).end(),
    )
    await fetched(t, server, { folder })
  }
})

t.test('never the end of one version behind the beginning of another', async (t) => {
  const [day, before] = ['Wed, 01 Jan 2020 00:00:00 GMT', 'Tue, 31 Dec 2019 00:00:00 GMT']
  const [from, { length }] = [1000, content]
  const mine = { etag: '"a"', modified: day, total: length }
  const range = { 'content-range': `bytes ${from}-${length - 1}/${length}` }
  const right = { etag: '"a"', 'last-modified': day, ...range }
  const { etag: _, ...untagged } = right
  // What the part's record holds, how the answer to the range differs from a right one, and whether it may be used.
  const cases = [
    ['the same version', mine, right, true],
    ['the same tag, without the date', mine, { ...range, etag: '"a"' }, true],
    ['the same date, of a file without a tag', { modified: day, total: length }, untagged, true],
    ['a length that only the answer tells', { etag: '"a"' }, right, true],
    ['a length that only the record tells', mine, { ...right, 'content-range': `bytes ${from}-${length - 1}/*` }, true],
    ['another tag', mine, { ...right, etag: '"b"' }],
    ['a weak tag', mine, { ...right, etag: 'W/"a"' }],
    ['no tag', mine, untagged],
    ['the same tag, another date', mine, { ...right, 'last-modified': before }],
    ['another date', { modified: day, total: length }, { ...untagged, 'last-modified': before }],
    ['no date', { modified: day, total: length }, range],
    ['another length', { ...mine, total: length - 1 }, right],
    ['another announced SHA-256', { ...mine, sha256: 'a'.repeat(64) }, { ...right, 'x-linked-etag': `"${sha256}"` }],
    ['a length that nobody tells', { etag: '"a"' }, { ...right, 'content-range': `bytes ${from}-${length - 1}/*` }],
    ['another beginning', mine, { ...right, 'content-range': `bytes ${from - 1}-${length - 1}/${length}` }],
    ['an end behind the end', mine, { ...right, 'content-range': `bytes ${from}-${length}/${length}` }],
    ['no range', mine, { etag: '"a"', 'last-modified': day }],
    ['several ranges', mine, { ...right, 'content-type': 'multipart/byteranges; boundary=x' }],
    ['a packed range', mine, { ...right, 'content-encoding': 'gzip' }],
    ['another length of the range', mine, { ...right, 'content-length': length - from - 1 }],
  ]
  for (const [index, [name, record, headers, fits = false]] of cases.entries()) {
    const folder = join(t.testdir({}), String(index))
    mkdirSync(folder)
    const answer = (request, response) => {
      t.match(request.headers, { range: `bytes=${from}-`, 'if-range': record.etag ?? day }, name)
      response.writeHead(206, headers).end(content.subarray(from, from + (headers['content-length'] ?? length)))
    }
    const server = await serve(t, content, { faults: [answer] })
    writeFileSync(join(folder, 'file.part'), fits ? content.subarray(0, from) : Buffer.alloc(from, 7))
    writeFileSync(join(folder, 'file.part.json'), JSON.stringify({ url: server.file, ...record }))
    await fetched(t, server, { folder })
    t.equal(server.requests.length, fits ? 1 : 2, name)
    if (!fits) t.equal(server.requests[1].range, undefined, 'the second asks for all')
  }

  // Which names of a version are recorded: strong ones.
  const recorded = async (headers) => {
    const folder = t.testdir({})
    const cut = (_, response) => {
      response.writeHead(200, { 'content-length': length, ...headers })
      response.write(content.subarray(0, from), () => setTimeout(() => response.destroy(), 20))
    }
    const server = await serve(t, content, { faults: [cut] })
    await t.rejects(download(server.file, join(folder, 'file'), { retries: 0 }), { code: 'ERR_NETWORK' })
    const { etag, modified } = JSON.parse(readFileSync(join(folder, 'file.part.json'), 'utf8'))
    return { etag, modified }
  }
  t.same(await recorded({ etag: '"a"', 'last-modified': day }), { etag: '"a"', modified: day })
  t.same(await recorded({ etag: 'W/"a"', 'last-modified': day }), { etag: undefined, modified: day })
  const now = 'Wed, 01 Jan 2020 00:00:00 GMT'
  t.same(await recorded({ date: now, 'last-modified': now }), { etag: undefined, modified: undefined })
})

t.test('a body that does not end, and a disk that does', async (t) => {
  const folder = t.testdir()
  const target = join(folder, 'file')
  const lengthless = await serve(t, content, { length: false })
  await t.rejects(download(lengthless.file, target, { maxBytes: 200_000 }), {
    code: 'ERR_NETWORK',
    message: /0\.\d MB came, and the file has 0\.2 MB at most/,
  })
  t.same(readdirSync(folder), [], 'nothing stays')
  const announcing = await serve(t, content)
  await t.rejects(download(announcing.file, target, { maxBytes: 200_000 }), {
    code: 'ERR_NETWORK',
    message: /0\.3 MB are announced, and the file has 0\.2 MB at most/,
  })
  t.equal(announcing.requests.length, 1, 'not tried again')
  t.same(readdirSync(folder), [])
  await download(lengthless.file, target, { maxBytes: content.length })

  const { writeSync, fsyncSync, statfsSync } = fs
  t.teardown(() => Object.assign(fs, { writeSync, fsyncSync, statfsSync }))
  const full = (call) => () => {
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), { code: 'ENOSPC', syscall: call })
  }
  const fails = { code: 'ERR_IO', message: /no space/, hint: /What came was removed/ }
  // Behind what the part's record takes: the file's first bytes, and forcing all of it to the disk.
  for (const [call, before] of [
    ['writeSync', 2],
    ['fsyncSync', 2],
  ]) {
    let left = before
    const real = fs[call]
    fs[call] = (...args) => (left-- > 0 ? real(...args) : full(call)())
    await t.rejects(download(lengthless.file, join(folder, call), { retries: 0 }), fails, call)
    fs[call] = real
    t.same(readdirSync(folder), ['file'], 'the part does not keep the disk full')
  }
  fs.statfsSync = () => ({ bavail: 10, bsize: 512 })
  await t.rejects(download(announcing.file, join(folder, 'room')), { code: 'ERR_IO', message: /no space/ })
  t.same(readdirSync(folder), ['file'])
})

t.test('a server that drips', async (t) => {
  const folder = t.testdir()
  const target = join(folder, 'file')
  const drips = (from) => (_, response) => {
    response.writeHead(from === 0 ? 200 : 206, {
      etag: '"a"',
      'content-length': content.length - from,
      ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
    })
    let at = from
    const timer = setInterval(() => response.write(content.subarray(at, ++at)), 5)
    response.on('close', () => clearInterval(timer))
  }
  const server = await serve(t, content, { faults: [drips(0)] })
  await t.rejects(download(server.file, target, { timeout: 1000, leastBytes: 10_000, retries: 0 }), {
    code: 'ERR_NETWORK',
    message: /only \d+ bytes came in 1 s/,
  })
  t.same(readdirSync(folder).sort(), ['file.part', 'file.part.json'], 'what came is kept')
  const { length } = readFileSync(join(folder, 'file.part'))
  t.ok(length > 0 && length < 10_000, `${length}`)
  // Dripping on is not progress that begins the count of attempts anew.
  const notes = []
  const onNote = (text) => notes.push(text)
  const on = (request, response) => {
    server.faults.push(on)
    drips(Number(/^bytes=(\d+)-$/.exec(request.headers.range)[1]))(request, response)
  }
  server.faults.push(on)
  await t.rejects(download(server.file, target, { timeout: 50, leastBytes: 1000, retries: 1, onNote }), {
    code: 'ERR_NETWORK',
  })
  t.equal(notes.length, 1)
  t.ok(
    readFileSync(join(folder, 'file.part')).equals(content.subarray(0, readFileSync(join(folder, 'file.part')).length)),
  )
})

t.test('begins anew where going on would be wrong', async (t) => {
  const part = (folder, url, etag) => {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'file.part'), Buffer.alloc(1000, 7))
    writeFileSync(join(folder, 'file.part.json'), JSON.stringify({ url, etag }))
    return folder
  }
  const dir = t.testdir()
  const plain = await serve(t, content, { ranges: false, faults: [{ cut: 100_000 }] })
  await fetched(t, plain, { folder: join(part(join(dir, 'a'), plain.file, '"x"')) })
  const changed = await serve(t, content)
  await fetched(t, changed, { folder: part(join(dir, 'b'), changed.file, '"another version"') })
  await fetched(t, changed, { folder: part(join(dir, 'c'), 'http://elsewhere/file', '"x"') })
  await fetched(t, changed, { folder: part(join(dir, 'd'), changed.file, undefined) })
  const damaged = join(dir, 'e')
  part(damaged, changed.file, '"x"')
  writeFileSync(join(damaged, 'file.part.json'), '{')
  for (const text of ['{', 'null', '[]', '7']) {
    part(damaged, changed.file, '"x"')
    writeFileSync(join(damaged, 'file.part.json'), text)
    rmSync(join(damaged, 'file'), { force: true })
    await fetched(t, changed, { folder: damaged })
  }
  // No entity tag: nothing tells whether the rest belongs to the beginning.
  const untagged = await serve(t, content, { tags: false, faults: [{ cut: 100_000 }] })
  await fetched(t, untagged)
  t.equal(untagged.requests[1].range, undefined)
  // An answer for another range than was asked for.
  const wrong = await serve(t, content, {
    faults: [
      { cut: 100_000 },
      (_, response) => response.writeHead(206, { 'content-range': 'bytes 5-9/300000' }).end('12345'),
    ],
  })
  await fetched(t, wrong)
})

t.test('checksums', async (t) => {
  const folder = t.testdir({ good: {} })
  const server = await serve(t, content, { announce: true })
  t.equal((await fetched(t, server, { folder: join(folder, 'good') })).announced, true)
  const lying = await serve(t, content, { announce: '0'.repeat(64) })
  for (const [source, options] of [
    [lying, {}],
    [await serve(t, content), { sha256: 'deadbeef' }],
  ]) {
    await t.rejects(download(source.file, join(folder, 'file'), options), {
      code: 'ERR_FORMAT',
      message: new RegExp(sha256),
    })
    t.same(readdirSync(folder), ['good'], 'what came is removed')
  }
  const refuse = () => {
    throw Object.assign(new Error('no'), { code: 'ERR_FORMAT' })
  }
  await t.rejects(download(server.file, join(folder, 'file'), { check: refuse }), { code: 'ERR_FORMAT' })
  t.same(readdirSync(folder), ['good'])
})

t.test('what servers say', async (t) => {
  const folder = t.testdir()
  const target = join(folder, 'file')
  const refused = async (faults, pattern, options = {}) => {
    const server = await serve(t, content, { faults })
    await t.rejects(download(server.file, target, { retries: 1, ...options }), {
      code: 'ERR_NETWORK',
      message: pattern,
    })
    return server
  }
  t.equal((await refused([{ status: 404 }, { status: 404 }], /HTTP 404/)).requests.length, 1, '404 is not tried again')
  t.equal((await refused([{ status: 500 }, { status: 503 }], /HTTP 503/)).requests.length, 2)
  await refused(Array(9).fill({ status: 302, headers: { location: '/again' } }), /redirects more than 5 times/)
  await refused([{ status: 302, headers: { location: 'file:///etc/passwd' } }], /redirects from http:\/\/ to file:\/\//)
  await refused([{ status: 416 }, { status: 416 }], /HTTP 416/)
  await refused(
    Array(2).fill(() => {}),
    /no answer for 0\.3 s/,
    { timeout: 300 },
  )
  const stalls = (_, response) => {
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 1000))
  }
  await refused(Array(9).fill(stalls), /(no answer for|only 1000 bytes came in) 0\.3 s/, { retries: 0, timeout: 300 })
  await refused(
    [{ status: 302, headers: { location: 'http://a b\tc/' } }],
    /redirects to "http:\/\/a b\\tc\/", which is no/,
  )
  // Bytes of a server in an error: nothing of them reaches a terminal.
  const hostile = (_, response) => response.socket.end('HTTP/1.1 200 \x1b[31mred\r\ncontent-length: x\x1b[0m\r\n\r\n')
  await refused([hostile, hostile], /^[\x20-\x7e…]*$/)

  const fine = await serve(t, content, { faults: [{ status: 500 }, { status: 429, headers: { 'retry-after': '0' } }] })
  const { notes } = await fetched(t, fine)
  t.equal(notes.length, 2)
  const moved = await serve(t, content, { faults: [{ status: 307, headers: { location: '/there' } }] })
  await fetched(t, moved)
  t.equal(moved.requests[1].url, '/there')
  await fetched(t, await serve(t, content, { length: false }))
  const long = await serve(t, content, {
    faults: [
      (_, response) => {
        // More than is announced: the socket is written by hand, since node would refuse.
        response.socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n${'x'.repeat(50)}`)
      },
    ],
  })
  await t.rejects(download(long.file, target, { sha256, retries: 0 }), { code: /ERR_(FORMAT|NETWORK)/ })
})

t.test('nobody there', async (t) => {
  const folder = t.testdir()
  const server = await serve(t, content)
  server.server.closeAllConnections()
  await new Promise((resolve) => server.server.close(resolve))
  await t.rejects(download(server.file, join(folder, 'file')), {
    code: 'ERR_NETWORK',
    message: /cannot be reached.*ECONNREFUSED/,
  })
  await t.rejects(download('http://nobody.invalid/file', join(folder, 'file')), { code: 'ERR_NETWORK' })
})

t.test('stopped by the caller', async (t) => {
  const folder = t.testdir()
  const server = await serve(t, content, { faults: Array(9).fill({ cut: 100_000 }) })
  const controller = new AbortController()
  const onProgress = ({ bytes }) => bytes > 0 && controller.abort()
  await t.rejects(download(server.file, join(folder, 'file'), { signal: controller.signal, onProgress }), {
    code: 'ERR_ABORTED',
  })
  t.ok(existsSync(join(folder, 'file.part')), 'what came is kept')
})

t.test('the folder', async (t) => {
  const server = await serve(t, content)
  const dir = t.testdir({ outside: 'precious' })
  symlinkSync(join(dir, 'outside'), join(dir, 'file.part'))
  await t.rejects(download(server.file, join(dir, 'file')), { code: 'ERR_IO' }, 'not through a link')
  t.equal(readFileSync(join(dir, 'outside'), 'utf8'), 'precious')
  await t.rejects(download(server.file, join(dir, 'none', 'file')), { code: 'ERR_IO' })
  const other = join(dir, 'other')
  const lock = { pid: process.pid, began: null, host: hostname(), token: 'theirs' }
  writeFileSync(`${other}.lock`, JSON.stringify(lock))
  const busy = { code: 'ERR_IO', message: new RegExp(`other is in use by process ${process.pid}`) }
  await t.rejects(download(server.file, other), busy)
  writeFileSync(`${other}.lock`, JSON.stringify({ ...lock, pid: 999999999 }))
  t.equal((await download(server.file, other)).sha256, sha256, 'a lock of a process that is gone')
  const both = await Promise.allSettled([1, 2].map(() => download(server.file, join(dir, 'both'))))
  t.same(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'of two at once one writes')
  for (const name of ['pipe.part', 'pipe.part.json']) {
    execFileSync('mkfifo', [join(dir, name)])
    const refused = { code: 'ERR_IO', message: /not a regular file/ }
    await t.rejects(download(server.file, join(dir, 'pipe')), refused, `${name} is a pipe`)
    for (const left of ['pipe.part', 'pipe.part.json']) rmSync(join(dir, left), { force: true })
  }
  const huge = await serve(t, content, {
    faults: [(_, response) => response.writeHead(200, { 'content-length': 2 ** 52 }).end()],
  })
  const options = { maxBytes: Number.POSITIVE_INFINITY }
  await t.rejects(download(huge.file, join(dir, 'huge'), options), { code: 'ERR_IO', message: /no space/ })
})
