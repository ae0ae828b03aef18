/** Data sets of image files, from tables of them. */

import type { CachedLayout } from '../cache/format'
import { fingerprintOf, streamFingerprint } from '../listing/fingerprint'
import { allRows, type HoldOut, holdOut, shareOfContent, wantsHoldOut } from '../listing/hold-out'
import type { ImageTable } from '../listing/image-table'
import type { ImageStream } from '../streams/image-stream'
import type { EncodedImage, PhotoDataset } from './image-dataset'
import type { DataParts } from './kind'

/** The images of a part, before some are held out. */
export interface ListedPart {
  name: string
  classes: readonly string[]
  table: ImageTable
  /** The images of the table that belong to the part, in its order. Default: all. */
  rows?: Int32Array
  /** Where an image of the table is. */
  placeOf(row: number): EncodedImage
  /** Whether an image may have several classes, or none. */
  multiLabel?: boolean
  /** The SHA-256 of each image of these rows, if all are known. */
  checksums?(rows: Int32Array): readonly string[] | undefined
  /** The share by which an image is held out, if it is not computed from the image's bytes. */
  share?(row: number): number
  /** Only of images that come one after the other: the stream of some rows. */
  streamOf?(rows: Int32Array): ImageStream
  /** Only of a cache. */
  cached?: CachedLayout
}

export function photoDataset(part: ListedPart): PhotoDataset {
  const { name, classes, table, placeOf, multiLabel = false, checksums, cached, streamOf } = part
  const rows = part.rows ?? allRows(table.length)
  const stream = streamOf?.(rows)
  let fingerprint: string | undefined
  function* printed() {
    for (const row of rows) yield { name: table.name(row), bytes: table.bytes(row), labels: table.labels(row) }
  }
  return {
    name,
    classes,
    shape: null,
    length: rows.length,
    labels: rows.map((row) => table.label(row)),
    ...(multiLabel && { labelsOf: (index: number) => table.labels(rows[index]) }),
    ...(cached !== undefined && { cached }),
    ...(stream !== undefined && { stream }),
    read: (index) => placeOf(rows[index]),
    fingerprint() {
      if (fingerprint !== undefined) return fingerprint
      fingerprint = fingerprintOf(classes, printed(), checksums?.(rows))
      if (stream !== undefined) fingerprint = streamFingerprint(fingerprint, countsOf(stream.archives, table, rows))
      return fingerprint
    },
  }
}

/** How many of the rows are in each archive. */
function countsOf(archives: number, table: ImageTable, rows: Int32Array): Uint32Array {
  const counts = new Uint32Array(archives)
  for (const row of rows) counts[table.archive(row)]++
  return counts
}

export interface ListedParts {
  train: ListedPart
  validation?: ListedPart
  test?: ListedPart
}

/** Images as a data set lists them, before some are held out. */
export interface ListedImages {
  /** The dotted key of the data set, for errors. */
  where: string
  parts: ListedParts
  options: HoldOut
  notes: readonly string[]
}

/** The share by which an image is held out; see hold-out.ts. */
export const shareOf = (part: ListedPart, row: number): number =>
  part.share?.(row) ?? shareOfContent(part.table, row, part.placeOf(row).file)

/**
 * Makes the parts of a data set. Images that nothing sets apart for evaluation are held out of the training part.
 *
 * @throws MbconvError ERR_DATA if no image would be left on one side
 */
export function dataParts({ where, parts, options, notes }: ListedImages): DataParts {
  const { train, validation, test } = parts
  if (validation !== undefined || (test !== undefined && !wantsHoldOut(options))) {
    const evaluated = photoDataset((test ?? validation)!)
    const both = validation !== undefined && test !== undefined
    return {
      train: photoDataset(train),
      test: evaluated,
      ...(both && { validation: photoDataset(validation) }),
      notes,
    }
  }
  const { table, rows = allRows(table.length) } = train
  const sides = holdOut(where, table, options, (row) => shareOf(train, row), rows)
  const held = photoDataset({ ...train, rows: sides.held })
  const learned = photoDataset({ ...train, rows: sides.train })
  if (test === undefined) return { train: learned, test: held, notes }
  return { train: learned, test: photoDataset(test), validation: held, notes }
}
