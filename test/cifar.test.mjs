/* CIFAR-10 and CIFAR-100 in their binary form, and made-up images. */
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { datasetKind } = internal('datasetKinds')
const { datasetOf, statistics } = mb.data
const root = fs.realpathSync(t.testdir())

/** Records: their label bytes, and pixels that count up from a number of their own. */
const records = (labels) =>
  Buffer.concat(
    labels.map((label, i) =>
      Buffer.from([...[label].flat(), ...Array.from({ length: 3072 }, (_, p) => (7 * i + p) % 256)]),
    ),
  )
function folderOf(name, files) {
  const folder = path.join(root, name)
  fs.mkdirSync(folder, { recursive: true })
  for (const [file, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, file), content)
  return folder
}
const batches = (change = {}) => ({
  ...Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, records([n, 9])])),
  'test_batch.bin': records([0, 3, 5]),
  ...change,
})
const open10 = (folder) => datasetOf({ dataset: 'cifar10', cifar10: { path: folder } })
const open100 = (folder, labels) =>
  datasetOf({ dataset: 'cifar100', cifar100: { path: folder, ...(labels && { labels }) } })

t.test('CIFAR-10', async (t) => {
  const folder = folderOf('ten/cifar-10-batches-bin', batches())
  const { train, test } = open10(folder)
  t.same(open10(path.join(root, 'ten')), { train, test }, 'found in the folder above')
  t.same([train.length, test.length, train.shape], [10, 3, [3, 32, 32]])
  t.same([...train.labels], [1, 9, 2, 9, 3, 9, 4, 9, 5, 9])
  t.same(train.classes, ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'])
  for (const i of [0, 3, 9])
    t.same(
      [...train.read(i)].slice(0, 300),
      Array.from({ length: 300 }, (_, p) => (7 * (i % 2) + p) % 256),
    )
  t.equal(train.read(9).length, 3072)
  const { mean } = statistics(train)
  const pixels = Array.from({ length: 10 }, (_, i) => [...train.read(i)].slice(1024, 2048)).flat()
  t.ok(Math.abs(mean[1] - pixels.reduce((a, b) => a + b) / pixels.length / 255) < 1e-12)
})

t.test('CIFAR-100: fine and coarse classes', async (t) => {
  const folder = folderOf('hundred/cifar-100-binary', {
    'train.bin': records([
      [4, 0],
      [1, 1],
      [14, 99],
    ]),
    'test.bin': records([[19, 81]]),
  })
  const fine = open100(folder)
  t.same(
    [...fine.train.labels].map((label) => fine.train.classes[label]),
    ['apple', 'aquarium_fish', 'worm'],
  )
  t.equal(fine.test.classes[fine.test.labels[0]], 'streetcar')
  t.equal(new Set(fine.train.classes).size, 100)
  t.same([...fine.train.classes].sort(), fine.train.classes, 'in the order of the alphabet, as published')
  const coarse = open100(path.dirname(folder), 'coarse')
  t.same(
    [...coarse.train.labels].map((label) => coarse.train.classes[label]),
    ['fruit_and_vegetables', 'fish', 'people'],
  )
  t.equal(new Set(coarse.train.classes).size, 20)
  t.same(coarse.train.read(2), fine.train.read(2))
})

t.test('files that cannot be right', async (t) => {
  let made = 0
  const refused = (change, message, hint = /\w/) => {
    const folder = folderOf(`wrong-${made++}`, batches(change))
    t.throws(() => open10(folder), { code: 'ERR_DATA', message, hint }, String(message))
  }
  refused(
    { 'data_batch_3.bin': records([1]).subarray(0, 3000) },
    /data_batch_3\.bin: has 3000 bytes, which is no whole number of records of 3073/,
  )
  refused({ 'data_batch_3.bin': '' }, /data_batch_3\.bin: has 0 bytes/)
  refused(
    { 'test_batch.bin': records([0, 10]) },
    /test_batch\.bin: the label of image 1 is 10, but the classes are 0 to 9/,
  )
  const missing = folderOf('missing', batches())
  fs.unlinkSync(path.join(missing, 'data_batch_4.bin'))
  t.throws(() => open10(missing), { code: 'ERR_DATA', message: /data_batch_4\.bin: no such file/ })
  const archive = path.join(root, 'cifar-10-binary.tar.gz')
  fs.writeFileSync(archive, gzipSync('x'))
  t.throws(() => open10(archive), {
    code: 'ERR_DATA',
    message: /is not a folder/,
    hint: /tar -xzf cifar-10-binary\.tar\.gz/,
  })
  t.throws(() => open10(path.join(root, 'none')), { code: 'ERR_DATA', message: /no such folder/ })
  const python = folderOf('py/cifar-10-batches-py', { data_batch_1: 'x' })
  for (const folder of [python, path.dirname(python)])
    t.throws(() => open10(folder), { code: 'ERR_DATA', hint: /the binary form is in cifar-10-binary/ })
  t.throws(() => open100(root, 'middle'), { code: 'ERR_CONFIG', message: /^data\.cifar100\.labels: / })
})

t.test('made-up images: a million open at once, and are the same every time', async (t) => {
  const fake = { classes: 21_843, size: 24, train: 1_000_000, test: 500, seed: 3 }
  const before = process.memoryUsage().rss
  const { train, test } = datasetOf({ dataset: 'fake', fake })
  t.equal(train.labels.length, 1_000_000)
  t.ok(process.memoryUsage().rss - before < 200e6, 'memory')
  t.same([train.labels[21_842], train.labels[21_843]], [21_842, 0])
  t.same([train.classes.length, train.shape], [21_843, [3, 24, 24]])
  const again = datasetOf({ dataset: 'fake', fake: { ...fake, train: 2 ** 31 } }).train
  t.equal(again.length, 2 ** 31)
  t.same(again.read(999_999), train.read(999_999), 'whatever the number of images')
  t.notSame(train.read(0), test.read(0))
  t.notSame(train.read(0), train.read(21_843), 'each image of a class is another')
  t.notSame(datasetOf({ dataset: 'fake', fake: { ...fake, seed: 4 } }).train.read(0), train.read(0))
  t.throws(() => train.read(1_000_000), { code: 'ERR_INDEX' })
  t.same(datasetOf({ dataset: 'fake', fake: { channels: 1, test: 1 } }, 17).test.shape, [1, 17, 17])
  for (const wrong of [{ classes: 0 }, { train: 2 ** 31 + 1 }, { size: 0 }, { channels: 2 }, { sede: 1 }])
    t.throws(() => datasetOf({ dataset: 'fake', fake: wrong }), { code: 'ERR_CONFIG', message: /^data\.fake/ })
})

t.test('made-up images in a configuration', async (t) => {
  const parse = (data) => mb.parseConfig({ model: { name: 'efficientnet_b0' }, data, epochs: 1 }).data
  t.equal(parse({ dataset: 'fake' }).fake, undefined)
  t.match(parse({ dataset: 'fake', fake: { classes: 7 } }).fake, { classes: 7, train: 10_000 })
  t.throws(() => parse({ fake: { classes: 7 } }), {
    code: 'ERR_CONFIG',
    message: /^data\.fake: has no effect with dataset: digits/,
  })
  const { announced, checkMemory, reseeded, shortened } = datasetKind('fake')
  t.same(announced({ fake: { classes: 7 } }), { classes: 7, channels: 3, train: 10_000, test: 1000 })
  t.equal(checkMemory({ fake: { train: 2 ** 20 } }), undefined)
  t.same(reseeded({ fake: { seed: 3 } }, 4), { fake: { seed: 7 } })
  t.same(shortened({ fake: { classes: 7 } }, { train: 5, test: 6 }), { fake: { classes: 7, train: 5, test: 6 } })
})

t.test('made-up images can be learned: the nearest mean of training images is that of the class', async (t) => {
  const { train, test } = datasetOf({ dataset: 'fake', fake: { classes: 5, size: 16, train: 100, test: 50 } })
  const colour = (image) =>
    [0, 1, 2].map((c) => image.subarray(256 * c, 256 * c + 256).reduce((sum, value) => sum + value) / 256)
  const means = Array.from({ length: 5 }, () => [0, 0, 0])
  for (let i = 0; i < 100; i++)
    colour(train.read(i)).forEach((value, c) => {
      means[train.labels[i]][c] += value / 20
    })
  const distance = (a, b) => Math.hypot(...a.map((value, c) => value - b[c]))
  let right = 0
  for (let i = 0; i < 50; i++) {
    const own = colour(test.read(i))
    const distances = means.map((mean) => distance(mean, own))
    if (distances.indexOf(Math.min(...distances)) === test.labels[i]) right++
  }
  t.ok(right >= 48, `${right} of 50`)
})
