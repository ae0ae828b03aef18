/*
 * Data files with bytes changed, cut or put in; image files whose headers claim 60,000 x 60,000 pixels; and pipes, devices and
 * links in place of any of them: each is read or refused with a code and a hint, in little memory.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import * as mb from 'mbconv'
import t from 'tap'
import { dataFormats, mutated } from '../scripts/fuzz/data-files.mjs'
import { enlarged, jpegFiles, otherFiles } from '../scripts/fuzz/image-files.mjs'
import { internal } from './helpers/internals.mjs'
import { tarOf } from './helpers/tar.mjs'

const { KeyedRandom } = internal('philox')
const { PhotoLoader } = internal('photoLoader')
const { UnreadableImages } = internal('unreadableImages')
const { datasetOf } = mb.data

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

/** Bytes that a process may grow by. */
const MOST_MEMORY = 300e6
const root = fs.realpathSync(t.testdir())
const formats = dataFormats(root)
const random = new KeyedRandom(20261129, 1001)

/** How many changed inputs there are of each format. */
const RUNS = { tar: 400, pax: 200, CSV: 300, JSONL: 300, 'CIFAR-10': 60, 'CIFAR-100': 60, 'IDX in gzip': 300 }

for (const [name, { source, read }] of Object.entries(formats)) {
  const runs = RUNS[name] ?? 200
  t.test(`${name}: ${runs} changed inputs`, async (t) => {
    read(source)
    let refused = 0
    const before = process.memoryUsage().rss
    for (let i = 0; i < runs; i++) {
      const bytes = mutated(source, (n) => random.below(n))
      try {
        read(bytes)
      } catch (error) {
        if (!(error instanceof mb.MbconvError) || error.code !== 'ERR_DATA' || !error.hint) {
          t.fail(`${error.stack}\nof ${bytes.toString('base64')}`)
          break
        }
        refused++
      }
    }
    t.ok(refused > runs / 5, `${refused} of ${runs} are refused`)
    t.ok(process.memoryUsage().rss - before < MOST_MEMORY, 'memory')
  })
}

t.test('small files that claim to be huge', async (t) => {
  const size = (number, bytes) => {
    const header = Buffer.alloc(bytes)
    header.writeUIntBE(number, 0, bytes)
    return header
  }
  const idx = (images) => Buffer.concat([Buffer.from([0, 0, 8, 3]), ...[images, 60_000, 60_000].map((n) => size(n, 4))])
  const idxOf = (images, rest) => Buffer.concat([idx(images), rest])
  const cases = {
    'IDX of 60,000 x 60,000': ['IDX', idx(1)],
    'IDX with more values than a number can count': ['IDX', idx(2 ** 32 - 1)],
    'IDX in gzip of 60,000 x 60,000': ['IDX in gzip', gzipSync(idx(1))],
    'gzip that unpacks to 40 MB behind a header of 4 bytes': [
      'IDX in gzip',
      gzipSync(Buffer.concat([Buffer.from([0, 0, 8, 1, 0, 0, 0, 4]), Buffer.alloc(40e6)])),
    ],
    'gzip in gzip': ['IDX in gzip', gzipSync(gzipSync(idxOf(1, Buffer.alloc(1e6))))],
    'a member of 8 GiB': ['tar', tarOf([['0.jpg', 'x']], { size: 8 * 2 ** 30 - 1 })],
    'a member of 2^63 bytes': [
      'tar',
      tarOf([['0.jpg', 'x']], { rawSize: Buffer.from(`80${'00'.repeat(3)}7f${'ff'.repeat(7)}`, 'hex') }),
    ],
    'an extended header of 1 GiB': ['pax', tarOf([['x', 'x']], { type: 'x', size: 2 ** 30 })],
    'a name of 4 GiB': ['tar', tarOf([['x', 'x']], { type: 'L', size: 2 ** 32 })],
    'a line of a million columns': ['CSV', Buffer.from(`path,label${','.repeat(1e6)}\n`)],
    'a quoted field that does not end': ['CSV', Buffer.from(`path,label\n"${'a'.repeat(4e6)}`)],
    'a hundred thousand brackets': ['JSONL', Buffer.from(`{"path":${'['.repeat(1e5)}`)],
    'a class number of 2^31': ['CSV', Buffer.from('path,label\na.jpg,2147483648\n')],
  }
  for (const [name, [format, bytes]] of Object.entries(cases)) {
    const before = process.memoryUsage().rss
    t.throws(() => formats[format].read(bytes), { name: 'MbconvError', code: 'ERR_DATA', hint: /\w/ }, name)
    const grown = process.memoryUsage().rss - before
    t.ok(grown < MOST_MEMORY, `${name}: ${Math.round(grown / 1e6)} MB`)
  }
})

