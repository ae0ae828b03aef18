/* Shards that are read as streams: compressed archives and the output of commands. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import * as mb from 'mbconv'
import t from 'tap'
import { internal, internalPath } from './helpers/internals.mjs'
import { pictureOf } from './helpers/photo-folder.mjs'
import { batchesOf, digestsOf, listUnreadable, sha256 } from './helpers/photos.mjs'
import { tarOf } from './helpers/tar.mjs'

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

const { datasetOf } = mb.data
const { datasetKind } = internal('datasetKinds')
const { PhotoLoader } = internal('photoLoader')
const { PhotoEvaluationLoader } = internal('evaluationLoader')
const { shuffledStream } = internal('imageStream')
const { writeStreamIndex } = internal('streamIndex')
const { outputOf, shownCommand } = internal('commandOutput')
const { sameData } = internal('fingerprint')
const { shardFiles, expandCommand } = internal('shardNames')
const { StreamBatches } = internal('streamBatches')
const { bytesAt } = internal('streamBytes')
const { cacheImages } = internal('cacheImages')
const { listCheckpoints } = internal('checkpoint')

const root = fs.realpathSync(t.testdir())
const place = (name) => path.join(root, name)
const put = (name, bytes) => {
  fs.writeFileSync(place(name), bytes)
  return place(name)
}
/** Entries of an archive: an image and its class for each number. */
const entriesOf = (numbers, contentOf) =>
  numbers.flatMap((i) => [
    [`${String(i).padStart(3, '0')}.jpg`, contentOf(i)],
    [`${String(i).padStart(3, '0')}.cls`, String(i % 3)],
  ])
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i)
const open = (train, options = {}) => datasetOf({ dataset: 'shards', shards: { train, ...options } })
const whole = (train, options) => open(train, { validation: train, ...options })
const collected = async (generator) => {
  const all = []
  for await (const each of generator) all.push(each)
  return all
}
const numbersIn = async (stream, options = {}) => {
  const images = await collected(shuffledStream('s', stream, { seed: 1, epoch: 0, count: 60, ...options }))
  return images.map(({ bytes }) => Number(bytes.toString()))
}

const text = (i) => `${i}`
const plain = [range(0, 25), range(25, 40), range(40, 60)].map((numbers, k) => [
  `part-${k}`,
  tarOf(entriesOf(numbers, text)),
])
for (const [name, tar] of plain) {
  put(`${name}.tar`, tar)
  put(`${name}.tar.gz`, gzipSync(tar))
}

t.test('a compressed archive has the images of the plain one: classes, held-out images, fingerprint', async (t) => {
  const [pattern, packed] = [place('part-{0..2}.tar'), place('part-{0..2}.tar.gz')]
  t.throws(() => whole(packed), { code: 'ERR_DATA', message: /is compressed and has no index yet/, hint: /data index/ })
  await datasetKind('shards').prepare({ shards: { train: packed, validation: packed } })
  t.ok(fs.existsSync(place('part-1.tar.gz.index.json')))
  for (const options of [{}, { split: 0.4 }, { folds: 4, fold: 2 }, { group: '(\\d)\\.jpg' }]) {
    const [a, b] = [open(pattern, options), open(packed, options)]
    for (const part of ['train', 'test']) {
      t.same([...b[part].labels], [...a[part].labels], JSON.stringify(options))
      t.equal(b[part].fingerprint().split(':')[0], a[part].fingerprint())
      t.notOk(sameData(b[part].fingerprint(), a[part].fingerprint()), 'the order of an epoch is another')
    }
    const given = await collected(b.train.stream.open(1))
    t.same(
      given.map(({ index }) => b.train.read(index).name),
      given.map(({ name }) => name),
    )
    t.same(
      given.map(({ label }) => label),
      given.map(({ index }) => b.train.labels[index]),
    )
  }
})

