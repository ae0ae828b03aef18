// Published weights: the table, networks from files of weights, and `mbconv pull`.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'
import { serve } from './helpers/file-server.mjs'
import { internal } from './helpers/internals.mjs'
import { archive, dictOf, program, tensor } from './helpers/pth-writer.mjs'

const { archOf } = internal('published')
const { layerNames, splitKey } = internal('keyMap')
const { create, pretrained, publishedWeights, publishedWeightsNamed, pull } = mb.models
const golden = fileURLToPath(new URL('./golden/', import.meta.url))
const NAME = 'tf_efficientnet_b0.ap_in1k'

/** A file as timm would write it, of random weights. */
function writeWeights(path, name, { numClasses = publishedWeightsNamed(name).numClasses } = {}) {
  const arch = archOf(publishedWeightsNamed(name))
  const network = create(arch, { numClasses, seed: 1 })
  const theirs = new Map(layerNames(arch, 'mbconv').map((layer, i) => [layer, layerNames(arch, 'timm')[i]]))
  const renamed = Object.entries(network.stateDict()).map(([key, value]) => {
    const [layer, part] = splitKey(key)
    return [`${theirs.get(layer)}.${part}`, value]
  })
  mb.io.safetensors.write(path, Object.fromEntries(renamed))
  return network
}

/** The command, with a cache of its own. */
function mbconv(env, ...words) {
  const child = spawn(process.execPath, [resolve('dist/cli/main.js'), ...words], {
    env: { ...process.env, NO_COLOR: '1', ...env },
  })
  const run = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => {
      run[stream] += text
    })
  return new Promise((done) => child.on('close', (status) => done({ status, ...run })))
}

t.test('the table', async (t) => {
  const all = publishedWeights()
  t.equal(new Set(all.map(({ name }) => name)).size, all.length)
  t.ok(all.length >= 90, `${all.length} files`)
  for (const { name, arch, profile, numClasses, url, file, original, preprocessing, trainResolution } of all) {
    t.equal(profile, name.startsWith('tf_') ? 'tf' : 'timm', name)
    t.match(name, /^[a-z0-9_]+\.[a-z0-9_]+$/, 'fit for a file name')
    t.ok(url.endsWith(`/timm/${name}/resolve/main/model.safetensors`) && file === `${name}.safetensors`)
    if (original !== null)
      t.ok(original.url.endsWith(`-${original.sha256}.pth`) && /^[0-9a-f]{8}$/.test(original.sha256))
    t.ok(numClasses >= 1000 && trainResolution >= 128 && preprocessing.resolution >= trainResolution)
    t.match(preprocessing, {
      channels: 3,
      fit: /^(crop|squash)$/,
      colorManagement: false,
      size: null,
      interpolation: /^bi(cubic|linear)$/,
    })
    t.ok(preprocessing.cropShare > 0.8 && preprocessing.cropShare <= 1)
    t.ok(mb.models.count(archOf({ arch })).params > 1e6, `${arch} is a network that is here`)
  }
  t.match(publishedWeightsNamed(NAME), {
    arch: 'efficientnet_b0',
    profile: 'tf',
    numClasses: 1000,
    original: { sha256: 'f262efe1' },
    preprocessing: {
      resolution: 224,
      cropShare: 0.875,
      interpolation: 'bicubic',
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    },
  })
  t.match(publishedWeightsNamed('tf_efficientnetv2_s.in21k'), {
    numClasses: 21843,
    trainResolution: 300,
    preprocessing: { resolution: 384, cropShare: 1 },
  })
  t.match(publishedWeightsNamed('efficientnet_b0.ra_in1k'), {
    profile: 'timm',
    preprocessing: { mean: [0.485, 0.456, 0.406] },
  })
  t.throws(() => publishedWeightsNamed('tf_efficientnet_b0.ap_in1'), {
    code: 'ERR_VALUE',
    hint: /mean tf_efficientnet_b0\.ap_in1k/,
  })
  t.throws(() => publishedWeightsNamed('tf_efficientnet_b0'), {
    code: 'ERR_VALUE',
    hint: /b0\.aa_in1k, tf_efficientnet_b0\.ap_in1k/,
  })
  t.throws(() => publishedWeightsNamed(7), { code: 'ERR_TYPE' })
  t.equal(mb.models.checkpoints, publishedWeights, 'the earlier names stay')
  t.equal(mb.models.checkpointNamed, publishedWeightsNamed)
  t.throws(() => pull('../../etc/passwd'), { code: 'ERR_VALUE' }, 'a name that is none leads nowhere')
})

