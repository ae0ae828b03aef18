/**
 * Fingerprints of data sets that consist of files.
 *
 * A fingerprint is the SHA-256 of the classes and of each image's name, size and classes. Where a manifest knows the
 * checksums of the images, `:` and the SHA-256 of those follow. Of a stream, `:` and the SHA-256 of the number of images
 * in each archive come last: the order of an epoch depends on it.
 */
import { createHash } from 'node:crypto'

/** An image, as far as a fingerprint depends on it. */
export interface Printed {
  /** A byte string. */
  name: string
  bytes: number
  labels: readonly number[]
}

/** Characters that are hashed at once. */
const PIECE = 2 ** 16

/** Hashes byte strings. A call of the hash for each would take longer than the hashing. */
class Hasher {
  readonly #hash = createHash('sha256')
  #waiting = ''

  add(text: string): void {
    this.#waiting += text
    if (this.#waiting.length >= PIECE) this.#flush()
  }

  #flush(): void {
    this.#hash.update(this.#waiting, 'latin1')
    this.#waiting = ''
  }

  end(): string {
    this.#flush()
    return this.#hash.digest('hex')
  }
}

/** @param checksums the SHA-256 of each image in the same order, if a manifest has all of them */
export function fingerprintOf(
  classes: readonly string[],
  images: Iterable<Printed>,
  checksums?: Iterable<string>,
): string {
  const hash = new Hasher()
  for (const name of classes) hash.add(`${Buffer.from(name).toString('latin1')}\0`)
  hash.add('\0')
  // No name contains a zero byte, so different images never give the same text.
  for (const { name, bytes, labels } of images) hash.add(`${name}\0${bytes}\0${labels.join(',')}\0`)
  const named = hash.end()
  if (checksums === undefined) return named
  const content = new Hasher()
  for (const sum of checksums) content.add(sum)
  return `${named}:${content.end()}`
}

/**
 * The fingerprint of images that come one after the other.
 *
 * @param fingerprint that of the same images if they could be read in any order
 * @param counts images in each archive
 */
export function streamFingerprint(fingerprint: string, counts: Iterable<number>): string {
  const [named, content = ''] = fingerprint.split(':')
  return `${named}:${content}:${createHash('sha256')
    .update([...counts].join())
    .digest('hex')}`
}

/**
 * Whether two fingerprints may be of the same data in the same order. Checksums count only if both have them: a manifest
 * that is written later does not make it another data set.
 */
export function sameData(a: string, b: string): boolean {
  const [[named, content = '', stream], [otherNamed, otherContent = '', otherStream]] = [a.split(':'), b.split(':')]
  if (named !== otherNamed || stream !== otherStream) return false
  return content === '' || otherContent === '' || content === otherContent
}