t.test('the fingerprint of a stream tells how the images are divided into archives', async (t) => {
  const all = put('joined.tar.gz', gzipSync(tarOf(entriesOf(range(0, 60), text))))
  await writeStreamIndex(all)
  const prints = [place('part-{0..2}.tar.gz'), all].map((train) => whole(train).train.fingerprint())
  t.equal(...prints.map((print) => print.split(':')[0]))
  t.notOk(sameData(...prints))
  t.ok(sameData(prints[0], whole(place('part-{0..2}.tar.gz')).train.fingerprint()))
})

t.test('short images of an uncommon extension are held out as those of plain archives', async (t) => {
  const tar = tarOf(entriesOf(range(0, 40), text).map(([name, content]) => [name.replace('jpg', 'img'), content]))
  const [file, packed] = [put('short.tar', tar), put('short.tar.gz', gzipSync(tar))]
  await writeStreamIndex(packed)
  const labels = [file, packed].map((train) => [...open(train, { image: 'img', split: 0.5 }).train.labels])
  t.same(labels[1], labels[0])
  t.ok(labels[1].length > 10)
})

t.test('an index keeps what may be a label, and no other content', async (t) => {
  const arrays = range(0, 10).map((i) => [`${i}.npy`, Buffer.alloc(16_000, 0xf0)])
  const { index } = await writeStreamIndex(put('arrays.tar.gz', gzipSync(tarOf([...arrays, ['a.words', 'caf\u00e9']]))))
  t.ok(fs.statSync(index).size < 5000)
  t.match(fs.readFileSync(index, 'utf8'), /a\.words/)
  t.match(JSON.parse(fs.readFileSync(index, 'utf8')).members.at(-1), [
    'a.words',
    5,
    Buffer.from('caf\u00e9').toString('latin1'),
  ])
  t.type(JSON.parse(fs.readFileSync(index, 'utf8')).members[0][2], 'number')
})

t.test('a folder stands for its compressed archives too', (t) => {
  for (const name of ['packed', 'both']) fs.mkdirSync(place(name))
  fs.copyFileSync(place('part-0.tar.gz'), place('packed/a.tar.gz'))
  t.same(shardFiles([place('packed')]), [place('packed/a.tar.gz')])
  fs.copyFileSync(place('part-0.tar.gz'), place('both/a.tar.gz'))
  fs.copyFileSync(place('part-1.tar'), place('both/b.tar'))
  t.throws(() => open(place('both')), { code: 'ERR_DATA', message: /is not compressed, unlike/ })
  t.end()
})

t.test('labels of commands: a number is a line, names are normalised, and each is there once', (t) => {
  const held = put('numbered.tar', tarOf(entriesOf(range(0, 2), text)))
  const labels = (names, test = held) =>
    open('pipe:true', { allowPipes: true, samples: 2, classes: put('names.txt', names), test }).test.labels
  t.same([...labels('1\n0\n')], [0, 1])
  const named = put('named.tar', tarOf([...entriesOf([0], text).slice(0, 1), ['000.txt', 'caf\u00e9']]))
  t.same([...labels('tea\ncafe\u0301\n', named)], [1])
  t.throws(() => labels('tea\nfig\ntea\n'), { code: 'ERR_DATA', message: /lines 1 and 3 are both/ })
  t.end()
})

t.test('reading ends when it is stopped, while images are skipped too', async (t) => {
  const batches = (stream) => new StreamBatches({ name: 's', length: 1e9, stream }, { seed: 0, batchSize: 1 }, 0, 1e9)
  let read = 0
  async function* open() {
    for (let index = 0; index < 1e6; index++) {
      if (index % 100 === 0) await setTimeout(1)
      read++
      yield { index, label: 0, name: 'n', address: 'a', bytes: Buffer.alloc(1) }
    }
  }
  const skipping = batches({ archives: 1, buffer: 2, hasLabels: true, open })
  await setTimeout(20)
  await skipping.end()
  t.ok(read < 1e5, `${read} images`)
  const controller = new AbortController()
  controller.abort()
  await t.rejects(collected(bytesAt(place('part-0.tar.gz'), controller.signal)), { code: 'ERR_ABORTED' })
})

