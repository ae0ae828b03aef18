/* Caches of decoded images: what is written, what training and evaluation read, and what cannot be used. */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { inflateSync } from 'node:zlib'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { CLASSES, pictureOf, writePhotos } from './helpers/photo-folder.mjs'
import { batchesOf, digestsOf, imagesOf, listUnreadable, sha256 } from './helpers/photos.mjs'

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

const { cacheImages } = internal('cacheImages')
const { verify } = internal('verifyImages')
const { inspect } = internal('inspectImages')
const { PhotoLoader } = internal('photoLoader')
const { datasetOf } = mb.data

const golden = JSON.parse(fs.readFileSync(new URL('golden/cache.json', import.meta.url), 'utf8'))
const PHOTOGRAPHS = path.join(import.meta.dirname, 'photographs')
const root = fs.realpathSync(t.testdir())
const place = (name) => path.join(root, name)
const BICUBIC = { fit: 'crop', interpolation: 'bicubic', colorManagement: false }
const request = (source, to, { size = 40, layout = {}, ...more } = {}) => ({
  ...{ source, to: place(to), maxUnreadable: null, layout: { ...BICUBIC, size, ...layout } },
  ...more,
})
const opened = (name, options = {}) => datasetOf({ dataset: 'cache', cache: { path: place(name), ...options } })
const pixelsOf = ({ file, part }) => fs.readFileSync(file).subarray(part.offset, part.offset + part.length)
/** What lies in the folder of caches besides what is named. */
const leftIn = (folder, ...known) => fs.readdirSync(folder).filter((name) => !known.includes(name))

/** A loader of images whose part is copied unless `options` cut it. */
const loaderOf = (dataset, { size = 40, most, ...options } = {}) => {
  const { unreadable, warnings } = listUnreadable(most)
  const crop = { scale: [1, 1], ratio: [1, 1] }
  const loader = new PhotoLoader(dataset, { batchSize: 8, size, crop, threads: 1, unreadable, ...options })
  return { loader, warnings }
}

t.test('the pixels are those of Pillow and torchvision; shards, parts and classes', { skip }, async (t) => {
  const counts = []
  for (const interpolation of ['bicubic', 'bilinear']) {
    const name = `photographs-${interpolation}`
    const made = await cacheImages(request(PHOTOGRAPHS, name, { layout: { interpolation }, shardBytes: 20_000 }), {
      onImage: (count, all) => counts.push(count / all),
    })
    const [count, wanted] = [made.images.train + made.images.test, golden[interpolation]]
    t.match(made, { leftOut: 0, classes: 4, shards: Math.ceil(count / 4), bytes: count * 4800 })
    let compared = 0
    const parts = opened(name)
    const plain = datasetOf({ dataset: 'folder', folder: { path: PHOTOGRAPHS } })
    for (const part of ['train', 'test']) {
      const [cached, folder] = [parts[part], plain[part]]
      t.same([cached.classes, [...cached.labels]], [folder.classes, [...folder.labels]], part)
      for (let i = 0; i < cached.length; i++) {
        const file = path.relative(PHOTOGRAPHS, folder.read(i).file)
        const [image, expected] = [cached.read(i), wanted[file]]
        t.equal(image.name.split(':')[1], path.relative(part, file))
        if (expected === undefined) continue
        const pixels = pixelsOf(image)
        const differences = inflateSync(Buffer.from(expected, 'base64')).map((value, p) => Math.abs(value - pixels[p]))
        // As test/input-image.test.mjs: libtorch rounds the weights of the filter in another way.
        const others = differences.filter((difference) => difference > 0).length
        t.ok(Math.max(...differences) <= 1 && others < 0.03 * 4800, `${others} of 4800 values of ${file}`)
        compared++
      }
    }
    t.equal(compared, 4)
  }
  t.equal(counts.at(-1), 1)
  const prints = ['bicubic', 'bilinear'].map((name) => opened(`photographs-${name}`).train.fingerprint())
  t.not(prints[0], prints[1], 'another preprocessing is other data')
  t.same(await verify(place('photographs-bicubic'), () => {}), {
    ...{ images: 48, manifest: true, findings: { missing: 0, changed: 0, new: 0, broken: 0 }, notes: [] },
  })
})

