/** Lists of image files with their classes: CSV or JSONL. */
import path from 'node:path'
import { z } from 'zod'
import { listed } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { byteString } from '../../files/entries'
import { statOf } from '../../files/folders'
import { optionsOf } from '../../schema/options'
import { counted } from '../../text/figures'
import { quoted } from '../../text/foreign-text'
import type { DataParts, DatasetKind } from '../dataset/kind'
import { dataParts, type ListedImages, type ListedPart, type ListedParts } from '../dataset/photo-dataset'
import { ClassNames, type OrderedClasses } from '../listing/class-names'
import { checkGroups, checkHoldOut, holdOutFields } from '../listing/hold-out'
import { ImageTable } from '../listing/image-table'
import { type ListRow, readList } from '../listing/list-file'
import type { Part } from '../listing/parts'

const fileOf = (what: string) => z.string().min(1).nullable().default(null).describe(`list of ${what}`)
const column = (name: string, what: string) => z.string().min(1).default(name).describe(`column with ${what}`)
const optionalColumn = (what: string) =>
  z.string().min(1).nullable().default(null).describe(`column with ${what}; null: of that name, if there is one`)

const schema = z.strictObject({
  train: z.string().min(1).describe('list of the training images, or of all'),
  validation: fileOf('the images to evaluate during training'),
  test: fileOf('the images to evaluate at the end'),
  root: z.string().min(1).nullable().default(null).describe("folder that paths begin at; null: the list's own"),
  columns: z
    .strictObject({
      path: column('path', 'the path of an image'),
      label: column('label', 'its class'),
      split: optionalColumn('its part: train, val or test'),
      group: optionalColumn('its group, whose images stay together'),
    })
    .prefault({})
    .describe('the columns of the list, by their headings'),
  multiLabel: z
    .boolean()
    .default(false)
    .describe('whether an image has any number of labels: cat|dog; in a configuration it follows from task'),
  ...holdOutFields(),
})

export type ListOptions = z.input<typeof schema>
type Options = z.output<typeof schema>

const WHERE = 'data.list'

/** A list that has been read. */
interface Listed {
  file: string
  table: ImageTable
  /** Rows by the part that the list says they belong to. */
  rowsOf: Partial<Record<Part, number[]>>
  notes: string[]
}

/**
 * Opens lists of image files. Relative paths begin at the folder of the list, or at `root`. Absolute paths and paths
 * through `..` are allowed, since the list is the user's own.
 *
 * @throws MbconvError ERR_CONFIG for options that contradict each other; ERR_DATA naming the line for a list that cannot
 *   be read, an image file that is missing, or an evaluated image of a class without training images
 */
export const openList = (given: ListOptions): DataParts => dataParts(listList(given))

/** The images of lists before some are held out. @throws as {@link openList} */
export function listList(given: ListOptions): ListedImages {
  const options = optionsOf('list', schema, given)
  const names = new ClassNames(options.train)
  const train = readListed(options.train, options, (label) => names.number(label))
  const ordered = names.ordered()
  train.table.renumber(ordered.numberOf)
  const partOf = (list: Listed, part: Part): ListedPart => ({
    name: list.file,
    classes: ordered.classes,
    table: list.table,
    ...(list.rowsOf[part] && { rows: Int32Array.from(list.rowsOf[part]) }),
    placeOf: (row) => placeOf(list, options, row),
    multiLabel: options.multiLabel,
  })
  const hasParts = Object.keys(train.rowsOf).length > 0
  const parts: ListedParts = { train: partOf(train, 'train') }
  if (hasParts && train.rowsOf.train === undefined)
    throw dataError(options.train, 'has no image whose split is train', 'Training needs some.')
  const notes = [...train.notes]
  for (const part of ['validation', 'test'] as const) {
    const file = options[part]
    if (train.rowsOf[part] !== undefined) {
      if (file !== null) {
        const text = `${WHERE}.${part}: ${options.train} has images whose split is ${part} already`
        throw new MbconvError('ERR_CONFIG', text, { hint: 'Leave the key out.' })
      }
      parts[part] = partOf(train, part)
    } else if (file !== null) {
      const list = readEvaluated(file, options, ordered)
      parts[part] = partOf(list, 'train')
      notes.push(...list.notes)
    }
  }
  if (hasParts) checkLearned(options.train, parts)
  checkHoldOut(WHERE, options, { validation: parts.validation?.name, test: parts.test?.name })
  checkGroups(WHERE, options, options.train, train.table)
  return { where: WHERE, parts, options, notes }
}

/** The path of an image, for people and for opening. */
function placeOf({ file, table }: Listed, { root }: Options, row: number) {
  const name = Buffer.from(table.name(row), 'latin1').toString('utf8')
  const place = path.resolve(root ?? path.dirname(file), name)
  return { name: place, file: place }
}