t.test('commands as messages show them, and their braces', async (t) => {
  t.equal(shownCommand('curl https://example.org/a.tar?token=secret | cat'), 'curl https://example.org/a.tar?… | cat')
  t.ok(shownCommand('x'.repeat(5000)).length < 200)
  const home = ['$', '{HOME}'].join('')
  t.same(expandCommand(`pipe:cat ${home}/{0..1}.tar`), [`pipe:cat ${home}/0.tar`, `pipe:cat ${home}/1.tar`])
  t.throws(() => expandCommand("pipe:awk '{print}'"), { code: 'ERR_CONFIG' })
  const failing = collected(bytesAt('pipe:: https://example.org/?token=secret; exit 3'))
  await t.rejects(failing, { message: /^: https:\/\/example\.org\/\?… exit 3: ended with status 3$/ })
})

t.test('the order of an epoch: archives and a buffer, both by the seed and the epoch', async (t) => {
  const stream = (buffer) => whole(place('part-{0..2}.tar.gz'), { buffer }).train.stream
  const first = await numbersIn(stream(10))
  t.same(
    [...first].sort((a, b) => a - b),
    range(0, 60),
    'each image once',
  )
  t.same(await numbersIn(stream(10)), first)
  t.notSame(await numbersIn(stream(10), { epoch: 1 }), first)
  t.notSame(await numbersIn(stream(10), { seed: 2 }), first)
  // With a buffer of one, archives follow each other whole.
  const archives = await Promise.all(
    range(0, 12).map(async (epoch) => {
      const numbers = await numbersIn(stream(1), { epoch })
      const order = [...new Set(numbers.map((i) => (i < 25 ? 0 : i < 40 ? 1 : 2)))]
      t.same(
        numbers,
        order.flatMap((k) => [range(0, 25), range(25, 40), range(40, 60)][k]),
      )
      return order.join('')
    }),
  )
  t.ok(new Set(archives).size > 3, 'in several orders')
  // An image comes at most as much earlier as the buffer is long.
  const one = (buffer) => whole(place('part-0.tar.gz'), { buffer }).train.stream
  const near = await numbersIn(one(5), { count: 25 })
  for (const [position, number] of near.entries()) t.ok(number - position < 5)
  t.notSame(near, range(0, 25))
  const all = await Promise.all(range(0, 400).map((epoch) => numbersIn(one(25), { count: 25, epoch })))
  const mean = all.reduce((sum, order) => sum + order.indexOf(0), 0) / all.length
  t.ok(Math.abs(mean - 12) < 1.5, `in a buffer of all images the first one comes anywhere: place ${mean} on average`)
})