t.test('images of every kind that claim 60,000 x 60,000 pixels', { skip }, async (t) => {
  const jpeg = jpegFiles()
  const others = await otherFiles(sharp, Object.values(jpeg)[0])
  const bombs = Object.entries({ ...jpeg, ...others }).map(([name, bytes]) => [name, enlarged(name, bytes)])
  const size = { channels: 3, height: 8, width: 8 }
  await mb.data.readImageFile({ name: 'whole', bytes: Object.values(jpeg)[0] }, size)
  const before = process.memoryUsage().rss
  for (const [name, bytes] of bombs) {
    await t.rejects(mb.data.readImageFile({ name, bytes }, size), { code: 'ERR_DATA', hint: /\w/ }, name)
  }
  // And through the loader of training images, beside one that is right.
  const all = [...bombs.map(([, bytes]) => bytes), Object.values(jpeg)[0]]
  const files = all.map((bytes, i) => {
    const file = path.join(root, `bomb-${i}`)
    fs.writeFileSync(file, bytes)
    return { name: file, file }
  })
  const warnings = []
  const dataset = {
    ...{ name: 'bombs', classes: ['x'], shape: null, length: files.length, labels: new Int32Array(files.length) },
    ...{ read: (i) => files[i], fingerprint: () => '' },
  }
  const unreadable = new UnreadableImages(dataset, files.length, (warning) => warnings.push(warning))
  const loader = new PhotoLoader(dataset, { batchSize: 8, size: 8, threads: 2, unreadable })
  for await (const { indices } of loader.epoch(0)) t.ok(indices.every((index) => index === files.length - 1))
  loader.dispose()
  t.equal(warnings.length, bombs.length, 'each is named once')
  const grown = process.memoryUsage().rss - before
  t.ok(grown < MOST_MEMORY, `${Math.round(grown / 1e6)} MB`)
})

t.test('a JPEG by its bytes: what they can hold is decoded, also at an eighth', { skip }, async (t) => {
  const size = { channels: 3, height: 4, width: 4 }
  const bytes = await sharp({ create: { width: 8000, height: 6500, channels: 3, background: '#604020' } })
    .jpeg({ quality: 10 })
    .toBuffer()
  t.same(
    [...(await mb.data.readImageFile({ name: 'flat', bytes }, size))].slice(0, 3).map((v) => v >> 5),
    [3, 3, 3],
  )
  const name = 'jpeg'
  const cut = enlarged(name, bytes, 40_000)
  await t.rejects(mb.data.readImageFile({ name, bytes: cut }, size), {
    message: /has 40000 x 40000 px by its header, which [\d,]+ bytes cannot hold$/,
  })
  const padded = Buffer.concat([enlarged(name, bytes), Buffer.alloc(8e6)])
  for (const options of [{}, { maxPixels: 1000 }])
    await t.rejects(mb.data.readImageFile({ name, bytes: padded }, { ...size, ...options }), {
      message: /60000 x 60000 px, and even at an eighth of that more pixels than the 50,?000,?000 allowed$/,
    })
})

