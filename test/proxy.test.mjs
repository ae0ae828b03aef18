// The way to servers as `mbconv pull` goes it: proxies, https, names and passwords.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { certificate } from './helpers/certificate.mjs'
import { serve } from './helpers/file-server.mjs'
import { internal } from './helpers/internals.mjs'
import { serveProxy } from './helpers/proxy.mjs'
import { archive, dictOf, program, tensor } from './helpers/pth-writer.mjs'

const { addressOf } = internal('web')
const NAME = 'tf_efficientnet_b0.ap_in1k'
const content = readFileSync(new URL('./golden/safetensors/dtypes.safetensors', import.meta.url))
const tls = certificate(['hub.test', 'github.com', '127.0.0.1'])

/** The command, with a cache of its own, no proxies but those of `env`, and the test's authority among its own. */
async function pull(t, env) {
  const folder = t.testdir({ 'authority.pem': tls.cert })
  const inherited = Object.entries(process.env).filter(([name]) => !/proxy/i.test(name))
  const child = spawn(process.execPath, [resolve('dist/cli/main.js'), 'pull', NAME], {
    env: {
      ...Object.fromEntries(inherited),
      NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem'),
      MBCONV_CACHE: folder,
      NO_COLOR: '1',
      ...env,
    },
  })
  let output = ''
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => {
      output += text
    })
  const status = await new Promise((done) => child.on('close', done))
  const weights = join(folder, 'weights')
  return { status, output, files: existsSync(weights) ? readdirSync(weights).sort() : [], weights }
}

const whole = [`${NAME}.safetensors`, `${NAME}.safetensors.json`]

t.test('https through a tunnel, by each name of the setting', async (t) => {
  const server = await serve(t, content, { tls })
  const { port } = server.server.address()
  const endpoint = { HF_ENDPOINT: 'https://hub.test' }
  const proxy = await serveProxy(t, { to: port })
  const dead = 'http://127.0.0.1:9'
  const ways = {
    'small letters before large ones': { https_proxy: proxy.url, HTTPS_PROXY: dead },
    'large letters': { HTTPS_PROXY: proxy.url },
    "npm's before all": { npm_config_https_proxy: proxy.url, https_proxy: dead, npm_config_noproxy: '' },
    "npm's for http, too": { npm_config_proxy: proxy.url },
    'for all': { ALL_PROXY: proxy.host },
  }
  for (const [name, env] of Object.entries(ways)) {
    const { status, output, files } = await pull(t, { ...endpoint, ...env })
    t.equal(status, 0, `${name}: ${output}`)
    t.same(files, whole)
    t.same(proxy.asked.splice(0), [{ target: 'CONNECT hub.test:443', authorization: undefined }], name)
  }
  // Servers that are to be reached without it.
  const here = { HF_ENDPOINT: server.url, https_proxy: proxy.url, NO_PROXY: '.example, 127.0.0.1' }
  t.equal((await pull(t, here)).status, 0)
  t.same(proxy.asked, [])
})

t.test('http through a proxy, without a tunnel', async (t) => {
  const server = await serve(t, content)
  const proxy = await serveProxy(t, { to: server.server.address().port })
  const { status, output } = await pull(t, { HF_ENDPOINT: 'http://hub.test', http_proxy: proxy.url })
  t.equal(status, 0, output)
  t.match(proxy.asked, [{ target: `GET http://hub.test/timm/${NAME}/resolve/main/model.safetensors` }])
})

t.test("a proxy's name and password: to the proxy alone, and in no message", async (t) => {
  const server = await serve(t, content, { tls })
  const { port } = server.server.address()
  const authorization = `Basic ${Buffer.from('me:s3cr%t').toString('base64')}`
  const proxy = await serveProxy(t, { to: port, authorization })
  const env = (url) => ({ HF_ENDPOINT: 'https://hub.test', https_proxy: url })
  const good = await pull(t, env(`http://me:s3cr%25t@${proxy.host}`))
  t.equal(good.status, 0, good.output)
  t.match(proxy.asked.splice(0), [{ authorization }])
  t.match(server.requests, [{ authorization: undefined }])
  const wrong = await pull(t, env(`http://me:wr0ng@${proxy.host}`))
  t.equal(wrong.status, 1)
  t.match(wrong.output, /the proxy refuses: .*407/)
  t.equal(proxy.asked.length, 1, 'not tried again')
  for (const url of ['http://me:wr0ng@', 'gopher://me:wr0ng@127.0.0.1', `http://me:wr0ng%@${proxy.host}`]) {
    const refused = await pull(t, env(url))
    t.match(refused, { status: 1, output: /is no address of a proxy/ })
    t.notMatch(refused.output, /wr0ng/)
  }
  t.notMatch(wrong.output, /wr0ng/)
})

