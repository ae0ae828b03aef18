/**
 * WebDataset shards: tar archives of images and labels. Plain ones are indexed by their headers when they are opened, so
 * that any image can be read without the others, and every epoch has a new order of all images. Compressed ones, and the
 * output of commands, are streams: their order is mixed by archives and in a buffer.
 */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import { dataError, readWhole } from '../../files/data-file'
import { optionsOf } from '../../schema/options'
import { counted } from '../../text/figures'
import { quoted } from '../../text/foreign-text'
import { expandCommand, isCompressed, isPipe, isRemote, shardFiles } from '../archives/shard-names'
import { LABELS, shardSamples } from '../archives/shard-samples'
import type { PhotoDataset } from '../dataset/image-dataset'
import type { DataParts, DatasetKind } from '../dataset/kind'
import { dataParts, type ListedImages, type ListedPart, type ListedParts, photoDataset } from '../dataset/photo-dataset'
import { shownName } from '../listing/class-folders'
import { ClassNames } from '../listing/class-names'
import { fingerprintOf } from '../listing/fingerprint'
import { checkHoldOut, holdOutFields, shareOfBytes } from '../listing/hold-out'
import { ImageTable } from '../listing/image-table'
import { LeftOut } from '../listing/left-out'
import { linesOf } from '../listing/lines'
import { commandStream, indexCompressed, indexedSamples, tableStream } from '../streams/archives'
import { shownAddress } from '../streams/bytes'
import type { IndexedMember } from '../streams/stream-index'

const pattern = () =>
  z
    .string()
    .min(1)
    .refine((text) => !isRemote(text), 'must be local files: download them first, or stream them with pipe:COMMAND')
const patterns = () => z.union([pattern(), z.array(pattern()).min(1)])
const patternsOf = (what: string) => patterns().nullable().default(null).describe(`archives of ${what}, as in train`)

const schema = z.strictObject({
  train: patterns().describe(
    'archives of the training images: train-{000..146}.tar, train-*.tar, a folder, or a list of these',
  ),
  validation: patternsOf('the images to evaluate during training'),
  test: patternsOf('the images to evaluate at the end'),
  classes: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('file with the name of a class on each line, for numbers as labels'),
  image: z.string().min(1).nullable().default(null).describe('extension of the images; null: that of an image file'),
  label: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(`extension of the labels; null: ${LABELS.join(', ')}, the first there is`),
  labelKey: z.string().min(1).default('label').describe('key of the label in .json members'),
  multiLabel: z
    .boolean()
    .default(false)
    .describe(
      'whether an image has any number of labels: a list in .json members; in a configuration it follows from task',
    ),
  buffer: z
    .int()
    .min(1)
    .max(1_000_000)
    .nullable()
    .default(null)
    .describe('streams: images that the order of an epoch is mixed in; null: 1000'),
  allowPipes: z.boolean().default(false).describe('run the commands in train: pipe:COMMAND writes an archive'),
  samples: z.int().min(1).nullable().default(null).describe('number of images that the commands in train give'),
  ...holdOutFields(),
})

export type ShardsOptions = z.input<typeof schema>
type Options = z.output<typeof schema>

const WHERE = 'data.shards'

/** Images that a stream is mixed in, unless the configuration sets another number. */
const BUFFER = 1000

/**
 * Opens tar archives of images.
 *
 * @throws MbconvError ERR_CONFIG for options that contradict each other; ERR_DATA for a missing, damaged or compressed
 *   archive, a sample without a label, or an evaluated image of a class without training images
 */
export function openShards(given: ShardsOptions): DataParts {
  const options = optionsOf('shards', schema, given)
  return patternsIn(options.train).some(isPipe) ? openCommands(options) : dataParts(listShards(given))
}

const patternsIn = (chosen: string | string[] | null): string[] => (chosen === null ? [] : [chosen].flat())

const refuse = (key: string, problem: string, hint?: string): never => {
  throw new MbconvError('ERR_CONFIG', `${WHERE}.${key}: ${problem}`, { hint })
}

/** Refuses what concerns streams where there is none, and commands where only files can be. */
function checkStreams(options: Options): void {
  for (const key of ['train', 'validation', 'test'] as const) {
    const patterns = patternsIn(options[key])
    const pipes = patterns.filter(isPipe)
    if (pipes.length === 0) continue
    if (key !== 'train')
      refuse(key, 'cannot be a command', 'Images that are evaluated are local archives, in the same order each time.')
    if (pipes.length < patterns.length) refuse(key, 'mixes commands and files', 'Give only commands, or only files.')
  }
  const isPiped = patternsIn(options.train).some(isPipe)
  if (options.samples !== null && !isPiped)
    refuse('samples', 'has no effect: the images of files are counted', 'Leave it out.')
}

