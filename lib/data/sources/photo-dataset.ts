/** Data sets of image files, from tables of them. */
import { fingerprintOf } from '../listing/fingerprint'
import { allRows, type HoldOut, holdOut, wantsHoldOut } from '../listing/hold-out'
import type { ImageTable } from '../listing/image-table'
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
}

export function photoDataset(part: ListedPart): PhotoDataset {
  const { name, classes, table, placeOf, multiLabel = false, checksums } = part
  const rows = part.rows ?? allRows(table.length)
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
    read: (index) => placeOf(rows[index]),
    fingerprint() {
      fingerprint ??= fingerprintOf(classes, printed(), checksums?.(rows))
      return fingerprint
    },
  }
}

export interface ListedParts {
  train: ListedPart
  validation?: ListedPart
  test?: ListedPart
}

/**
 * Makes the parts of a data set. Images that nothing sets apart for evaluation are held out of the training part.
 *
 * @param where the dotted key of the data set, for errors
 * @throws MbconvError ERR_DATA if no image would be left on one side
 */
export function dataParts(where: string, parts: ListedParts, options: HoldOut, notes: readonly string[]): DataParts {
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
  const { table, placeOf, rows = allRows(table.length) } = train
  const sides = holdOut(where, table, options, (row) => placeOf(row).file, rows)
  const held = photoDataset({ ...train, rows: sides.held })
  const learned = photoDataset({ ...train, rows: sides.train })
  if (test === undefined) return { train: learned, test: held, notes }
  return { train: learned, test: photoDataset(test), validation: held, notes }
}