t.test('never from https to http', async (t) => {
  const plain = await serve(t, content)
  const headers = { location: plain.file }
  const server = await serve(t, content, { tls, faults: [{ status: 302, headers }] })
  const { status, output, files } = await pull(t, { HF_ENDPOINT: server.url })
  t.equal(status, 1)
  t.match(output, /the server redirects from https:\/\/ to http:\/\//)
  t.same(files, [])
  t.same(plain.requests, [])
  const there = await serve(t, content, { faults: [{ status: 302, headers: { location: `${server.url}/there` } }] })
  t.equal((await pull(t, { HF_ENDPOINT: there.url })).status, 0, 'from http to https')
})

t.test("a server's name and password: to it alone, and in no file and no message", async (t) => {
  const elsewhere = await serve(t, content)
  const headers = { location: elsewhere.file.replace('//', '//other:w0rd@') }
  const server = await serve(t, content, {
    faults: [
      { status: 302, headers: { location: '/again' } },
      { status: 302, headers },
    ],
  })
  const HF_ENDPOINT = server.url.replace('//', '//me:s3cret@')
  const { status, output, weights } = await pull(t, { HF_ENDPOINT })
  t.equal(status, 0, output)
  const authorization = `Basic ${Buffer.from('me:s3cret').toString('base64')}`
  t.same(
    server.requests.map((request) => request.authorization),
    [authorization, authorization],
    'also behind a redirection',
  )
  t.match(elsewhere.requests, [{ authorization: undefined }])
  for (const text of [output, ...whole.map((name) => readFileSync(join(weights, name), 'latin1'))])
    t.notMatch(text, /s3cret|w0rd/)
  server.faults.push({ status: 404 }, { status: 404 })
  const github = await serve(t, 'no file', { tls, faults: [{ status: 404 }] })
  const proxy = await serveProxy(t, { to: github.server.address().port })
  const missing = await pull(t, { HF_ENDPOINT, https_proxy: proxy.url })
  t.match(missing, { status: 1, output: /by hand: curl/ })
  t.notMatch(missing.output, /s3cret/)
  t.throws(() => addressOf('http://me:s3cret@a b/'), { code: 'ERR_VALUE', message: /^"http:\/\/a b\/" is no address/ })
  for (const text of ['', 'hub.test', 'ftp://hub.test', 'file:///etc/passwd', 'http://%@hub.test'])
    t.throws(() => addressOf(text), { code: 'ERR_VALUE' }, text)
})

t.test('the original file, where the hub has none: its SHA-256 is pinned', async (t) => {
  const hub = await serve(t, content, { faults: [{ status: 404 }] })
  const github = await serve(t, archive(program(dictOf([['w', tensor()]]))), { tls })
  const proxy = await serveProxy(t, { to: github.server.address().port })
  const env = { HF_ENDPOINT: hub.url, https_proxy: proxy.url, no_proxy: '127.0.0.1' }
  const { status, output, files, weights } = await pull(t, env)
  t.equal(status, 4)
  t.match(output, /HTTP 404.*trying the original file/)
  t.match(output, /has SHA-256 [0-9a-f]{64}, it should be f262efe1/)
  t.match(github.requests, [{ url: /tf_efficientnet_b0_ap-f262efe1\.pth$/ }])
  t.same(files, [], 'another checksum than the name says')
  // What was put there by hand is held against it, too.
  hub.faults.push({ status: 404 })
  const { pull: pullOne } = (await import('mbconv')).models
  process.env.HF_ENDPOINT = hub.url
  t.teardown(() => delete process.env.HF_ENDPOINT)
  writeFileSync(join(weights, `${NAME}.pth`), archive(program(dictOf([['w', tensor()]]))))
  await t.rejects(pullOne(NAME, { folder: weights }), {
    code: 'ERR_FORMAT',
    message: /not what was published: its SHA-256 is .*should begin with f262efe1/,
  })
})

t.test('a file that is too large for what it is said to be', async (t) => {
  const huge = (_, response) => response.writeHead(200, { 'content-length': 2 ** 40 }).end()
  const server = await serve(t, content, { faults: [huge] })
  const { status, output, files } = await pull(t, { HF_ENDPOINT: server.url })
  t.equal(status, 1)
  t.match(output, /1099511\.6 MB are announced, and the file has 59\.\d MB at most/)
  t.same(files, [])
})