t.test('training: threads, batches ahead and a resume change nothing', { skip }, async (t) => {
  const pictures = await Promise.all(range(0, 20).map((i) => pictureOf(sharp, ['ash', 'birch', 'cedar'][i % 3], i)))
  pictures[7] = await sharp(pictures[7]).png().toBuffer()
  const broken = pictures[11].subarray(0, 200)
  const tars = [range(0, 9), range(9, 20)].map((numbers) =>
    tarOf(entriesOf(numbers, (i) => (i === 11 ? broken : pictures[i]))),
  )
  const files = tars.map((tar, k) => put(`photos-${k}.tgz`, gzipSync(tar)))
  for (const file of files) await writeStreamIndex(file)
  const commands = { allowPipes: true, samples: 20, classes: put('classes.txt', 'ash\nbirch\ncedar\n') }
  put('held.tar', tars[0])
  const piped = files.map((file) => `pipe:cat ${file}`)
  const sources = {
    files: whole(files, { buffer: 6 }).train,
    commands: open(piped, { ...commands, buffer: 6, test: place('held.tar') }).train,
  }
  const loaderOf = (dataset, { most, ...options } = {}) => {
    const { unreadable, warnings } = listUnreadable(most)
    const given = { batchSize: 4, size: 24, shuffle: true, seed: 5, unreadable, ...options }
    return { loader: new PhotoLoader(dataset, given), warnings }
  }
  for (const [name, dataset] of Object.entries(sources)) {
    let expected
    for (const [threads, ahead] of [
      [0, 1],
      [1, 2],
      [2, 3],
      [4, 1],
    ]) {
      const { loader, warnings } = loaderOf(dataset, { threads, ahead })
      t.equal(loader.batchesPerEpoch, 5)
      const batches = digestsOf(await batchesOf(loader, 2))
      expected ??= batches
      t.same(batches, expected, `${name}: ${threads} threads, ${ahead} ahead`)
      t.match(warnings, [/left out: .*:011\.jpg/])
      t.equal(warnings.length, 1)
      t.same(digestsOf(await batchesOf(loader, 2, 3)), expected.slice(3), 'from the fourth batch on')
      loader.dispose()
    }
    const numbers = expected.flatMap(({ indices, labels }) => indices.map((index, i) => [index, labels[i]]))
    if (name === 'files') for (const [index, label] of numbers) t.equal(label, index % 3)
    t.equal(new Set(numbers.map(([index]) => index)).size, 19, 'another image of its batch stands for the broken one')
  }
  const { loader } = loaderOf(sources.files, { most: 0, threads: 1 })
  await t.rejects(batchesOf(loader, 0), { code: 'ERR_DATA', message: /1 image cannot be read/ })
  loader.dispose()
  for (const [options, message] of [
    [{ sampler: 'balanced' }, /cannot be balanced/],
    [{ repeats: 2 }, /cannot be repeated/],
    [{ shuffle: false }, /without shuffling/],
  ])
    t.throws(() => loaderOf(sources.files, options), { code: 'ERR_VALUE', message })

  // Evaluation, and a cache, of a compressed archive give what those of the plain one give.
  const layout = { channels: 3, size: null, resolution: 16, fit: 'crop', cropShare: 0.8, interpolation: 'bicubic' }
  const evaluated = async (dataset) => {
    const { unreadable } = listUnreadable()
    const options = { batchSize: 6, layout: { ...layout, colorManagement: false }, unreadable }
    return digestsOf(await batchesOf({ epoch: () => new PhotoEvaluationLoader(dataset, options).epoch() }, 0))
  }
  const unpacked = tars.map((tar, k) => put(`photos-${k}.tar`, tar))
  t.same(await evaluated(open(files, { split: 0.5 }).test), await evaluated(open(unpacked, { split: 0.5 }).test))
  const shards = []
  for (const source of [place('photos-{0..1}.tgz'), place('photos-{0..1}.tar')]) {
    const to = place(`cache-${shards.length}`)
    const request = { source, to, maxUnreadable: null }
    await cacheImages({
      ...request,
      layout: { size: 8, fit: 'crop', interpolation: 'bicubic', colorManagement: false },
    })
    shards.push(['00000.rgb', 'images.jsonl'].map((name) => fs.readFileSync(path.join(to, name), 'latin1')))
  }
  t.ok(shards[0].join() === shards[1].join())
})

t.test('an image of no bytes is one that cannot be read', { skip }, async (t) => {
  const picture = await pictureOf(sharp, 'ash', 1)
  const tar = tarOf(entriesOf(range(0, 8), (i) => (i === 3 ? '' : picture)))
  const file = put('empty.tar.gz', gzipSync(tar))
  await writeStreamIndex(file)
  const classes = put('empty.txt', 'ash\nbirch\ncedar\n')
  const piped = { allowPipes: true, samples: 8, classes, test: put('empty.tar', tar) }
  for (const { train } of [whole(file), open(`pipe:cat ${file}`, piped)]) {
    const { unreadable, warnings } = listUnreadable()
    const options = { batchSize: 4, size: 16, shuffle: true, unreadable, threads: 1 }
    const loader = new PhotoLoader(train, options)
    t.equal((await batchesOf(loader, 0)).length, 2)
    t.match(warnings, [/left out: .*empty\.tar\.gz:003\.jpg: is empty/])
    loader.dispose()
    const strict = new PhotoLoader(train, { ...options, unreadable: listUnreadable(0).unreadable })
    await t.rejects(batchesOf(strict, 0), { code: 'ERR_DATA', message: /1 image cannot be read/ })
    strict.dispose()
    // A batch of which no image can be read has one of another batch, also when a run goes on there.
    const alone = new PhotoLoader(train, { ...options, batchSize: 1 })
    const batches = digestsOf(await batchesOf(alone, 0))
    t.equal(batches.length, 8)
    t.equal(new Set(batches.map(({ indices }) => indices.join())).size, 7)
    for (const from of [3, 7]) t.same(digestsOf(await batchesOf(alone, 0, from)), batches.slice(from))
    for (const epoch of range(1, 9)) t.equal((await batchesOf(alone, epoch)).length, 8, `epoch ${epoch}`)
    alone.dispose()
  }
})

