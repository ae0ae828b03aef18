/** Sets of image files for tests of their loader. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scope } from 'mbconv'
import { internal } from './internals.mjs'

export const bytesOf = ({ file }) => Buffer.from(file, 'base64')

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** A data set of these images: `{ name, file, part }` each. The label of each is its position. */
export function datasetOf(images) {
  return {
    name: 'photos',
    classes: images.map((_, i) => `class ${i}`),
    length: images.length,
    labels: Int32Array.from(images, (_, i) => i),
    shape: null,
    read: (index) => images[index],
    fingerprint: () => '',
  }
}

/** Writes each file into the folder. */
export const filesIn = (folder, files) =>
  files.map((bytes, i) => {
    const file = join(folder, `${i}`)
    writeFileSync(file, bytes)
    return { name: file, file }
  })

/** Writes all files into one, as an archive does, with bytes between them. */
export function partsOf(path, files) {
  const gap = Buffer.from([0xff, 0xd8, 0xff, 0xd9, 0])
  const images = []
  const pieces = []
  let offset = 0
  for (const [i, bytes] of files.entries()) {
    pieces.push(gap, bytes)
    images.push({ name: `${path}:${i}`, file: path, part: { offset: offset + gap.length, length: bytes.length } })
    offset += gap.length + bytes.length
  }
  writeFileSync(path, Buffer.concat([...pieces, gap]))
  return images
}

/** A list of the images that could not be read: `{ unreadable, warnings }`. */
export function listUnreadable(most = Number.POSITIVE_INFINITY) {
  const { UnreadableImages } = internal('unreadableImages')
  const warnings = []
  return {
    warnings,
    unreadable: new UnreadableImages({ name: 'photos', length: 0 }, most, (message) => warnings.push(message)),
  }
}

/** All batches of an epoch: the bytes, [N, size, size, 3], the labels and the indices of each. */
export async function batchesOf(loader, epoch, from = 0) {
  const batches = []
  for await (const { images, labels, indices } of loader.epoch(epoch, from)) {
    const bytes = scope(() => images.permute([0, 2, 3, 1]).contiguous().toTypedArray())
    batches.push({ bytes, labels: [...labels].map(Number), indices: [...indices] })
  }
  return batches
}

/** The batches with digests in place of bytes: a comparison of long arrays takes minutes. */
export const digestsOf = (batches) => batches.map(({ bytes, ...facts }) => ({ ...facts, bytes: sha256(bytes) }))

/** The images of all batches one after the other. */
export const imagesOf = (batches, size) =>
  batches.flatMap(({ bytes }) =>
    Array.from({ length: bytes.length / (size * size * 3) }, (_, i) =>
      bytes.subarray(i * size * size * 3, (i + 1) * size * size * 3),
    ),
  )
