// Data files of every format that a data set can be read from: a right one of each, what reads it, and changes to make to it.
// Used by test/hostile-data.test.mjs and scripts/fuzz-photographs.mjs.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import * as mb from 'mbconv'
import { tarOf } from '../../test/helpers/tar.mjs'

const require = createRequire(import.meta.url)
const { readManifest } = require('../../dist/data/listing/manifest.js')
const { datasetOf, writeIdx } = mb.data

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

/**
 * Up to four changes: a bit, a byte, a cut, a piece put in, a part repeated.
 * @param {Buffer} source
 * @param {(n: number) => number} below draws a whole number from 0 to below n
 */
export function mutated(source, below) {
  let bytes = Buffer.from(source)
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(bytes.length + 1)
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
    const kind = below(6)
    if (kind === 0 && at < bytes.length) bytes[at] ^= 1 << below(8)
    else if (kind === 1 && at < bytes.length) bytes[at] = below(256)
    else if (kind === 2) bytes = Buffer.from(before)
    else if (kind === 3) bytes = Buffer.concat([before, INSERTED[below(INSERTED.length)], after])
    else if (kind === 4) bytes = Buffer.concat([bytes, after])
    else bytes = Buffer.concat([before, after.subarray(below(40))])
  }
  return bytes
}

const pixels = (n, length) => Buffer.from(Array.from({ length }, (_, i) => (n + i) % 256))
const record = (n) => Buffer.concat([Buffer.from([n]), pixels(n, 3072)])
const row = (name) => JSON.stringify({ path: name, bytes: 5, sha256: '0123456789abcdef'.repeat(4), class: 'x' })

/**
 * @param {string} root an empty folder, for the files
 * @returns {Record<string, {source: Buffer, read(bytes: Buffer): unknown}>} by format. `read` throws what reading does,
 *   and other errors if what was read cannot be right
 */
export function dataFormats(root) {
  const put = (name, bytes) => {
    const file = path.join(root, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    // A new file: some file systems force one that is written again to the disk, which takes milliseconds.
    fs.rmSync(file, { force: true })
    fs.writeFileSync(file, bytes)
    return file
  }
  for (const name of ['a.jpg', 'b.jpg']) put(name, name)
  const idx = path.join(root, 'images.idx')
  writeIdx(idx, { dtype: 'uint8', shape: [2, 4, 4], data: Uint8Array.from(pixels(0, 32)) })
  const labels = put('labels.idx', Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]))
  for (let n = 1; n <= 5; n++) put(`cifar10/data_batch_${n}.bin`, record(n))
  const coarse = Buffer.concat([Buffer.from([3]), record(7)])
  put('cifar100/train.bin', coarse)

  const readTar = (bytes) => {
    const train = put('fuzz.tar', bytes)
    const { train: part } = datasetOf({ dataset: 'shards', shards: { train, validation: train } })
    for (let i = 0; i < part.length; i++) {
      const { file, part: place } = part.read(i)
      if (file !== train) throw new Error(`image ${i} is in ${file}`)
      if (place.offset + place.length > bytes.length) throw new Error(`image ${i} lies beyond the end`)
    }
  }
  const readIdx = (bytes) => {
    const images = put('fuzz.idx', bytes)
    datasetOf({ dataset: 'idx', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels })
  }
  return {
    tar: {
      source: tarOf([
        ['0.jpg', 'image'],
        ['0.cls', '1'],
        [`${'deep/'.repeat(10)}1.png`, 'x'.repeat(700)],
        [`${'deep/'.repeat(10)}1.json`, '{"label":"dog"}'],
      ]),
      read: readTar,
    },
    pax: {
      source: Buffer.concat([
        tarOf([['x', '14 path=0.jpg\n12 size=123\n22 mtime=1700000000.5\n']], { type: 'x', end: 0 }),
        tarOf([
          ['y', 'i'.repeat(123)],
          ['0.cls', '1'],
        ]),
      ]),
      read: readTar,
    },
    CSV: {
      source: Buffer.from('path,label,group\n"a.jpg",cat,1\r\nb.jpg,"dog|cat",2\n'),
      read(bytes) {
        const train = put('fuzz.csv', bytes)
        datasetOf({ dataset: 'list', list: { train, validation: train } })
      },
    },
    JSONL: {
      source: Buffer.from(
        '{"path":"a.jpg","label":["cat","dog"],"split":"train"}\n{"path":"b.jpg","label":["cat","dog"],"split":"test"}\n',
      ),
      read(bytes) {
        datasetOf({ dataset: 'list', list: { train: put('fuzz.jsonl', bytes), multiLabel: true } })
      },
    },
    'CIFAR-10': {
      source: Buffer.concat([record(3), record(7)]),
      read(bytes) {
        put('cifar10/test_batch.bin', bytes)
        datasetOf({ dataset: 'cifar10', cifar10: { path: path.join(root, 'cifar10') } })
      },
    },
    'CIFAR-100': {
      source: Buffer.concat([coarse, coarse]),
      read(bytes) {
        put('cifar100/test.bin', bytes)
        datasetOf({ dataset: 'cifar100', cifar100: { path: path.join(root, 'cifar100') } })
      },
    },
    IDX: { source: fs.readFileSync(idx), read: readIdx },
    'IDX in gzip': { source: gzipSync(fs.readFileSync(idx)), read: readIdx },
    manifest: {
      source: Buffer.from(`${row('a/1.jpg')}\n${row('b/2.jpg')}\n`),
      read(bytes) {
        put('manifest.jsonl', bytes)
        return [...readManifest(root)]
      },
    },
  }
}
