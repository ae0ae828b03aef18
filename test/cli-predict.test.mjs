/* Predicting through the command and in code: where images and models come from, what cannot be read, one by one. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { settledMemory } from './helpers/live.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { writeIdx } = internal('idx')

const MAIN = path.resolve('dist/cli/main.js')
const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

const dir = fs.realpathSync(t.testdir({ photos: { deeper: {} } }))
/** Four classes of gray, dark to bright. */
const LEVELS = [20, 90, 160, 230]
const data = { dataset: 'idx' }
for (const [part, length] of [
  ['train', 64],
  ['test', 16],
]) {
  const labels = Uint8Array.from({ length }, (_, i) => i % 4)
  const pixels = Uint8Array.from({ length: 64 * length }, (_, i) => LEVELS[(i >> 6) % 4] + ((i * 7) % 19))
  for (const [kind, values, shape] of [
    ['Images', pixels, [length, 8, 8]],
    ['Labels', labels, [length]],
  ]) {
    data[part + kind] = path.join(dir, `${part}-${kind}.idx`)
    writeIdx(data[part + kind], { dtype: 'uint8', shape, data: values })
  }
}
const config = {
  ...tinyConfig(dir, { data: { ...data, augment: {} } }),
  // Batch norm's statistics have to arrive in 60 steps.
  model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8, profile: 'timm', dropPath: 0 },
  ...{ epochs: 15, ema: false, optimizer: { name: 'adamw', lr: 0.01 }, schedule: { name: 'constant' } },
}
const { runDir } = await mb.train(config).result
const { safetensors } = mb.exportRun(runDir, { out: path.join(dir, 'model.onnx'), safetensors: true })

/** Runs `mbconv predict` in the folder. */
function predict(words, { input, run = ['--run', runDir], env = {} } = {}) {
  const child = spawn(process.execPath, [MAIN, 'predict', ...words, ...run], {
    cwd: dir,
    env: { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8', ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // it need not be read
  child.stdin.end(input)
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })))
}
const lines = ({ stdout }) =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
const close = (t, a, b, what) =>
  t.ok(
    a.every(({ label, probability }, i) => b[i].label === label && Math.abs(b[i].probability - probability) < 1e-4),
    what,
  )

/** A picture of one class, 16 px wide, darker towards the bottom. */
const image = (level) => {
  const pixels = Buffer.from(Array.from({ length: 256 }, (_, p) => LEVELS[level] + 16 - (p >> 4)))
  return sharp(pixels, { raw: { width: 16, height: 16, channels: 1 } })
}

if (sharp) {
  await image(1)
    .png()
    .toFile(path.join(dir, 'photos', '2.png'))
  await image(2)
    .webp({ lossless: true })
    .toFile(path.join(dir, 'photos', '10.WEBP'))
  await image(3)
    .jpeg({ quality: 95 })
    .toFile(path.join(dir, 'photos', 'deeper', 'c.jpg'))
  // Stored upside down, with the EXIF orientation that turns it back.
  await image(3).rotate(180).withMetadata({ orientation: 3 }).jpeg({ quality: 95 }).toFile(path.join(dir, 'turned.jpg'))
  fs.writeFileSync(
    path.join(dir, 'photos', 'broken.jpg'),
    fs.readFileSync(path.join(dir, 'turned.jpg')).subarray(0, 300),
  )
  fs.writeFileSync(path.join(dir, 'photos', 'notes.txt'), 'no image')
}

