/**
 * Holds images out of training, for evaluation.
 *
 * The choice depends on the content of each image alone: a hash of its size, its beginning and its end. So copies of one
 * file are on the same side whatever they are called, and adding, removing or renaming files moves no other image.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { listed } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { AnyPath } from '../../files/names'
import { FileWindow } from '../../files/window'
import { fraction } from '../../schema/fields'
import { shownName } from './class-folders'
import type { ImageTable } from './image-table'

/** Bytes of the beginning and of the end of an image that count. */
const SAMPLE = 4096

/** The share that is held out where nothing is set apart, and nothing else is asked for. */
export const DEFAULT_SPLIT = 0.2

/** The keys of a data set that say which images are held out. Each call makes new schemas. */
export const holdOutFields = () => ({
  split: fraction()
    .gt(0)
    .nullable()
    .default(null)
    .describe(
      `share of the training images to hold out for evaluation; null: ${DEFAULT_SPLIT} where nothing else is set apart`,
    ),
  folds: z.int().min(2).max(1000).nullable().default(null).describe('cross-validation: number of parts to make'),
  fold: z.int().min(0).nullable().default(null).describe('cross-validation: the part to hold out, from 0; null: 0'),
  group: z
    .string()
    .min(1)
    .max(1000)
    .nullable()
    .default(null)
    .describe(
      'regular expression for the path of an image; images for which its first group is the same stay together',
    ),
})

export interface HoldOut {
  split: number | null
  folds: number | null
  fold: number | null
  group: string | null
}

/** Whether the keys ask for images to be held out, even if there are others to evaluate at the end. */
export const wantsHoldOut = ({ split, folds }: HoldOut): boolean => split !== null || folds !== null

/**
 * Refuses keys that contradict each other, and keys that would have no effect.
 *
 * @param where the dotted key of the data set, for the error
 * @param apart the names of what is set apart for evaluation
 * @throws MbconvError ERR_CONFIG
 */
export function checkHoldOut(where: string, options: HoldOut, apart: { validation?: string; test?: string }): void {
  const { split, folds, fold, group } = options
  const refuse = (key: string, message: string, hint?: string) => {
    throw new MbconvError('ERR_CONFIG', `${where}.${key}: ${message}`, { hint })
  }
  if (split !== null && folds !== null) refuse('folds', 'cannot be given beside split', 'Give one of them.')
  if (fold !== null && folds === null) refuse('fold', 'has no effect without folds')
  if (fold !== null && folds !== null && fold >= folds) refuse('fold', `must be below folds, ${folds}, not ${fold}`)
  if (group !== null) expression(where, group)
  const instead = apart.validation ?? (wantsHoldOut(options) ? undefined : apart.test)
  if (instead === undefined) return
  const given = Object.entries({ split, folds, group }).find(([, value]) => value !== null)
  if (given) refuse(given[0], `has no effect: ${instead} is for evaluation`, 'Leave it out.')
}

/**
 * Refuses a key `group` beside images that say their groups themselves.
 *
 * @param source what says them, for the error
 * @throws MbconvError ERR_CONFIG
 */
export function checkGroups(
  where: string,
  { group }: HoldOut,
  source: string,
  table: ImageTable,
  rows: Int32Array = allRows(table.length),
): void {
  if (group === null || !rows.some((row) => table.group(row) !== undefined)) return
  const text = `${where}.group: has no effect: ${source} says the groups itself`
  throw new MbconvError('ERR_CONFIG', text, { hint: 'Leave the key out.' })
}

function expression(where: string, group: string): RegExp {
  try {
    return new RegExp(group, 'u')
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^Invalid regular expression: /, '')
    throw new MbconvError('ERR_CONFIG', `${where}.group: is no regular expression (${reason})`, { cause })
  }
}

/** Rows of a table, in its order. */
export interface Sides {
  train: Int32Array
  held: Int32Array
}

/**
 * Divides the images of a table.
 *
 * @param where the dotted key of the data set, for errors
 * @param shareOfRow the share of an image's content: {@link shareOfContent}, or what it was earlier
 * @param rows the rows to divide; default: all
 * @throws MbconvError ERR_DATA if no image would be left on one side, or an image does not match `group`
 */
export function holdOut(
  where: string,
  table: ImageTable,
  options: HoldOut,
  shareOfRow: (row: number) => number,
  rows: Int32Array = allRows(table.length),
): Sides {
  const { split, folds, fold, group } = options
  const pattern = group === null ? undefined : expression(where, group)
  const keys = pattern === undefined ? undefined : groupsOf(where, table, rows, pattern)
  const isHeld = (share: number) =>
    folds === null ? share < (split ?? DEFAULT_SPLIT) : Math.floor(share * folds) === (fold ?? 0)
  const train: number[] = []
  const held: number[] = []
  rows.forEach((row, i) => {
    const own = keys?.[i] ?? table.group(row)
    const share = own === undefined ? shareOfRow(row) : shareOf(`group\0${own}`)
    ;(isHeld(share) ? held : train).push(row)
  })
  if (train.length === 0 || held.length === 0) {
    const side = train.length === 0 ? 'training' : 'evaluation'
    const problem = `of ${rows.length} images none is left for ${side}`
    throw new MbconvError('ERR_DATA', `${where}: ${problem}`, {
      hint: 'The share is met on average only. Choose another split, or set images apart in a folder or list of their own.',
    })
  }
  return { train: Int32Array.from(train), held: Int32Array.from(held) }
}

export const allRows = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i)

/** The group of each row, by its name. */
function groupsOf(where: string, table: ImageTable, rows: Int32Array, pattern: RegExp): string[] {
  const without: string[] = []
  const groups = Array.from(rows, (row) => {
    const name = shownName(table.name(row))
    const match = pattern.exec(name)
    if (match === null) without.push(name)
    return match?.[1] ?? match?.[0] ?? ''
  })
  if (without.length === 0) return groups
  const problem = `group matches the path of each image but ${listed(without, { most: 3 })}`
  throw new MbconvError('ERR_DATA', `${where}: ${problem}`, { hint: 'Paths begin below the folder of the data set.' })
}

/** A number in [0, 1) that looks random and depends on the text alone. */
const shareOf = (text: string | Buffer): number => createHash('sha256').update(text).digest().readUIntBE(0, 6) / 2 ** 48

/** The share by the image's content. An image that cannot be read, which its reader will report, has that of its name. */
export function shareOfContent(table: ImageTable, row: number, path: AnyPath): number {
  const [offset, bytes] = [table.offset(row), table.bytes(row)]
  let file: FileWindow | undefined
  try {
    file = new FileWindow(path, 'split', SAMPLE)
    const head = Buffer.from(file.at(offset, Math.min(bytes, SAMPLE)))
    const tail = file.at(offset + Math.max(0, bytes - SAMPLE), Math.min(bytes, SAMPLE))
    return shareOfEnds(bytes, head, tail)
  } catch {
    return shareOf(`name\0${table.name(row)}`)
  } finally {
    file?.close()
  }
}

const shareOfEnds = (bytes: number, head: Buffer, tail: Buffer): number =>
  shareOf(Buffer.concat([Buffer.from(`content\0${bytes}\0`), head, tail]))

/** As {@link shareOfContent}, of an image in memory. */
export const shareOfBytes = (content: Buffer): number =>
  shareOfEnds(content.length, content.subarray(0, SAMPLE), content.subarray(Math.max(0, content.length - SAMPLE)))
