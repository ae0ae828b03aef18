/**
 * WebDataset shards: tar archives of images and labels. They are indexed by their headers when they are opened, so that
 * any image can be read without the others, and every epoch has a new order of all images.
 */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import { dataError, readWhole } from '../../files/data-file'
import { optionsOf } from '../../schema/options'
import { counted } from '../../text/figures'
import { quoted } from '../../text/foreign-text'
import { isRemote, shardFiles } from '../archives/shard-names'
import { LABELS, shardSamples } from '../archives/shard-samples'
import { shownName } from '../listing/class-folders'
import { ClassNames } from '../listing/class-names'
import { checkHoldOut, holdOutFields } from '../listing/hold-out'
import { ImageTable } from '../listing/image-table'
import { LeftOut } from '../listing/left-out'
import { linesOf } from '../listing/lines'
import type { DataParts, DatasetKind } from './kind'
import { dataParts, type ListedImages, type ListedPart, type ListedParts } from './photo-dataset'

const pattern = () =>
  z
    .string()
    .min(1)
    .refine((text) => !isRemote(text), 'must be local files: download them first')
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
    .describe('whether an image has any number of classes: a list in .json members'),
  ...holdOutFields(),
})

export type ShardsOptions = z.input<typeof schema>
type Options = z.output<typeof schema>

const WHERE = 'data.shards'

/**
 * Opens tar archives of images.
 *
 * @throws MbconvError ERR_CONFIG for options that contradict each other; ERR_DATA for a missing, damaged or compressed
 *   archive, a sample without a label, or an evaluated image of a class without training images
 */
export const openShards = (given: ShardsOptions): DataParts => dataParts(listShards(given))

/** The images of archives before some are held out. @throws as {@link openShards} */
export function listShards(given: ShardsOptions): ListedImages {
  const options = optionsOf('shards', schema, given)
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

/** @param numberOf gives the number of a class; is called with the place of its image */
function readShards(
  name: string,
  chosen: string | string[],
  options: Options,
  numberOf: (label: string, where: string) => number,
  notes: string[],
): Omit<ListedPart, 'classes'> {
  const files = shardFiles([chosen].flat())
  const table = new ImageTable()
  const left = new LeftOut()
  files.forEach((file, archive) => {
    for (const { image, labels } of shardSamples(file, options, left)) {
      const where = `${file}:${shownName(image.name)}`
      const numbers = labels.map((label) => numberOf(label, where))
      const label = options.multiLabel ? numbers : numbers[0]
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
  }
}

/** The names of numbered classes, from a file with one on each line. */
function namedClasses(file: string, found: readonly string[]): string[] {
  if (!found.every((name, i) => name === String(i)))
    throw new MbconvError('ERR_CONFIG', `${WHERE}.classes: has no effect: the labels are names already`, {
      hint: 'Leave it out.',
    })
  const names = [...linesOf(file, readWhole(file))].map(({ text }) => text.trim())
  while (names.at(-1) === '') names.pop()
  const empty = names.indexOf('')
  if (empty >= 0) throw dataError(file, `line ${empty + 1} is empty`, 'Each line is the name of a class.')
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
  keys: { shards: schema.optional().describe('which archives, with dataset: shards') },
  files: ['shards.train'],
  optionalFiles: ['shards.validation', 'shards.test', 'shards.classes'],
  open: ({ shards }: { shards?: ShardsOptions }) => openShards(shards as ShardsOptions),
} satisfies DatasetKind