t.test('training: copies, mirrored copies, parts, and resized parts', { skip }, async (t) => {
  const { train } = opened('photographs-bicubic')
  const pixels = Array.from({ length: train.length }, (_, i) => pixelsOf(train.read(i)))
  const mirrored = (image, size) =>
    Buffer.concat(
      Array.from({ length: size * size }, (_, p) => {
        const from = 3 * (size * Math.floor(p / size) + size - 1 - (p % size))
        return image.subarray(from, from + 3)
      }),
    )
  for (const flip of [0, 1]) {
    const { loader } = loaderOf(train, { flip })
    const [first] = await batchesOf(loader, 0)
    imagesOf([first], 40).forEach((image, i) => {
      const wanted = flip === 1 ? mirrored(pixels[first.indices[i]], 40) : pixels[first.indices[i]]
      t.ok(wanted.equals(image), `image ${i}, flip ${flip}`)
    })
    loader.dispose()
  }
  const options = { shuffle: true, seed: 4, crop: { scale: [0.3, 1], ratio: [3 / 4, 4 / 3] }, size: 24 }
  const made = []
  for (const threads of [0, 1, 2, 4]) {
    const { loader } = loaderOf(train, { ...options, threads })
    made.push(digestsOf(await batchesOf(loader, 1)))
    if (threads === 2) t.same(digestsOf(await batchesOf(loader, 1, 3)), made[0].slice(3), 'a resume in the epoch')
    loader.dispose()
  }
  for (const other of made.slice(1)) t.same(other, made[0], 'whatever the number of threads')
  // The same pixels as PNG files, which the other decoder reads.
  const folder = place('as-png')
  fs.mkdirSync(folder)
  const files = await Promise.all(
    pixels.map(async (image, i) => {
      const file = path.join(folder, `${i}.png`)
      await sharp(image, { raw: { width: 40, height: 40, channels: 3 } })
        .png()
        .toFile(file)
      return { name: file, file }
    }),
  )
  const { loader } = loaderOf({ ...train, read: (i) => files[i] }, options)
  t.same(digestsOf(await batchesOf(loader, 1)), made[0], 'as from files with these pixels')
  loader.dispose()
  // RandomCrop: a part of the input's size, unresized.
  const part = loaderOf(train, { size: 24, flip: 0, crop: { scale: [0.36, 0.36], ratio: [1, 1] } })
  const [first] = await batchesOf(part.loader, 0)
  const corners = new Set()
  imagesOf([first], 24).forEach((image, i) => {
    const shown = part.loader.crop(0, first.indices[i], { height: 40, width: 40 })
    t.same([shown.width, shown.height], [24, 24])
    const rows = Array.from({ length: 24 }, (_, y) => {
      const from = 3 * (40 * (shown.top + y) + shown.left)
      return pixels[first.indices[i]].subarray(from, from + 72)
    })
    t.ok(Buffer.concat(rows).equals(image))
    corners.add(`${shown.left} ${shown.top}`)
  })
  t.ok(corners.size > 4, 'at different places')
  part.loader.dispose()
})

t.test('a shard that becomes shorter while it is read', { skip }, async (t) => {
  fs.cpSync(place('photographs-bicubic'), place('cut'), { recursive: true })
  const { train } = opened('cut')
  const { loader, warnings } = loaderOf(train, { ahead: 1 })
  const batches = loader.epoch(0)
  t.equal((await batches.next()).value.indices.length, 8)
  const last = train.read(train.length - 1).file
  fs.truncateSync(last, 10)
  for await (const { indices } of batches) t.ok(indices.length > 0)
  t.ok(warnings.length > 0)
  t.match(warnings[0], /00\d+\.rgb:.*: the file ends before byte/)
  loader.dispose()
  t.throws(() => opened('cut'), { code: 'ERR_DATA', message: /has 10 bytes instead of/ })
  const strict = loaderOf(train, { most: 1 })
  await t.rejects(batchesOf(strict.loader, 1), { code: 'ERR_DATA', message: /cannot be read/ })
  strict.loader.dispose()
})