t.test('a network from a file in the folder of weights', async (t) => {
  const folder = t.testdir({ weights: {} })
  process.env.MBCONV_CACHE = folder
  t.teardown(() => delete process.env.MBCONV_CACHE)
  const file = join(folder, 'weights', `${NAME}.safetensors`)
  t.throws(() => pretrained(NAME), {
    code: 'ERR_IO',
    message: new RegExp(`there is no ${file}`),
    hint: /mbconv pull tf_eff.*https:/,
  })
  const before = mb.memory().tensors
  const from = writeWeights(file, NAME)
  const live = mb.memory().tensors
  const { network, checkpoint, report, card, path } = pretrained(NAME)
  t.equal(path, file)
  t.equal(checkpoint.name, NAME)
  t.match(report, { scheme: 'timm', missing: [], unexpected: [], reinitialized: [] })
  // The family's padding and epsilon, the checkpoint's normalisation; both are recorded.
  const profile = { name: 'tf', padding: 'same', bnEps: 1e-3, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }
  t.match(network.profile, profile)
  t.match(card, {
    name: NAME,
    profile,
    source: checkpoint.url,
    preprocessing: checkpoint.preprocessing,
    notes: ['The published weights are under apache-2.0.'],
  })
  t.ok(Object.entries(network.stateDict()).every(([key, value]) => value.equal(from.stateDict()[key])))
  network.dispose()
  t.equal(mb.memory().tensors, live)

  const other = pretrained(NAME, { numClasses: 7, seed: 3 })
  t.equal(other.network.numClasses, 7)
  t.same(other.report.reinitialized, ['classifier.1.weight', 'classifier.1.bias'])
  t.match(other.card.notes, [/apache/, /re-initialised: classifier/])
  other.network.dispose()

  t.throws(() => pretrained(NAME, { profile: 'timm' }), { code: 'ERR_TYPE', message: /unknown option "profile"/ })
  writeFileSync(`${file}.json`, '{"bytes": 12}')
  t.throws(() => pretrained(NAME), { code: 'ERR_FORMAT', message: /had 12 when it was fetched/ })
  writeFileSync(`${file}.json`, 'damaged')
  pretrained(NAME).network.dispose()
  writeWeights(file, NAME, { numClasses: 10 }).dispose()
  t.throws(() => pretrained(NAME), { code: 'ERR_SHAPE', message: /other classes/ })
  renameSync(file, join(folder, 'elsewhere.safetensors'))
  t.throws(() => pretrained(NAME, { path: join(golden, 'safetensors/plain.safetensors') }), { code: 'ERR_VALUE' })
  pretrained(NAME, { path: join(folder, 'elsewhere.safetensors'), numClasses: 3 }).network.dispose()
  writeFileSync(join(folder, 'weights', `${NAME}.pth`), archive(program(dictOf([['conv_stem.weight', tensor()]]))))
  t.throws(
    () => pretrained(NAME),
    { code: 'ERR_VALUE', message: /not the weights of efficientnet_b0/ },
    'a .pth is looked for, too',
  )
  from.dispose()
  t.equal(mb.memory().tensors, before, 'nothing stays behind')
})

t.test('mbconv pull', async (t) => {
  const folder = t.testdir()
  const content = readFileSync(join(golden, 'safetensors/dtypes.safetensors'))
  const sha256 = createHash('sha256').update(content).digest('hex')
  const target = join(folder, 'weights', `${NAME}.safetensors`)
  const server = await serve(t, content, { announce: true, faults: [{ cut: 300 }] })
  const env = { MBCONV_CACHE: folder, HF_ENDPOINT: server.url }

  const first = await mbconv(env, 'pull', NAME)
  t.equal(first.status, 0, first.stderr)
  t.match(first.stdout, /^tf_efficientnet_b0\.ap_in1k: .*MB, SHA-256 not pinned, as the server says\)\n$/)
  t.match(first.stderr, /trying again/)
  t.ok(readFileSync(target).equals(content))
  t.same(readdirSync(join(folder, 'weights')).sort(), [`${NAME}.safetensors`, `${NAME}.safetensors.json`])
  t.equal(server.requests[0].url, `/timm/${NAME}/resolve/main/model.safetensors`)

  const { length } = server.requests
  const again = await mbconv(env, 'pull', NAME, '--json')
  t.match(JSON.parse(again.stdout), {
    name: NAME,
    path: target,
    bytes: content.length,
    sha256,
    verifiedBy: 'record',
    wasThere: true,
  })
  t.equal(again.stderr, '')
  t.equal(server.requests.length, length, 'nothing is fetched twice')
  writeFileSync(target, content.subarray(0, 100))
  const damaged = await mbconv(env, 'pull', NAME, '--json')
  t.equal(damaged.status, 4)
  t.match(JSON.parse(damaged.stdout).error, { code: 'ERR_FORMAT', hint: /Remove it/ })

  const names = ['efficientnet_b0.ra_in1k', 'resnet50.a1_in1k']
  const two = await mbconv(env, 'pull', ...names, '--json')
  t.same(
    two.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).name),
    names,
  )

  const wrong = await mbconv(env, 'pull', 'resnet50.a9_in1k')
  t.equal(wrong.status, 2)
  t.match(wrong.stderr, /no published weights are called "resnet50\.a9_in1k"[\s\S]*resnet50\.a1_in1k/i)
  t.equal((await mbconv(env, 'pull')).status, 2)
  const list = await mbconv(env, 'pull', '--list')
  t.match(
    list.stdout,
    /tf_efficientnet_b0\.ap_in1k +efficientnet_b0 +tf +1,000 +224 +0\.875 +bicubic +0\.5, 0\.5, 0\.5 +crop +apache-2\.0/,
  )
  t.equal(JSON.parse((await mbconv(env, 'pull', '--list', '--json')).stdout).length, publishedWeights().length)
})