t.test(
  'folders, in the order of names; what is broken is told and skipped, and the exit status says so',
  { skip },
  async (t) => {
    const result = await predict(['photos', '--json', '--topk', '2', '--batch', '2'])
    t.equal(result.status, 4, result.stderr)
    const found = lines(result)
    t.same(
      found.map(({ file }) => file),
      ['photos/2.png', 'photos/10.WEBP', 'photos/broken.jpg', 'photos/deeper/c.jpg'],
    )
    t.match(found[2].error, {
      code: 'ERR_DATA',
      message: /photos\/broken\.jpg: cannot be read/,
      hint: /Images are read/,
    })
    t.match(
      result.stderr,
      /^weights of step \d+, .*\nskipped: photos\/broken\.jpg: cannot be read.*\nwarning: 1 of 4 images could not be read\n$/,
    )
    for (const i of [0, 1, 3])
      t.match(found[i].predictions, [{ label: String, probability: Number }, { index: Number }])
    t.same(
      [0, 1, 3].map((i) => found[i].predictions[0].label),
      ['1', '2', '3'],
      'and the model sees what is there',
    )

    const nothing = await predict(['data', 'photos/2.png', '--topk', '1'])
    t.equal(nothing.status, 4)
    t.match(nothing.stdout, /^photos\/2\.png: 1 +\d+\.\d\d %\n$/)
    t.match(
      nothing.stderr,
      /^weights of step \d+, .*\nskipped: data: no image there\nwarning: 1 of 2 images could not be read\n$/,
    )
  },
)

t.test('what words mean', async (t) => {
  const { checkImageWords, imagesOf } = internal('imageWords')
  const names = async (words, filesFrom) => {
    const [found, empty] = [[], []]
    for await (const each of imagesOf({ words, filesFrom }, (word) => empty.push(word))) found.push(each)
    return [found.map((name) => path.relative(dir, name)), empty.map((word) => path.relative(dir, word))]
  }
  const at = (...words) => words.map((word) => path.join(dir, word))
  const list = path.join(dir, 'list')
  fs.writeFileSync(list, `${at('a b.png')}\r\n\n${at('*.png')}\n`)
  const photos = ['photos/2.png', 'photos/10.WEBP', 'photos/broken.jpg', 'photos/deeper/c.jpg']
  t.same(await names(at('photos', 'none.png')), [[...photos, 'none.png'], []])
  t.same(await names(at('photos/**/*.{png,jpg}', 'photos/?.png')), [
    ['photos/2.png', 'photos/broken.jpg', 'photos/deeper/c.jpg', 'photos/2.png'],
    [],
  ])
  t.same(await names(at('data', 'none-*.png')), [[], ['data', 'none-*.png']])
  t.same(await names(at('photos/notes.txt'), list), [['photos/notes.txt', 'a b.png', '*.png'], []], 'as they are named')
  await t.rejects(names([], path.join(dir, 'no-list')), { code: 'ERR_DATA', message: /no-list: no such file/ })
  t.throws(() => checkImageWords({ words: [] }), { code: 'ERR_USAGE', message: 'no image given' })
  t.throws(() => checkImageWords({ words: ['-', 'a', '-'] }), { code: 'ERR_USAGE', message: /stdin/ })
  checkImageWords({ words: ['-'], filesFrom: 'list' })
})

t.test('stdin, lists of paths, EXIF', { skip }, async (t) => {
  const jpeg = fs.readFileSync(path.join(dir, 'photos/deeper/c.jpg'))
  const stdin = await predict(['-', 'photos/deeper/c.jpg', 'turned.jpg', '--json'], { input: jpeg })
  t.equal(stdin.status, 0, stdin.stderr)
  const [bytes, file, turned] = lines(stdin)
  t.same([bytes.file, file.file, turned.file], ['-', 'photos/deeper/c.jpg', 'turned.jpg'])
  close(t, bytes.predictions, file.predictions, 'the bytes of a file are the file')
  t.equal(turned.predictions[0].label, '3')
  const listed = await predict(['--files-from', '-', '--json'], { input: 'photos/2.png\r\n\nturned.jpg\nx.png\n' })
  t.equal(listed.status, 4, listed.stderr)
  t.match(lines(listed), [
    { predictions: [{ label: '1' }] },
    { predictions: [{ label: '3' }] },
    { file: 'x.png', error: {} },
  ])
})

