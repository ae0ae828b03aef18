/* Data files with bytes changed, cut or put in: each is read or refused with a code, in little memory and time. */
import fs from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tarOf } from './helpers/tar.mjs'

const { KeyedRandom } = internal('philox')
const { readManifest } = internal('manifest')
const { datasetOf, writeIdx } = mb.data

const root = fs.realpathSync(t.testdir())
const put = (name, bytes) => {
  const file = path.join(root, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  // A new file: some file systems force one that is written again to the disk, which takes milliseconds.
  fs.rmSync(file, { force: true })
  fs.writeFileSync(file, bytes)
  return file
}
for (const name of ['a.jpg', 'b.jpg']) put(name, name)

const random = new KeyedRandom(20261129, 1001)
/** Pieces that parsers care about. */
const PIECES = [
  '\0',
  '\xff\xff\xff\xff',
  '"',
  ',',
  '\n',
  '\r\n',
  '{',
  '}',
  '[',
  '\\u0000',
  '../',
  '-1',
  '1e999',
  '9'.repeat(20),
]
const INSERTED = [...PIECES, '__proto__', 'a'.repeat(600), 'ustar\0', '\x80', '\xef\xbb\xbf', '\xff\xfe'].map((text) =>
  Buffer.from(text, 'latin1'),
)

/** Up to four changes: a bit, a byte, a cut, a piece put in, a part repeated. */
function mutated(source) {
  let bytes = Buffer.from(source)
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(bytes.length + 1)
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
    const kind = random.below(6)
    if (kind === 0 && at < bytes.length) bytes[at] ^= 1 << random.below(8)
    else if (kind === 1 && at < bytes.length) bytes[at] = random.below(256)
    else if (kind === 2) bytes = Buffer.from(before)
    else if (kind === 3) bytes = Buffer.concat([before, INSERTED[random.below(INSERTED.length)], after])
    else if (kind === 4) bytes = Buffer.concat([bytes, after])
    else bytes = Buffer.concat([before, after.subarray(random.below(40))])
  }
  return bytes
}

const pixels = (n, length) => Buffer.from(Array.from({ length }, (_, i) => (n + i) % 256))
const record = (n) => Buffer.concat([Buffer.from([n]), pixels(n, 3072)])
const row = (name) => JSON.stringify({ path: name, bytes: 5, sha256: '0123456789abcdef'.repeat(4), class: 'x' })
writeIdx(path.join(root, 'images.idx'), { dtype: 'uint8', shape: [2, 4, 4], data: new Uint8Array(32) })
const labels = put('labels.idx', Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]))
for (let n = 1; n <= 5; n++) put(`cifar/data_batch_${n}.bin`, record(n))

/** Inputs that are right, and what reads them. */
const FORMATS = {
  tar: {
    source: tarOf([
      ['0.jpg', 'image'],
      ['0.cls', '1'],
      [`${'deep/'.repeat(10)}1.png`, 'x'.repeat(700)],
      [`${'deep/'.repeat(10)}1.json`, '{"label":"dog"}'],
    ]),
    runs: 400,
    read(bytes) {
      const train = put('fuzz.tar', bytes)
      const { train: part } = datasetOf({ dataset: 'shards', shards: { train, validation: train } })
      for (let i = 0; i < part.length; i++) {
        const { offset, length } = part.read(i).part
        if (offset + length > bytes.length) throw new Error(`image ${i} lies beyond the end`)
      }
    },
  },
  pax: {
    source: Buffer.concat([
      tarOf([['x', '14 path=0.jpg\n12 size=123\n22 mtime=1700000000.5\n']], { type: 'x', end: 0 }),
      tarOf([
        ['y', 'i'.repeat(123)],
        ['0.cls', '1'],
      ]),
    ]),
    runs: 200,
    read: (bytes) => FORMATS.tar.read(bytes),
  },
  CSV: {
    source: Buffer.from('path,label,group\n"a.jpg",cat,1\r\nb.jpg,"dog|cat",2\n'),
    runs: 300,
    read(bytes) {
      const train = put('fuzz.csv', bytes)
      datasetOf({ dataset: 'list', list: { train, validation: train } })
    },
  },
  JSONL: {
    source: Buffer.from(
      '{"path":"a.jpg","label":["cat","dog"],"split":"train"}\n{"path":"b.jpg","label":["cat","dog"],"split":"test"}\n',
    ),
    runs: 300,
    read(bytes) {
      datasetOf({ dataset: 'list', list: { train: put('fuzz.jsonl', bytes), multiLabel: true } })
    },
  },
  CIFAR: {
    source: Buffer.concat([record(3), record(7)]),
    runs: 100,
    read(bytes) {
      put('cifar/test_batch.bin', bytes)
      datasetOf({ dataset: 'cifar10', cifar10: { path: path.join(root, 'cifar') } })
    },
  },
  IDX: {
    source: fs.readFileSync(path.join(root, 'images.idx')),
    runs: 200,
    read(bytes) {
      const images = put('fuzz.idx', bytes)
      datasetOf({ dataset: 'idx', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels })
    },
  },
  manifest: {
    source: Buffer.from(`${row('a/1.jpg')}\n${row('b/2.jpg')}\n`),
    runs: 200,
    read(bytes) {
      put('manifest.jsonl', bytes)
      return [...readManifest(root)]
    },
  },
}

for (const [name, { source, runs, read }] of Object.entries(FORMATS))
  t.test(`${name}: ${runs} changed inputs`, async (t) => {
    read(source)
    let refused = 0
    const before = process.memoryUsage().rss
    for (let i = 0; i < runs; i++) {
      const bytes = mutated(source)
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
    t.ok(process.memoryUsage().rss - before < 300e6, 'memory')
  })