t.test('names of archive members that lead out of it are only names', async (t) => {
  const names = ['../../../etc/passwd', '/etc/passwd', 'a/../../b', './c', 'C:\\d', '~/e']
  const entries = names.flatMap((name) => [
    [`${name}.jpg`, 'image'],
    [`${name}.cls`, '0'],
  ])
  const train = path.join(root, 'traversal.tar')
  fs.writeFileSync(train, tarOf(entries))
  const { train: part } = datasetOf({ dataset: 'shards', shards: { train, validation: train } })
  t.equal(part.length, names.length)
  for (let i = 0; i < part.length; i++) t.equal(part.read(i).file, train)
})

t.test(
  'pipes, devices, sockets, folders and links in place of every file of a data set',
  { skip: process.platform !== 'linux' && 'pipes and devices are for Linux' },
  async (t) => {
    const obstacles = {
      pipe: (file) => execFileSync('mkfifo', [file]),
      'endless device': (file) => fs.symlinkSync('/dev/zero', file),
      'empty device': (file) => fs.symlinkSync('/dev/null', file),
      'file of /proc': (file) => fs.symlinkSync('/proc/self/mem', file),
      folder: (file) => fs.mkdirSync(file),
      'dangling link': (file) => fs.symlinkSync('/nowhere/at/all', file),
      'circle of links': (file) => fs.symlinkSync(path.basename(file), file),
    }
    const at = path.join(root, 'obstacle')
    const [right, tar] = [path.join(root, 'right.idx'), path.join(root, 'right.tar')]
    fs.writeFileSync(right, formats.IDX.source)
    fs.writeFileSync(tar, tarOf([['0.jpg', 'x']].concat([['0.cls', '0']])))
    const idx = { trainImages: right, trainLabels: path.join(root, 'labels.idx'), testImages: right }
    const cifar = path.join(root, 'cifar10')
    const places = {
      'a list': [at, () => datasetOf({ dataset: 'list', list: { train: at, validation: at } })],
      'an image of a list': [
        path.join(root, 'listed.jpg'),
        () => {
          const list = path.join(root, 'one.csv')
          fs.writeFileSync(list, 'path,label\nlisted.jpg,x\n')
          datasetOf({ dataset: 'list', list: { train: list, validation: list } })
        },
      ],
      'an archive': [at, () => datasetOf({ dataset: 'shards', shards: { train: at, validation: tar } })],
      'names of classes': [
        at,
        () => datasetOf({ dataset: 'shards', shards: { train: tar, validation: tar, classes: at } }),
      ],
      'an IDX file': [at, () => datasetOf({ dataset: 'idx', ...idx, testLabels: at })],
      'a CIFAR file': [
        path.join(cifar, 'test_batch.bin'),
        () => datasetOf({ dataset: 'cifar10', cifar10: { path: cifar } }),
      ],
      'a folder of images': [at, () => datasetOf({ dataset: 'folder', folder: { path: at } })],
    }
    for (const [place, [file, open]] of Object.entries(places)) {
      for (const [obstacle, lay] of Object.entries(obstacles)) {
        fs.rmSync(file, { recursive: true, force: true })
        const what = `${obstacle} in place of ${place}`
        lay(file)
        // The kernel calls it a regular file: opening the list cannot tell, reading the image does.
        if (what === 'file of /proc in place of an image of a list') continue
        t.throws(open, { name: 'MbconvError', code: /^ERR_(DATA|IO|CONFIG)$/ }, what)
      }
      fs.rmSync(file, { recursive: true, force: true })
    }
    // What lies among the images of a folder is left out, and links out of it are not followed.
    const folder = path.join(root, 'among')
    fs.mkdirSync(path.join(folder, 'a'), { recursive: true })
    for (let i = 0; i < 9; i++) fs.writeFileSync(path.join(folder, 'a', `${i}.jpg`), `${i}`)
    for (const [i, lay] of Object.values(obstacles).entries()) lay(path.join(folder, 'a', `obstacle-${i}.jpg`))
    fs.symlinkSync(root, path.join(folder, 'a', 'out'))
    fs.symlinkSync(right, path.join(folder, 'a', 'out.jpg'))
    const { train, test, notes } = datasetOf({ dataset: 'folder', folder: { path: folder } })
    t.equal(train.length + test.length, 9)
    t.ok(notes.length > 0, 'with a note')
  },
)