t.test('held-out images, groups, several labels and parts are those of the source', { skip }, async (t) => {
  const photos = await writePhotos(sharp, place('photos'), { each: 20 })
  await cacheImages(request(photos, 'plain', { size: 8 }))
  const namesOf = (part) =>
    Array.from({ length: part.length }, (_, i) => part.read(i).name.replace(/^.*?(\w+\/\d+\.jpg)$/, '$1'))
  for (const options of [{}, { split: 0.4 }, { folds: 3, fold: 1 }, { group: '(\\d)\\.jpg' }]) {
    const [cached, folder] = [
      opened('plain', options),
      datasetOf({ dataset: 'folder', folder: { path: photos, ...options } }),
    ]
    for (const part of ['train', 'test']) t.same(namesOf(cached[part]), namesOf(folder[part]), JSON.stringify(options))
  }
  const rows = CLASSES.flatMap((name) =>
    [0, 1, 2, 3].map(
      (i) => `photos/${name}/00${i}.jpg,${i === 0 ? 'ash|cedar' : name},${i < 3 ? 'train' : 'val'},g${i}`,
    ),
  )
  fs.writeFileSync(place('some.csv'), `path,label,split,group\n${rows.join('\n')}\n`)
  const made = await cacheImages(request(place('some.csv'), 'listed', { size: 8, multiLabel: true }))
  t.same(made.images, { train: 9, validation: 3 })
  const listed = opened('listed')
  const source = datasetOf({ dataset: 'list', list: { train: place('some.csv'), multiLabel: true } })
  t.same([...listed.train.labels], [...source.train.labels])
  t.same(listed.train.labelsOf(0), [0, 2])
  t.throws(() => opened('listed', { split: 0.2 }), { code: 'ERR_CONFIG', message: /data\.cache\.split: has no effect/ })
  t.throws(() => opened('plain', { split: 0.2, folds: 2 }), { code: 'ERR_CONFIG' })

  // Groups of a list, which its first image need not have.
  const grouped = CLASSES.flatMap((name) =>
    [0, 1, 2, 3].map((i) => `photos/${name}/00${i}.jpg,${name},${i && `g${i}`}`),
  )
  fs.writeFileSync(place('grouped.csv'), `path,label,group\n${grouped.join('\n').replaceAll(',0\n', ',\n')}\n`)
  await cacheImages(request(place('grouped.csv'), 'grouped', { size: 8 }))
  const list = { train: place('grouped.csv'), split: 0.4 }
  const [ofCache, ofList] = [opened('grouped', { split: 0.4 }), datasetOf({ dataset: 'list', list })]
  for (const part of ['train', 'test']) t.same(namesOf(ofCache[part]), namesOf(ofList[part]))
  const refused = (key) => ({
    code: 'ERR_CONFIG',
    message: new RegExp(`data\\.${key}\\.group: has no effect: .*grouped`),
  })
  t.throws(() => opened('grouped', { group: '(\\d)\\.jpg' }), refused('cache'))
  t.throws(() => datasetOf({ dataset: 'list', list: { ...list, group: '(\\d)\\.jpg' } }), refused('list'))
})