t.test('colours, the largest image, and what is no image: every way in', { skip }, async (t) => {
  const { cases } = JSON.parse(fs.readFileSync(new URL('./golden/image-files.json', import.meta.url), 'utf8'))
  const { file: base64 } = cases.find(({ name }) => name === 'PNG, gray with a profile')
  const bytes = Buffer.from(base64, 'base64')
  const file = path.join(dir, 'profile.png')
  fs.writeFileSync(file, bytes)
  const probability = ({ predictions }, of = '0') => predictions.find(({ label }) => label === of).probability
  const inCode = async (options) =>
    probability((await mb.predictImages(safetensors, [file], { topk: LEVELS.length, ...options }))[0])
  const [plain, managed] = [await inCode({}), await inCode({ colorManagement: true })]
  t.not(plain, managed, 'a profile changes what is seen')
  t.equal(await inCode({ colorManagement: false }), plain)
  const typed = async (...words) => {
    const result = await predict(['profile.png', '--json', '--topk', `${LEVELS.length}`, ...words])
    return probability(lines(result)[0])
  }
  const same = (a, b, what) => t.ok(Math.abs(a - b) < 1e-4 * b, `${what}: ${a}, ${b}`)
  same(await typed(), plain, 'the command')
  same(await typed('--color-management'), managed, '--color-management')
  const explained = async (model, options) =>
    probability({ predictions: (await mb.explainImage(model, file, { class: '0', ...options })).predictions })
  same(await explained(safetensors, {}), plain, 'explain')
  same(await explained(safetensors, { colorManagement: true }), managed, 'explain, managed')

  const card = mb.models.readCard(path.join(dir, 'model.card.json'))
  const other = path.join(dir, 'managed.safetensors')
  const preprocessing = { ...card.preprocessing, colorManagement: true }
  mb.scope(() => {
    const metadata = { 'mbconv.card': JSON.stringify({ ...card, preprocessing }) }
    mb.io.safetensors.write(other, mb.io.safetensors.read(safetensors).tensors, metadata)
  })
  const [{ predictions }] = await mb.predictImages(other, [file], { topk: LEVELS.length })
  same(probability({ predictions }), managed, 'as the card says')
  same(await explained(other, {}), managed, 'explain, as the card says')
  const [undone] = await mb.predictImages(other, [file], { topk: LEVELS.length, colorManagement: false })
  same(probability(undone), plain, 'an option goes before the card')

  const [pixels, drawing] = [/77 pixels, more than the 50 allowed/, /SVG format/]
  await t.rejects(mb.predictImages(safetensors, [file], { maxPixels: 50 }), { code: 'ERR_DATA', message: pixels })
  await t.rejects(mb.explainImage(safetensors, file, { maxPixels: 50 }), { code: 'ERR_DATA', message: pixels })
  await t.rejects(mb.predictImages(safetensors, [file], { maxPixels: 0 }), { code: 'ERR_VALUE' })
  t.match(await predict(['profile.png', '--max-pixels', '50']), { status: 4, stderr: pixels })
  t.match(await predict(['-', '--max-pixels', '50'], { input: bytes }), { status: 4, stderr: pixels })
  const svg = path.join(dir, 'photo.jpg')
  fs.writeFileSync(svg, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
  await t.rejects(mb.predictImages(safetensors, [svg]), { code: 'ERR_DATA', message: drawing })
  await t.rejects(mb.explainImage(safetensors, svg), { code: 'ERR_DATA', message: drawing })
  t.match(await predict(['photo.jpg']), { status: 4, stderr: drawing })
  t.match(await predict(['-'], { input: fs.readFileSync(svg) }), { status: 4, stderr: drawing })
  fs.rmSync(svg)
})

t.test('stdin that never ends is read no further than it can be an image', { skip }, async (t) => {
  for (const command of ['predict', 'explain']) {
    const child = spawn(process.execPath, [MAIN, command, '-', '--run', safetensors], { cwd: dir })
    child.stdin.on('error', () => {}) // it is closed when enough was seen
    const endless = new Readable({ read: (size) => endless.push(Buffer.alloc(size)) })
    endless.pipe(child.stdin)
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (more) => {
      text += more
    })
    const status = await new Promise((done) => child.on('close', done))
    endless.destroy()
    t.equal(status, 4, text)
    t.match(text, /-: cannot be read as an image \(unknown format\)/)
  }
})

