// Fetching a file: whole, in pieces, with everything that servers and networks do wrong.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { serve } from './helpers/file-server.mjs'

const { download } = createRequire(import.meta.url)('../dist/io/download.js')
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 13))
const sha256 = createHash('sha256').update(content).digest('hex')

/** Downloads into a folder of its own; `quick` waits milliseconds where the program would wait seconds. */
async function fetched(t, server, options = {}) {
  const folder = options.folder ?? t.testdir()
  const target = join(folder, 'file')
  const notes = []
  const got = await download(server.file, target, {
    timeout: 2000,
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
  await t.rejects(download(other.file, join(folder, 'file'), { retries: 0, timeout: 2000 }), {
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
  writeFileSync(join(folder, 'file.part'), content)
  const tag = `"${createHash('md5').update(content).digest('hex')}"`
  writeFileSync(join(folder, 'file.part.json'), JSON.stringify({ url: server.file, version: tag }))
  await fetched(t, server, { folder })
  t.equal(server.requests.length, 1)
})

t.test('begins anew where going on would be wrong', async (t) => {
  const part = (folder, url, version) => {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'file.part'), Buffer.alloc(1000, 7))
    writeFileSync(join(folder, 'file.part.json'), JSON.stringify({ url, version }))
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
  await fetched(t, changed, { folder: damaged })
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
    await t.rejects(download(server.file, target, { retries: 1, timeout: 300, ...options }), {
      code: 'ERR_NETWORK',
      message: pattern,
    })
    return server
  }
  t.equal((await refused([{ status: 404 }, { status: 404 }], /HTTP 404/)).requests.length, 1, '404 is not tried again')
  t.equal((await refused([{ status: 500 }, { status: 503 }], /HTTP 503/)).requests.length, 2)
  await refused(Array(9).fill({ status: 302, headers: { location: '/again' } }), /redirects more than 5 times/)
  await refused([{ status: 302, headers: { location: 'file:///etc/passwd' } }], /redirects to file:/)
  await refused([{ status: 416 }, { status: 416 }], /HTTP 416/)
  await refused(
    Array(2).fill(() => {}),
    /no answer for 0\.3 s/,
  )
  const stalls = (_, response) => {
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 1000))
  }
  await refused(Array(9).fill(stalls), /no answer for 0\.3 s/, { retries: 0 })

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
  const began = performance.now()
  await t.rejects(download(server.file, join(folder, 'file')), {
    code: 'ERR_NETWORK',
    message: /cannot be reached.*ECONNREFUSED/,
  })
  await t.rejects(download('http://nobody.invalid/file', join(folder, 'file')), { code: 'ERR_NETWORK' })
  t.ok(performance.now() - began < 10_000, 'said at once')
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
  writeFileSync(`${other}.lock`, String(process.pid))
  await t.rejects(download(server.file, other), {
    code: 'ERR_IO',
    message: new RegExp(`process ${process.pid} is fetching`),
  })
  writeFileSync(`${other}.lock`, '999999999')
  t.equal((await download(server.file, other)).sha256, sha256, 'a lock of a process that is gone')
  const huge = await serve(t, content, {
    faults: [(_, response) => response.writeHead(200, { 'content-length': 2 ** 52 }).end()],
  })
  await t.rejects(download(huge.file, join(dir, 'huge')), { code: 'ERR_IO', message: /no space/ })
})