/** Training images from commands. */
function openCommands(options: Options): DataParts {
  checkStreams(options)
  const { samples, allowPipes, validation, test, classes: file, multiLabel } = options
  if (!allowPipes)
    refuse('train', 'is a command, which would run in a shell', 'allowPipes: true permits it, if you trust this file.')
  if (samples === null) return refuse('samples', 'is required with commands', 'It is the number of training images.')
  if (file === null) return refuse('classes', 'is required with commands', 'It is a file with the name of each class.')
  if (multiLabel) refuse('multiLabel', 'is not possible with commands')
  const [first, ...others] = [validation ?? test, ...(validation !== null && test !== null ? [test] : [])]
  if (first === null || first === undefined)
    return refuse('test', 'is required with commands', 'The output of a command cannot be held out.')
  const { split, folds, fold, group } = options
  const held = Object.entries({ split, folds, fold, group }).find(([, value]) => value !== null)
  if (held) refuse(held[0], 'has no effect: the output of a command cannot be held out', 'Leave it out.')
  const classes = namesIn(file)
  const numbers = new Map(classes.map((name, number) => [name, number]))
  // As with archives: a number is that of a line, even if a class has that name.
  const numberOf = (label: string): number | undefined => {
    if (!/^\d+$/.test(label)) return numbers.get(label.normalize('NFC'))
    return Number(label) < classes.length ? Number(label) : undefined
  }
  const commands = patternsIn(options.train).flatMap(expandCommand)
  const notes: string[] = []
  const evaluated = (key: 'validation' | 'test') => {
    const known = (label: string, where: string) => {
      const number = numberOf(label)
      if (number !== undefined) return number
      throw dataError(where, `has the class ${quoted(label)}`, 'data.shards.classes lists the classes.')
    }
    return photoDataset({ ...readShards(key, options[key] as string | string[], options, known, notes), classes })
  }
  const train: PhotoDataset = {
    ...{ name: shownAddress(commands[0]), classes, shape: null, length: samples },
    labels: new Int32Array(samples).fill(-1),
    stream: commandStream(commands, options, options.buffer ?? BUFFER, numberOf),
    read: (index) => ({ name: `image ${index} of ${shownAddress(commands[0])}`, file: commands[0] }),
    // A command may fetch the same images from another place.
    fingerprint: () => fingerprintOf(classes, [{ name: 'commands', bytes: samples, labels: [commands.length] }]),
  }
  const parts = others.length === 0 ? { test: evaluated(validation === null ? 'test' : 'validation') } : undefined
  return { train, ...(parts ?? { test: evaluated('test'), validation: evaluated('validation') }), notes }
}

/** The images of archives before some are held out. @throws as {@link openShards} */
export function listShards(given: ShardsOptions): ListedImages {
  const options = optionsOf('shards', schema, given)
  checkStreams(options)
  if (patternsIn(options.train).some(isPipe))
    refuse('train', 'is a command, whose images are not known before it runs', 'Give local archives.')
  checkHoldOut(WHERE, options, {
    ...(options.validation !== null && { validation: 'data.shards.validation' }),
    ...(options.test !== null && { test: 'data.shards.test' }),
  })
  const names = new ClassNames('data.shards.train')
  const notes: string[] = []
  const train = readShards('train', options.train, options, (label) => names.number(label), notes)
  const { classes: found, numberOf } = names.ordered()
  train.table.renumber(numberOf)
  const classes = options.classes === null ? found : namedClasses(options.classes, found)
  // With names for them, classes without training images have numbers too.
  const known = options.classes === null ? found : classes.map((_, number) => String(number))
  const numbers = new Map(known.map((name, number) => [name, number]))
  if (options.buffer !== null && train.streamOf === undefined)
    refuse('buffer', 'has no effect: the archives are not compressed, so their images come in any order')
  const parts: ListedParts = { train: { ...train, classes } }
  for (const part of ['validation', 'test'] as const) {
    const chosen = options[part]
    if (chosen === null) continue
    const evaluated = readShards(
      part,
      chosen,
      options,
      (label, where) => {
        const number = numbers.get(label.normalize('NFC'))
        if (number !== undefined) return number
        const problem = `no training image has the class ${quoted(label)}`
        throw dataError(where, problem, 'Training and evaluation need the same classes.')
      },
      notes,
    )
    parts[part] = { ...evaluated, classes }
  }
  return { where: WHERE, parts, options, notes }
}