t.test('a training run from a compressed archive and from a command', { skip }, async (t) => {
  const config = (shards, name, data = {}) => ({
    ...{ seed: 3, device: 'cpu', threads: 1, epochs: 1, ema: false, maxSteps: 3 },
    model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 16 },
    data: { dataset: 'shards', shards, batchSize: 6, loaderThreads: 0, ...data },
    optimizer: { name: 'adamw', lr: 0.01 },
    run: { dir: place('runs'), name, curves: false },
  })
  const train = (...given) => mb.train(config(...given), { worker: false }).result
  fs.rmSync(place('photos-0.tgz.index.json'))
  const files = [0, 1].map((k) => place(`photos-${k}.tgz`))
  const { steps } = await train({ train: files, split: 0.3 }, 'files')
  t.ok(steps > 0)
  t.ok(fs.existsSync(place('photos-0.tgz.index.json')), 'the index is written when it is missing')
  // A run that stops in the midst of an epoch goes on with the same images.
  const weights = (name, step) => {
    const { path: folder } = listCheckpoints(path.join(place('runs'), name)).find((each) => each.step === step)
    return sha256(fs.readFileSync(path.join(folder, 'model.safetensors')))
  }
  const long = { augment: { flip: true }, batchSize: 3 }
  const every = (name, maxSteps) => ({
    ...config({ train: files, split: 0.3, buffer: 4 }, name, long),
    ...{ maxSteps, epochs: 2, checkpoint: { everySteps: 1, keep: 9 } },
  })
  await mb.train(every('straight', 4), { worker: false }).result
  await mb.train(every('stopped', 2), { worker: false }).result
  await mb.train(every('stopped', 4), { worker: false, resume: path.join(place('runs'), 'stopped') }).result
  t.equal(weights('stopped', 4), weights('straight', 4))
  t.not(weights('straight', 3), weights('straight', 4))

  const commands = { train: files.map((file) => `pipe:gunzip -c ${file}`), allowPipes: true, samples: 20 }
  const shards = { ...commands, classes: place('classes.txt'), test: place('held.tar') }
  const refused = (given, data, message) => t.rejects(train(given, 'none', data), { code: 'ERR_CONFIG', message })
  await refused(shards, {}, /data\.mean: .* is a stream, whose pixels are not known/)
  const given = { mean: 0.5, std: 0.25 }
  const labelless = config(shards, 'commands', given)
  const warnings = []
  const run = mb.train(labelless, { worker: false })
  for await (const event of run) if (event.type === 'warning') warnings.push(event.message)
  t.equal((await run.result).steps, 3)
  t.same(
    warnings.filter((message) => message.includes('no training image')),
    [],
    'labels that are not known yet',
  )
  for (const weights of [{ classWeights: 'auto' }, { loss: 'bce', posWeight: 'auto' }])
    await t.rejects(mb.train({ ...labelless, ...weights }, { worker: false }).result, {
      code: 'ERR_CONFIG',
      message: /^(classWeights|posWeight): .* is a stream, whose labels are not known before they come/,
    })
  // A stop is heeded while a command writes nothing.
  const stalled = { ...shards, train: `pipe:cat ${files[0]}; touch ${place('stalled')}; sleep 1000`, buffer: 1 }
  const controller = new AbortController()
  const waiting = config(stalled, 'stalled', { ...given, batchSize: 5 })
  const stopped = mb.train(waiting, { worker: false, signal: controller.signal })
  for (let i = 0; i < 500 && !fs.existsSync(place('stalled')); i++) await setTimeout(10)
  controller.abort('SIGINT')
  const { interrupted, steps: done } = await stopped.result
  t.equal(interrupted, 'SIGINT')
  t.ok(done <= 1)
  t.ok(listCheckpoints(path.join(place('runs'), 'stalled')).length > 0)
  await refused(shards, { ...given, sampler: 'balanced' }, /data\.sampler: .* is a stream/)
  await refused(shards, { ...given, repeats: 2 }, /data\.repeats: .* is a stream/)
  await refused({ ...shards, allowPipes: false }, given, /train: is a command, which would run in a shell/)
  await refused({ ...shards, samples: null }, given, /samples: is required/)
  await refused({ ...shards, classes: null }, given, /classes: is required/)
  await refused({ ...shards, test: null }, given, /test: is required/)
  await refused({ ...shards, split: 0.2 }, given, /split: has no effect/)
  await refused({ ...shards, test: commands.train[0] }, given, /test: cannot be a command/)
  await refused({ ...shards, train: [...shards.train, files[0]] }, given, /mixes commands and files/)
  await refused({ train: files, samples: 5 }, {}, /samples: has no effect/)
  await refused({ train: place('held.tar'), buffer: 5 }, {}, /buffer: has no effect/)
  const fewer = { ...shards, samples: 200 }
  await t.rejects(train(fewer, 'fewer', { ...given, batchSize: 64 }), { code: 'ERR_DATA', message: /has 20 images/ })
})