t.test(
  'evaluation on a cache is what predict gives for the files, or a warning says that it is not',
  { skip },
  async (t) => {
    const folder = place('shapes')
    for (const [i, name] of CLASSES.entries()) {
      fs.mkdirSync(path.join(folder, name), { recursive: true })
      for (let k = 0; k < 8; k++) {
        const picture = await pictureOf(sharp, name, k, { width: 37 + 9 * k, height: 90 - 5 * k - i })
        fs.writeFileSync(path.join(folder, name, `${k}.jpg`), picture)
      }
    }
    await cacheImages(request(folder, 'shapes-36', { size: 36 }))
    await cacheImages(request(folder, 'shapes-34', { size: 34 }))
    const warnings = []
    const config = (cache, cropShare, name) => ({
      ...{ seed: 3, device: 'cpu', threads: 1, epochs: 2, ema: false },
      model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 32 },
      data: {
        ...{ dataset: 'cache', cache: { path: place(cache), split: 0.4 }, batchSize: 8, loaderThreads: 0, cropShare },
        augment: { crop: { scale: [0.5, 1] } },
      },
      optimizer: { name: 'adamw', lr: 0.01 },
      schedule: { name: 'constant', warmupEpochs: 0 },
      run: { dir: place('runs'), name, curves: false },
    })
    const trained = async (...given) => {
      warnings.length = 0
      const run = mb.train(config(...given), { worker: false })
      for await (const event of run) if (event.type === 'warning') warnings.push(event.message)
      return run.result
    }
    const result = await trained('shapes-36', 32 / 36, 'exact')
    t.same(warnings, [])
    const dir = path.join(place('runs'), 'exact')
    const { test } = datasetOf({ dataset: 'folder', folder: { path: folder, split: 0.4 } })
    const files = Array.from({ length: test.length }, (_, i) => test.read(i).file)
    const predicted = await mb.predictImages(dir, files, { topk: 3 })
    const right = predicted.filter(({ predictions }, i) => predictions[0].label === CLASSES[test.labels[i]]).length
    const evaluated = await mb.evaluateRun(dir, { device: 'cpu' })
    t.ok(Math.abs(evaluated.top1 - right / files.length) < 1e-4, `${evaluated.top1}, ${right} of ${files.length}`)
    const loss = predicted.reduce((sum, { predictions }, i) => {
      return sum - Math.log(predictions.find(({ label }) => label === CLASSES[test.labels[i]]).probability)
    }, 0)
    t.ok(Math.abs(evaluated.loss - loss / files.length) < 1e-4, `loss ${evaluated.loss} and ${loss / files.length}`)
    const data = { dataset: 'folder', folder: { path: folder, split: 0.4 } }
    const onFiles = await mb.evaluateRun(dir, { device: 'cpu', data })
    t.equal(onFiles.top1, evaluated.top1)
    t.equal(onFiles.loss, evaluated.loss, 'the same pixels')
    const views = 'five'
    const corners = await mb.evaluateRun(dir, { device: 'cpu', views, onWarning: (message) => warnings.push(message) })
    t.match(warnings, [/its results can differ/])
    t.not(corners.loss, (await mb.evaluateRun(dir, { device: 'cpu', views, data })).loss, 'as the warning says')
    t.ok(result)

    const warned = []
    const other = { dataset: 'cache', cache: { path: place('shapes-34'), split: 0.4 } }
    await mb.evaluateRun(dir, { device: 'cpu', data: other, onWarning: (message) => warned.push(message) })
    t.match(warned, [
      /evaluation uses the cache's pixels \(34 px, fit crop, bicubic\).*a cache of 36 px, fit crop, bicubic/,
    ])
    const { cacheCautions } = internal('cacheCautions')
    const layout = { channels: 3, size: null, resolution: 32, fit: 'crop', cropShare: 32 / 36, ...{} }
    const cautions = (cached, changes, views) =>
      cacheCautions('c', { ...BICUBIC, size: 36, ...cached }, { ...BICUBIC, ...layout, ...changes }, views)
    t.same(cautions({}), [])
    t.same(cautions({}, {}, 'flip'), [])
    t.match(cautions({}, {}, 'five'), [/takes views five of the whole image: .*no cache gives exactly the same pixels/])
    t.match(cautions({}, {}, 'ten'), [/takes views ten/])
    t.match(cautions({ size: 34 }, { cropShare: 32 / 34 }), [/no cache gives exactly the same pixels/])
    t.match(cautions({ interpolation: 'bilinear' }), [/evaluation uses/])
    t.match(cautions({ colorManagement: true }), [/with colour management/])
    t.match(cautions({ size: 20 }), [/which are enlarged/, /evaluation uses/])
    t.same(cautions({ fit: 'stretch', size: 32 }, { fit: 'stretch', cropShare: null }), [])
    t.same(cautions({ fit: 'squash', size: 34 }, { fit: 'squash', cropShare: 32 / 34 }), [])
    t.same(cautions({ fit: 'squash', size: 34 }, { fit: 'squash', cropShare: 32 / 34 }, 'five'), [])
  },
)