t.test('mbconv pull, stopped by a signal and called again', async (t) => {
  const folder = t.testdir()
  const content = readFileSync(join(golden, 'safetensors/dtypes.safetensors'))
  const part = join(folder, 'weights', `${NAME}.safetensors.part`)
  const tag = '"v1"'
  const stalls = (_, response) => {
    response.writeHead(200, { etag: tag, 'content-length': content.length })
    response.write(content.subarray(0, 400))
  }
  const goesOn = ({ headers }, response) => {
    t.match(headers, { range: 'bytes=400-', 'if-range': tag })
    const range = `bytes 400-${content.length - 1}/${content.length}`
    response.writeHead(206, { etag: tag, 'content-range': range }).end(content.subarray(400))
  }
  const server = await serve(t, content, { faults: [stalls, goesOn] })
  // Under nohup, which shells tell in `_`, SIGHUP would be ignored.
  const { _, ...plain } = process.env
  const env = { ...plain, MBCONV_CACHE: folder, HF_ENDPOINT: server.url }
  const child = spawn(process.execPath, [resolve('dist/cli/main.js'), 'pull', NAME], { env, stdio: 'ignore' })
  const done = new Promise((resolve) => child.on('close', resolve))
  while (!existsSync(part) || readFileSync(part).length < 400) await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill('SIGHUP')
  t.equal(await done, 129)
  t.equal(readFileSync(part).length, 400, 'what came is kept')
  t.equal((await mbconv({ MBCONV_CACHE: folder, HF_ENDPOINT: server.url }, 'pull', NAME)).status, 0)
  t.ok(readFileSync(part.replace(/\.part$/, '')).equals(content))
})

t.test('mbconv pull when there is nothing to be had', async (t) => {
  const folder = t.testdir()
  const content = readFileSync(join(golden, 'safetensors/dtypes.safetensors'))
  // Without an original file to fall back to.
  const name = 'efficientnet_b0.ra4_e3600_r224_in1k'
  const env = (server) => ({ MBCONV_CACHE: folder, HF_ENDPOINT: server.url })
  const refused = async (server, status, pattern) => {
    const run = await mbconv(env(server), 'pull', name)
    t.equal(run.status, status, run.stderr)
    t.match(run.stderr, pattern)
    t.notOk(existsSync(join(folder, 'weights', `${name}.safetensors`)), 'nothing is published')
  }
  const gone = await serve(t, content)
  await new Promise((done) => gone.server.close(done))
  const hint = new RegExp(
    `cannot be reached[\\s\\S]*hint: .*by hand: curl -L -o ${folder}/weights/${name}\\.safetensors http`,
  )
  await refused(gone, 1, hint)
  await refused(await serve(t, content, { faults: [{ status: 404 }] }), 1, /HTTP 404[\s\S]*by hand/)
  await refused(await serve(t, Buffer.from('<html>A page</html>')), 4, /HTML or XML/)
  await refused(await serve(t, content, { announce: 'ab'.repeat(32) }), 4, /SHA-256[\s\S]*It was removed/)
  mkdirSync(join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere', 'file'), join(folder, 'weights', `${name}.safetensors`))
  await refused(await serve(t, content), 1, /no regular file/)
  t.same(readdirSync(join(folder, 'elsewhere')), [], 'nothing is written through a link')
})