t.test('archives that are damaged, bombs, and mixed lists', async (t) => {
  const tar = tarOf(entriesOf(range(0, 3), text))
  const refused = async (name, bytes, message) => {
    await t.rejects(writeStreamIndex(put(name, bytes)), { code: 'ERR_DATA', message })
    t.notOk(fs.existsSync(place(`${name}.index.json`)))
  }
  const packed = gzipSync(tar)
  await refused('cut.tar.gz', packed.subarray(0, packed.length - 20), /cut\.tar\.gz: ends early/)
  const wrong = Buffer.from(packed)
  wrong.fill(0x55, 30, 60)
  await refused('wrong.tar.gz', wrong, /wrong\.tar\.gz: is damaged: gzip cannot unpack it/)
  await refused('none.tar.gz', gzipSync('not an archive'.repeat(99)), /none\.tar\.gz: /)
  await refused('half.tar.gz', gzipSync(tar.subarray(0, 1200)), /ends early/)
  await refused('zeros.tar.gz', gzipSync(Buffer.alloc(2 ** 22)), /has more than 1048576 bytes of zeros/)
  await refused('huge.tar.gz', gzipSync(tarOf([['0.jpg', '']], { size: 2 ** 37, base256: true })), /too many/)
  await refused('link.tar.gz', gzipSync(tarOf([['0.jpg', '']], { type: '2' })), /is a symbolic link/)
  await t.rejects(writeStreamIndex(root), { code: 'ERR_DATA', message: /is no regular file/ })
  execFileSync('mkfifo', [place('fifo.tar.gz')])
  await t.rejects(writeStreamIndex(place('fifo.tar.gz')), { code: 'ERR_DATA', message: /is no regular file/ })
  t.throws(() => open([place('part-0.tar'), place('part-1.tar.gz')]), {
    code: 'ERR_DATA',
    message: /is compressed, unlike/,
  })
  // An index that does not fit is not used, and written again.
  const file = put('later.tar.gz', packed)
  await writeStreamIndex(file)
  t.equal(whole(file).train.length, 3)
  fs.writeFileSync(file, gzipSync(tarOf(entriesOf(range(0, 5), text))))
  t.throws(() => whole(file), { code: 'ERR_DATA', message: /has no index yet/ })
  await datasetKind('shards').prepare({ shards: { train: file } })
  const { train } = whole(file)
  t.equal(train.length, 5)
  fs.writeFileSync(file, gzipSync(tarOf(entriesOf(range(1, 6), text))))
  await t.rejects(collected(train.stream.open(0)), { code: 'ERR_DATA', message: /is not as its index says/ })
  const label = [
    ['0.jpg', 'x'],
    ['0.txt', 'y'.repeat(20_000)],
  ]
  const long = put('long.tar.gz', gzipSync(tarOf(label)))
  await writeStreamIndex(long)
  t.throws(() => whole(long), { code: 'ERR_DATA', message: /too long for an index/ })
})

