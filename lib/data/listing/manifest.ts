/**
 * Manifests: the images of a folder with their sizes and checksums, one JSON object a line. `mbconv data index` writes
 * them, `mbconv data verify` compares files with them.
 */
import { z } from 'zod'
import { writeFileAtomic } from '../../files/atomic'
import { dataError } from '../../files/data-file'
import { byteString, entryAt, joined, pathOfBytes } from '../../files/entries'
import { jsonLine } from '../../files/json'
import { readBytes } from '../../files/open'
import { nameOf } from '../../text/foreign-text'
import { linesOf } from './lines'

export const MANIFEST = 'manifest.jsonl'

export interface ManifestRow {
  /** A byte string: the path below the folder. */
  name: string
  bytes: number
  /** In hexadecimal digits. */
  sha256: string
  /** The name of the class; undefined for images in no class folder. */
  class?: string
}

const row = z.object({
  path: z.string(),
  /** The path's bytes in base64, only if they are not UTF-8. */
  pathBytes: z.base64().optional(),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  class: z.string().optional(),
})

/**
 * Writes the manifest of a folder in one step: readers see the old one or the new one.
 *
 * @param folder its path as text
 * @returns the manifest's path
 */
export function writeManifest(folder: string, rows: Iterable<ManifestRow>): string {
  const path = joined(folder, MANIFEST)
  writeFileAtomic(path, encoded(rows))
  return path
}

function* encoded(rows: Iterable<ManifestRow>): Generator<Buffer> {
  for (const { name, bytes, sha256, class: className } of rows) {
    const path = pathOfBytes(name)
    const inBytes = typeof path === 'string' ? {} : { pathBytes: path.toString('base64') }
    const written = {
      path: nameOf(path),
      ...inBytes,
      bytes,
      sha256,
      ...(className !== undefined && { class: className }),
    }
    yield Buffer.from(jsonLine(written))
  }
}

/** Whether a folder has a manifest. @param folder a byte string */
export const hasManifest = (folder: string): boolean => entryAt(joined(folder, MANIFEST))?.kind === 'file'

/**
 * The rows of a folder's manifest.
 *
 * @param folder a byte string
 * @throws MbconvError ERR_DATA naming the line that is no row, or if there is no manifest
 */
export function* readManifest(folder: string): Generator<ManifestRow, void, undefined> {
  const path = pathOfBytes(joined(folder, MANIFEST))
  const hint = 'mbconv data index FOLDER writes one.'
  const content = readBytes(path, {
    op: 'readManifest',
    refuse: (reason, cause) => dataError(path, reason, hint, cause),
  })
  for (const { text, line } of linesOf(path, content)) {
    if (text === '') continue
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw dataError(path, `line ${line} is not JSON`, hint, cause)
    }
    const parsed = row.safeParse(value)
    if (!parsed.success) throw dataError(path, `line ${line} is no row of a manifest`, hint)
    const { path: name, pathBytes, class: className, ...facts } = parsed.data
    const bytes = pathBytes === undefined ? byteString(name) : Buffer.from(pathBytes, 'base64').toString('latin1')
    yield { name: bytes, ...facts, ...(className !== undefined && { class: className }) }
  }
}