t.test('sources that cannot be cached, and places that cannot be written', { skip }, async (t) => {
  const before = leftIn(root)
  const fails = async (source, options, wanted, events) => {
    await t.rejects(cacheImages(request(source, 'new', options), events), wanted)
    t.same(leftIn(root, ...before, 'bad'), [], 'nothing is left behind')
  }
  const photos = place('photos')
  await t.rejects(cacheImages(request(photos, 'plain')), { code: 'ERR_IO', message: /exists already/ })
  await fails(place('none'), {}, { code: 'ERR_DATA', message: /no such file or folder/ })
  await fails(place('plain'), {}, { code: 'ERR_DATA', message: /is a cache already/ })
  await fails(path.join(photos, 'ash', '000.jpg'), {}, { code: 'ERR_DATA', message: /is neither a folder nor/ })
  await fails(photos, { multiLabel: true }, { code: 'ERR_CONFIG' })
  await fails(photos, { to: path.join(root, 'no', 'such') }, { code: 'ERR_IO', message: /is no folder/ })
  const controller = new AbortController()
  const onImage = (count) => count === 5 && controller.abort()
  await fails(photos, {}, { code: 'ERR_ABORTED' }, { onImage, signal: controller.signal })

  // Others write to the same place meanwhile.
  const appears = {
    file: () => fs.writeFileSync(place('new'), 'x'),
    folder: () => fs.cpSync(photos, place('new'), { recursive: true }),
  }
  for (const [what, appear] of Object.entries(appears)) {
    const made = cacheImages(request(photos, 'new', { size: 8 }), { onImage: (count) => count === 5 && appear() })
    await t.rejects(made, { code: 'ERR_IO', message: /it exists already/ }, what)
    t.same(leftIn(root, ...before), ['new'])
    t.ok(what === 'file' || fs.existsSync(path.join(place('new'), 'ash', '000.jpg')))
    fs.rmSync(place('new'), { recursive: true })
  }

  fs.cpSync(photos, place('bad'), { recursive: true })
  for (const name of ['ash/001.jpg', 'birch/002.jpg']) fs.truncateSync(path.join(place('bad'), name), 300)
  const warnings = []
  const onWarning = (message) => warnings.push(message)
  const made = await cacheImages(request(place('bad'), 'without', { size: 8 }), { onWarning })
  t.match(made, { leftOut: 2, images: { train: 58 } })
  t.match(warnings, [/left out: .*ash\/001\.jpg/, /left out: .*birch\/002\.jpg/])
  before.push('without')
  await fails(place('bad'), { size: 8, maxUnreadable: 1 }, { code: 'ERR_DATA', message: /2 images cannot be read/ })

  // A disk that is full after some images, as the compiled files meet it.
  const calls = createRequire(import.meta.url)('node:fs')
  const { writeSync, statfsSync } = calls
  t.teardown(() => Object.assign(calls, { writeSync, statfsSync }))
  let room = 500
  calls.writeSync = (...given) => {
    room -= given[1].length
    if (room > 0) return writeSync(...given)
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
  }
  await fails(photos, { size: 8 }, { code: 'ERR_IO', message: /no space left on the device/ })
  calls.writeSync = writeSync
  calls.statfsSync = () => ({ bavail: 1000, bsize: 4096 })
  await fails(photos, { size: 8 }, { code: 'ERR_IO', message: /no space for .* are needed, 4 MB are free/ })
  // Pixels and what is left free would have room.
  calls.statfsSync = () => ({ bavail: 2 ** 26 + 60 * 192 + 1000, bsize: 1 })
  await fails(photos, { size: 8 }, { code: 'ERR_IO', message: /no space for/ })
})

t.test('rows are written as they come, and read in pieces', (t) => {
  const { CacheWriter } = internal('cacheWriter')
  const folder = place('rows')
  fs.mkdirSync(folder)
  const writer = new CacheWriter(folder, 1)
  const row = (i) => ({ part: 'train', name: `${'x'.repeat(i)}\u0085`, labels: [0], bytes: 1, share: 0.5 })
  for (const i of [0, 1, 2]) {
    writer.add(row(i), Uint8Array.of(1, 2, 3))
    t.equal(fs.readFileSync(path.join(folder, 'images.jsonl'), 'utf8').split('\n').length, i + 2, 'no row waits')
  }
  writer.close()

  const { linesOf } = internal('lines')
  const lines = (content, atOnce) => [...linesOf('f', Buffer.from(content), atOnce)]
  for (const text of ['a\nbü\r\n\n€uro\n', '\ufeffé\nß', '\n\nü', 'a\n\ufeffb\nc\0d\0', ''])
    for (const atOnce of [1, 2, 3, 5, 8]) t.same(lines(text, atOnce), lines(text), `${JSON.stringify(text)}, ${atOnce}`)
  const utf16 = Buffer.from('\ufeffa\nb\n', 'utf16le')
  t.same(lines(utf16, 2), [
    { text: 'a', line: 1 },
    { text: 'b', line: 2 },
  ])
  t.throws(() => lines(Buffer.concat([Buffer.from('a\nb\n'), Buffer.of(0xff, 0x80)]), 1), {
    ...{ code: 'ERR_DATA', message: /is not UTF-8 text/ },
  })
  t.end()
})