t.test('commands: what they write, their failures, and their end', async (t) => {
  const output = async (command) => Buffer.concat(await collected(outputOf(command))).toString()
  t.equal(await output('printf abc; printf d'), 'abcd')
  await t.rejects(output('echo no such host >&2; exit 6'), { code: 'ERR_DATA', message: /status 6: no such host$/ })
  await t.rejects(output('printf x; kill -9 $$'), { code: 'ERR_DATA', message: /ended with SIGKILL/ })
  // A caller that stops ends the whole pipeline.
  const endless = `echo $$ > ${place('pid')}; yes | cat`
  for await (const _ of outputOf(endless)) break
  const pid = Number(fs.readFileSync(place('pid'), 'utf8'))
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  const silent = outputOf('sleep 1000', AbortSignal.timeout(50))
  await t.rejects(silent.next(), { code: 'ERR_DATA', message: /ended with SIGTERM/ })
  // What a command leaves behind holds stderr open; what is wrong is said all the same.
  t.equal(await output('sleep 1000 >/dev/null & printf abc'), 'abc')
  await t.rejects(output('sleep 1000 >/dev/null & echo bad >&2; exit 4'), { message: /ended with status 4: bad$/ })
  // A command that ignores SIGTERM is killed.
  for await (const _ of outputOf("trap '' TERM; printf x; sleep 1000; sleep 1000")) break
  // Unpacking reads ahead, and waits for a command that writes nothing more.
  const packed = put('sent.gz', gzipSync(Buffer.alloc(100_000)))
  const waiting = bytesAt(`pipe:cat ${packed}; sleep 1000`)
  t.ok((await waiting.next()).value.length > 0)
  await waiting.return()
  const damaged = put('damaged.gz', Buffer.concat([gzipSync('abc').subarray(0, 10), Buffer.alloc(99, 0xff)]))
  const refused = { code: 'ERR_DATA', message: /is damaged: gzip cannot unpack it/ }
  await t.rejects(collected(bytesAt(`pipe:cat ${damaged}; sleep 1000`)), refused)
})

t.test('a command ends with the process, and with the thread that reads it', async (t) => {
  const command = `echo $$ > ${place('group')}; printf x; sleep 1000; sleep 1000`
  const module = JSON.stringify(internalPath('commandOutput'))
  const reading = `(async () => { for await (const _ of require(${module}).outputOf(${JSON.stringify(command)})) END })()`
  const isGone = async (pid) => {
    for (const until = Date.now() + 20_000; Date.now() < until; await setTimeout(20)) {
      // One that nobody waits for is listed still, as a zombie.
      const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
      if (/^(Z|$)/.test(stdout.trim())) return true
    }
    return false
  }
  const inThread = `const { Worker } = require('node:worker_threads')
    new Worker(${JSON.stringify(reading.replace('END', "require('node:worker_threads').parentPort.postMessage(0)"))},
      { eval: true }).on('message', () => process.exit(0))`
  for (const script of [reading.replace('END', 'process.exit(0)'), inThread]) {
    execFileSync(process.execPath, ['-e', script])
    t.ok(await isGone(Number(fs.readFileSync(place('group'), 'utf8'))))
  }
})
