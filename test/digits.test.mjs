import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { datasetOf } = internal('datasetKinds')
const { statistics } = internal('dataStatistics')
const { loadDigits } = internal('digits')
const { encodeIdx } = internal('idx')

const golden = JSON.parse(readFileSync(new URL('golden/digits.json', import.meta.url), 'utf8'))
const digits = loadDigits()

t.test('shape and classes', async (t) => {
  for (const [part, length] of [
    ['train', 1437],
    ['test', 360],
  ]) {
    const { images, labels, ...rest } = digits[part]
    const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']
    t.strictSame(rest, { name: `digits/${part}`, classes, shape: [1, 8, 8], length })
    t.equal(images.length, length * 64)
    t.equal(labels.length, length)
  }
  t.same(datasetOf({ dataset: 'digits' }), digits)
})

t.test('the files are those the script made', async (t) => {
  for (const part of ['train', 'test']) {
    const { length, images, labels } = digits[part]
    const sha256 = (shape, data) =>
      createHash('sha256')
        .update(encodeIdx({ dtype: 'uint8', shape, data }))
        .digest('hex')
    t.equal(sha256([length, 8, 8], images), golden.sha256[`${part}-images`])
    t.equal(sha256([length], labels), golden.sha256[`${part}-labels`])
  }
})

t.test('each digit is split in proportion', async (t) => {
  const count = ({ labels }) =>
    labels.reduce((counts, label) => counts.with(label, counts[label] + 1), Array(10).fill(0))
  const [train, test] = [count(digits.train), count(digits.test)]
  t.strictSame({ train, test }, golden.counts)
  for (let digit = 0; digit < 10; digit++) {
    const share = ((train[digit] + test[digit]) * 360) / 1797
    t.ok(Math.abs(test[digit] - share) < 1, `${digit}: ${test[digit]} of ${share}`)
  }
})

t.test("pixels and labels equal scikit-learn's", async (t) => {
  t.equal(golden.images.length, 10)
  for (const { split, row, label, values } of golden.images) {
    const pixels = digits[split].images.subarray(row * 64, row * 64 + 64)
    t.strictSame(
      [...pixels],
      values.map((v) => Math.floor((v * 255 + 8) / 16)),
    )
    t.equal(digits[split].labels[row], label)
  }
})

t.test('no image is in both parts', async (t) => {
  const keys = ({ images, length }) => Array.from({ length }, (_, i) => images.subarray(i * 64, i * 64 + 64).join())
  const train = new Set(keys(digits.train))
  t.equal(keys(digits.test).filter((key) => train.has(key)).length, 0)
})

t.test('statistics of the training images', async (t) => {
  const { mean, std } = statistics(digits.train)
  // The 0 … 16 values of the whole set have mean 4.884 and deviation 6.017; the part differs a little.
  t.ok(Math.abs(mean[0] - 4.884 / 16) < 0.005, `mean ${mean}`)
  t.ok(Math.abs(std[0] - 6.017 / 16) < 0.005, `std ${std}`)
})