t.test('caches that are damaged, and their check', { skip }, async (t) => {
  const copied = (name, change) => {
    fs.cpSync(place('photographs-bicubic'), place(name), { recursive: true })
    change(place(name))
    return name
  }
  const edited = (name, edit) =>
    copied(name, (folder) => {
      const file = path.join(folder, 'cache.json')
      const index = JSON.parse(fs.readFileSync(file, 'utf8'))
      edit(index, folder)
      fs.writeFileSync(file, JSON.stringify(index))
    })
  const refused = (name, message) => t.throws(() => opened(name), { code: 'ERR_DATA', message })
  const rows = (change) => (index, folder) => {
    const file = path.join(folder, 'images.jsonl')
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
    change(lines)
    const text = `${lines.join('\n')}\n`
    fs.writeFileSync(file, text)
    index.rows.sha256 = sha256(text)
  }
  refused('photos', /is no cache: it has no cache\.json/)
  refused(
    copied('d1', (folder) => fs.writeFileSync(path.join(folder, 'cache.json'), '{')),
    /cache\.json: is damaged/,
  )
  refused(
    edited('d2', (index) => Object.assign(index, { format: 2 })),
    /has format 2; this version .* format 1/,
  )
  refused(
    edited('d3', (index) => index.shards.pop()),
    /is damaged/,
  )
  refused(
    edited('d4', ({ shards }) => Object.assign(shards[0], { file: '../x.rgb' })),
    /is damaged/,
  )
  refused(
    edited('d5', ({ preprocessing }) => Object.assign(preprocessing, { size: 41 })),
    /is damaged/,
  )
  refused(
    copied('d6', (folder) => fs.appendFileSync(path.join(folder, 'images.jsonl'), '\n')),
    /is not as cache\.json/,
  )
  refused(
    edited(
      'd7',
      rows((lines) => lines.pop()),
    ),
    /is not as cache\.json says/,
  )
  refused(
    edited('d10', ({ shards }) => {
      shards[1].file = shards[0].file
    }),
    /is damaged/,
  )
  edited('d11', (index) => {
    const shards = [{ file: '00000.rgb', bytes: 2 ** 40 * 4800, crc32: '00000000' }]
    Object.assign(index, { rows: { ...index.rows, count: 2 ** 40 }, shards })
  })
  await t.rejects(
    verify(place('d11'), () => {}),
    { code: 'ERR_DATA', message: /images\.jsonl: is not as cache\.json/ },
  )
  for (const [i, line] of [
    '{}',
    '[9,"a",[0],1,0.5]',
    '["0","a",[0],1,0.5]',
    '["length","a",[0],1,0.5]',
    '[0,"a",[4],1,0.5]',
    '[0,"a",[],1,0.5]',
    '[0,"",[0],1,0.5]',
    'x',
  ].entries())
    refused(
      edited(
        `row-${i}`,
        rows((lines) => lines.splice(2, 1, line)),
      ),
      /line 3 is damaged/,
    )
  refused(
    copied('d8', (folder) => fs.rmSync(path.join(folder, '00003.rgb'))),
    /00003\.rgb: no such file/,
  )
  refused(
    copied('d9', (folder) => {
      fs.rmSync(path.join(folder, '00003.rgb'))
      fs.mkdirSync(path.join(folder, '00003.rgb'))
    }),
    /is no regular file/,
  )
  copied('flipped', (folder) => {
    const file = path.join(folder, '00002.rgb')
    const bytes = fs.readFileSync(file)
    bytes[1000] ^= 1
    fs.writeFileSync(file, bytes)
    fs.rmSync(path.join(folder, '00004.rgb'))
    fs.truncateSync(path.join(folder, '00005.rgb'), 100)
  })
  const findings = []
  const { findings: counts } = await verify(place('flipped'), (finding) => findings.push(finding))
  t.same(counts, { missing: 1, changed: 2, new: 0, broken: 0 })
  t.match(findings, [
    { type: 'changed', problem: /00002\.rgb: has the checksum/ },
    { type: 'missing', problem: /00004\.rgb/ },
    { type: 'changed', problem: /00005\.rgb: has 100 bytes instead of/ },
  ])
  for (const look of [(given) => verify(given, () => {}), inspect])
    for (const name of ['none-{0..2}.tar.gz', 'none.tgz'])
      await t.rejects(look(place(name)), { code: 'ERR_DATA', message: /is compressed/, hint: /gunzip/ })
  const photo = path.join(place('photos'), 'ash', '000.jpg')
  fs.copyFileSync(photo, place('copy.jpg'))
  fs.writeFileSync(place('orders.csv'), `path,label\n${photo},b|a\n${place('copy.jpg')},a|b\n`)
  const { duplicates } = await inspect(place('orders.csv'))
  t.same(duplicates, { acrossClasses: [], acrossParts: [], others: 1 })
  await t.rejects(inspect(place('flipped')), { code: 'ERR_DATA', message: /is a cache of decoded images/ })
})