t.test('models: a run’s folder first, a file with a card, a folder with one', { skip }, async (t) => {
  const words = ['photos/2.png', '--json', '--topk', '4']
  const first = await predict([path.relative(dir, runDir), ...words], { run: [] })
  t.equal(first.status, 0, first.stderr)
  const wanted = lines(first)[0].predictions
  const same = async (model) => {
    const [{ predictions }] = await mb.predictImages(model, [path.join(dir, 'photos/2.png')])
    close(t, predictions, wanted, model)
  }
  const folder = path.join(dir, 'weights')
  fs.mkdirSync(folder)
  const bare = path.join(folder, 'w.safetensors')
  fs.copyFileSync(safetensors, bare)
  await same(safetensors)
  await same(folder)

  // A file without a card in it wants one beside it.
  mb.scope(() => mb.io.safetensors.write(bare, mb.io.safetensors.read(safetensors).tensors))
  const refused = (model, code, message) => t.rejects(mb.predictImages(model, ['x.png']), { code, message })
  await refused(bare, 'ERR_FORMAT', /has no model card, .*w\.card\.json/)
  const card = path.join(folder, 'w.card.json')
  fs.copyFileSync(path.join(dir, 'model.card.json'), card)
  await same(bare)
  mb.models.writeCard(card, { ...mb.models.readCard(card), classes: ['a', 'b'] })
  const before = await settledMemory()
  await refused(bare, 'ERR_FORMAT', /card tells of 2 classes, the weights/)
  t.same(mb.memory(), before, 'a refused model leaves nothing')
  await refused(path.join(dir, 'photos/2.png'), 'ERR_FORMAT', /it is a PNG image; a model is a safetensors file/)
  await refused(path.join(dir, 'nowhere'), 'ERR_CHECKPOINT', /nowhere/)
  await refused('tf_efficientnet_b0.ns_jft_in1k', 'ERR_IO', /./)
})

t.test('in code: one by one, no further ahead than a batch', { skip }, async (t) => {
  let asked = 0
  const bytes = await image(1).png().toBuffer()
  async function* endless() {
    for (;;) yield { name: `image ${asked++}`, bytes }
  }
  const names = []
  for await (const { file, predictions } of mb.predictEach(runDir, endless(), { batchSize: 3, topk: 1 })) {
    names.push(file)
    t.ok(asked <= names.length + 3 + 4, `${asked} asked for, ${names.length} given`)
    t.equal(predictions[0].label, '1')
    if (names.length === 12) break
  }
  t.same(
    names,
    Array.from({ length: 12 }, (_, i) => `image ${i}`),
  )
  const before = await settledMemory()
  for await (const each of mb.predictEach(runDir, ['none.png', { name: 'x', bytes }])) {
    if ('error' in each) t.match(each, { file: 'none.png', error: { code: 'ERR_DATA' } })
    else t.equal(each.file, 'x')
  }
  t.same(mb.memory(), before, 'nothing is left behind')
  const rejects = async (images, options, code) => {
    const all = async () => {
      for await (const _ of mb.predictEach(runDir, images, options)) t.fail()
    }
    await t.rejects(all(), { code })
  }
  await rejects(undefined, {}, 'ERR_TYPE')
  await rejects(7, {}, 'ERR_TYPE')
  await rejects([7], {}, 'ERR_TYPE')
  await rejects([null], {}, 'ERR_TYPE')
  await rejects([], { batchSize: 0 }, 'ERR_VALUE')
  await rejects([], { batch: 1 }, 'ERR_TYPE')
})