/** The share by which an image of an index is held out. Of a short one with an uncommon name, the content is kept. */
const shareIn = ({ share, content }: IndexedMember): number =>
  share ?? (content === undefined ? 0 : shareOfBytes(content))

/** @param numberOf gives the number of a class; is called with the place of its image */
function readShards(
  name: string,
  chosen: string | string[],
  options: Options,
  numberOf: (label: string, where: string) => number,
  notes: string[],
): Omit<ListedPart, 'classes'> {
  const files = shardFiles([chosen].flat())
  const isStream = isCompressed(files[0])
  const other = files.find((file) => isCompressed(file) !== isStream)
  if (other !== undefined)
    throw dataError(other, `is ${isStream ? 'not ' : ''}compressed, unlike ${files[0]}`, 'Compress all, or none.')
  const table = new ImageTable()
  const left = new LeftOut()
  const shares: number[] = []
  files.forEach((file, archive) => {
    const samples = isStream ? indexedSamples(file, options, left) : shardSamples(file, options, left)
    for (const { image, labels } of samples) {
      const where = `${file}:${shownName(image.name)}`
      const numbers = labels.map((label) => numberOf(label, where))
      const label = options.multiLabel ? numbers : numbers[0]
      if (isStream) shares.push(shareIn(image))
      table.add({ name: image.name, bytes: image.bytes, label, archive, offset: image.offset })
    }
  })
  if (table.length === 0)
    throw dataError(files[0], 'has no images', 'A sample is an image, 0001.jpg, and its label, 0001.cls.')
  notes.push(...left.notes(`${WHERE}.${name}`))
  return {
    name: files.length === 1 ? files[0] : `${files[0]} and ${counted(files.length - 1, 'more shard')}`,
    table,
    placeOf(row) {
      const file = files[table.archive(row)]
      const part = { offset: table.offset(row), length: table.bytes(row) }
      return { name: `${file}:${shownName(table.name(row))}`, file, part }
    },
    multiLabel: options.multiLabel,
    ...(isStream && {
      share: (row: number) => shares[row],
      streamOf: (rows: Int32Array) => tableStream({ table, files, options, buffer: options.buffer ?? BUFFER }, rows),
    }),
  }
}

/** The lines of a file of names. */
function namesIn(file: string): string[] {
  const names = [...linesOf(file, readWhole(file))].map(({ text }) => text.trim().normalize('NFC'))
  while (names.at(-1) === '') names.pop()
  const empty = names.indexOf('')
  if (empty >= 0) throw dataError(file, `line ${empty + 1} is empty`, 'Each line is the name of a class.')
  if (names.length === 0) throw dataError(file, 'is empty', 'Each line is the name of a class.')
  const lines = new Map<string, number>()
  for (const [i, name] of names.entries()) {
    const first = lines.get(name)
    if (first !== undefined)
      throw dataError(file, `lines ${first + 1} and ${i + 1} are both ${quoted(name)}`, 'Each class has one line.')
    lines.set(name, i)
  }
  return names
}

/** The names of numbered classes, from a file with one on each line. */
function namedClasses(file: string, found: readonly string[]): string[] {
  if (!found.every((name, i) => name === String(i)))
    throw new MbconvError('ERR_CONFIG', `${WHERE}.classes: has no effect: the labels are names already`, {
      hint: 'Leave it out.',
    })
  const names = namesIn(file)
  if (names.length >= found.length) return names
  const problem = `has ${counted(names.length, 'name')}, and the labels go up to ${found.length - 1}`
  throw dataError(file, problem, 'The first line is the name of class 0.')
}

/** For the registry in kinds.ts. */
export const shardsKind = {
  name: 'shards',
  summary: 'tar archives of image files, as WebDataset writes them',
  reported: 'shards of images',
  hasFiles: true,
  multiLabelKey: 'shards.multiLabel',
  keys: { shards: schema.optional().describe('which archives, with dataset: shards') },
  files: ['shards.train'],
  optionalFiles: ['shards.validation', 'shards.test', 'shards.classes'],
  open: ({ shards }: { shards?: ShardsOptions }) => openShards(shards as ShardsOptions),
  async prepare({ shards }: { shards?: ShardsOptions }) {
    const { train, validation, test } = optionsOf('shards', schema, shards)
    const patterns = [train, validation, test].flatMap(patternsIn).filter((pattern) => !isPipe(pattern))
    await indexCompressed(shardFiles(patterns).filter(isCompressed))
  },
} satisfies DatasetKind