/** Reads a list of evaluated images, whose classes are those of the training images. */
function readEvaluated(file: string, options: Options, { classes }: OrderedClasses): Listed {
  const numbers = new Map(classes.map((name, number) => [name, number]))
  const list = readListed(file, options, (label, line) => {
    const number = numbers.get(label.normalize('NFC'))
    if (number !== undefined) return number
    const problem = `line ${line}: no training image has the class ${quoted(label)}`
    throw dataError(file, problem, 'Training and evaluation need the same classes.')
  })
  if (Object.keys(list.rowsOf).length === 0) return list
  throw dataError(
    file,
    'has a column that says the parts of its images',
    'Such a list goes into data.list.train, alone.',
  )
}

/** Refuses evaluated images of classes that the training images lack. */
function checkLearned(file: string, { train, ...evaluated }: ListedParts): void {
  const learned = new Set<number>()
  for (const row of train.rows!) for (const label of train.table.labels(row)) learned.add(label)
  // The rows of a list of their own were checked when they were read.
  for (const { rows = [], table } of Object.values(evaluated))
    for (const row of rows)
      for (const label of table.labels(row)) {
        if (learned.has(label)) continue
        const problem = `no training image has the class ${quoted(train.classes[label])}, but an evaluated one has`
        throw dataError(file, problem, 'Training and evaluation need the same classes.')
      }
}

/** @param numberOf gives the number of a class; is called with the line of its row */
function readListed(file: string, options: Options, numberOf: (label: string, line: number) => number): Listed {
  const table = new ImageTable()
  const list: Listed = { file, table, rowsOf: {}, notes: [] }
  const seen = new Map<string, number>()
  const lines: number[] = []
  const partOfRow: (Part | undefined)[] = []
  let twice = 0
  let hasParts: boolean | undefined
  readList(file, options, ({ line, path: name, labels, part, group }: ListRow) => {
    const numbers = labels.map((label) => numberOf(label, line))
    const before = seen.get(name)
    if (before !== undefined) {
      const sameLabels = numbers.join() === table.labels(before).join()
      const samePart = part === partOfRow[before]
      if (sameLabels && samePart) twice++
      else {
        const what = sameLabels ? 'another part' : 'other classes'
        throw dataError(
          file,
          `line ${line} gives ${quoted(name)} ${what} than line ${lines[before]}`,
          'Keep one of them.',
        )
      }
      return
    }
    hasParts ??= part !== undefined
    if (hasParts !== (part !== undefined))
      throw dataError(
        file,
        `line ${line} ${hasParts ? 'has no part' : 'has a part'}, unlike lines before`,
        'Give each image a part, or none.',
      )
    seen.set(name, table.length)
    lines.push(line)
    partOfRow.push(part)
    if (part !== undefined) rowsOfPart(list, part).push(table.length)
    table.add({
      name: byteString(name),
      bytes: 0,
      label: options.multiLabel ? numbers : numbers[0],
      group,
    })
  })
  if (table.length === 0) throw dataError(file, 'lists no image', 'Each image needs a line with its path and label.')
  if (twice > 0) list.notes.push(`${file}: ${counted(twice, 'line')} repeat others and are left out`)
  measure(list, options, lines)
  return list
}

const rowsOfPart = ({ rowsOf }: Listed, part: Part): number[] => {
  rowsOf[part] ??= []
  return rowsOf[part]
}

/** Looks at every file: its size is a part of the fingerprint, and a missing one is an error now rather than later. */
function measure({ file, table, ...rest }: Listed, options: Options, lines: readonly number[]): void {
  const problems: string[] = []
  for (let row = 0; row < table.length; row++) {
    const { file: place } = placeOf({ file, table, ...rest }, options, row)
    const bytes = bytesOfFile(place)
    if (typeof bytes === 'number') table.setBytes(row, bytes)
    else problems.push(`line ${lines[row]}: ${quoted(place)}: ${bytes}`)
  }
  if (problems.length === 0) return
  const hint = 'Relative paths begin at the folder of the list; data.list.root names another.'
  throw dataError(file, listed(problems, { most: 3, separator: '; ' }), hint)
}

/** The size of a file, or why it has none. */
function bytesOfFile(place: string): number | string {
  try {
    const found = statOf(place)
    if (found === undefined) return 'no such file'
    if (found.isFile()) return found.size
    return found.isDirectory() ? 'a folder' : 'not a regular file'
  } catch (error) {
    return (error as Error).message
  }
}

/** For the registry in kinds.ts. */
export const listKind = {
  name: 'list',
  summary: 'image files that a CSV or JSONL file of yours lists',
  reported: 'a list of images',
  hasFiles: true,
  multiLabelKey: 'list.multiLabel',
  keys: { list: schema.optional().describe('which lists, with dataset: list') },
  files: ['list.train'],
  optionalFiles: ['list.validation', 'list.test', 'list.root'],
  open: ({ list }: { list?: ListOptions }) => openList(list as ListOptions),
} satisfies DatasetKind
