/**
 * CIFAR-10 and CIFAR-100 in their binary form: records of one or two label bytes and 3 x 32 x 32 bytes of pixels, planes
 * of red, green and blue. Source: https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky, 2009).
 */
import path from 'node:path'
import { z } from 'zod'
import { dataError, readWhole } from '../../files/data-file'
import { statOf } from '../../files/folders'
import { optionsOf } from '../../schema/options'
import { inMemory, type MemoryDataset } from '../dataset/image-dataset'
import type { DatasetKind } from '../dataset/kind'
import { CIFAR10_CLASSES, CIFAR100_COARSE, CIFAR100_FINE } from './cifar-classes'

const SHAPE = [3, 32, 32] as const
const PIXELS = 3 * 32 * 32

/** What distinguishes the two data sets. */
interface Variant {
  /** Names of the folder that the published archive unpacks to, and of one that is in another form. */
  folder: string
  python: string
  archive: string
  train: readonly string[]
  test: readonly string[]
  /** Label bytes of a record. */
  labelBytes: number
}

const CIFAR10: Variant = {
  folder: 'cifar-10-batches-bin',
  python: 'cifar-10-batches-py',
  archive: 'cifar-10-binary.tar.gz',
  train: [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`),
  test: ['test_batch.bin'],
  labelBytes: 1,
}

const CIFAR100: Variant = {
  folder: 'cifar-100-binary',
  python: 'cifar-100-python',
  archive: 'cifar-100-binary.tar.gz',
  train: ['train.bin'],
  test: ['test.bin'],
  labelBytes: 2,
}

/** The folder with the files: the given one, or the published folder in it. */
function folderOf(given: string, { folder, python, archive, train }: Variant): string {
  const stat = statOf(given)
  if (stat === undefined) throw dataError(given, 'no such folder', `It is the folder that ${archive} unpacks to.`)
  const unpack = `Unpack ${archive} first: tar -xzf ${archive}.`
  if (!stat.isDirectory()) throw dataError(given, 'is not a folder', unpack)
  const found = [given, path.join(given, folder)].find((each) => statOf(path.join(each, train[0])) !== undefined)
  if (found !== undefined) return found
  const isPython = [given, path.join(given, python)].some((each) => path.basename(each) === python && statOf(each))
  const hint = isPython ? `That is the form for Python; the binary form is in ${archive}.` : unpack
  throw dataError(given, `has no ${train[0]}`, hint)
}

/**
 * Reads the records of several files as one data set.
 *
 * @param at position of the label among the label bytes
 * @throws MbconvError ERR_DATA naming the file: missing, no whole number of records, a label out of range
 */
function readRecords(
  folder: string,
  files: readonly string[],
  { labelBytes, at, classes }: { labelBytes: number; at: number; classes: readonly string[] },
): MemoryDataset {
  const record = labelBytes + PIXELS
  const images: Buffer[] = []
  const labels: number[] = []
  for (const name of files) {
    const file = path.join(folder, name)
    const bytes = readWhole(file)
    if (bytes.length === 0 || bytes.length % record !== 0) {
      const problem = `has ${bytes.length} bytes, which is no whole number of records of ${record}`
      throw dataError(file, problem, 'The file is damaged or was not copied whole: get it again.')
    }
    const count = bytes.length / record
    for (let i = 0; i < count; i++) {
      const label = bytes[i * record + at]
      if (label >= classes.length) {
        const problem = `the label of image ${i} is ${label}, but the classes are 0 to ${classes.length - 1}`
        throw dataError(file, problem, 'The file is damaged, or of another data set.')
      }
      labels.push(label)
      // Moves the pixels together in the buffer itself: no label stays in between.
      bytes.copyWithin(i * PIXELS, i * record + labelBytes, (i + 1) * record)
    }
    images.push(bytes.subarray(0, count * PIXELS))
  }
  const all = images.length === 1 ? images[0] : Buffer.concat(images)
  return inMemory({
    name: path.join(folder, files.length === 1 ? files[0] : ''),
    classes,
    shape: SHAPE,
    images: all,
    labels,
  })
}

function open(variant: Variant, given: string, at: number, classes: readonly string[]) {
  const folder = folderOf(given, variant)
  const records = { labelBytes: variant.labelBytes, at, classes }
  return { train: readRecords(folder, variant.train, records), test: readRecords(folder, variant.test, records) }
}

const pathField = ({ folder }: Variant) => z.string().min(1).describe(`the folder ${folder}, or the folder it is in`)

const schema10 = z.strictObject({ path: pathField(CIFAR10) })
const schema100 = z.strictObject({
  path: pathField(CIFAR100),
  labels: z.enum(['fine', 'coarse']).default('fine').describe('fine: 100 classes; coarse: 20'),
})

/** For the registry in kinds.ts. */
export const cifar10Kind = {
  name: 'cifar10',
  summary: 'CIFAR-10 in its binary form',
  reported: 'CIFAR-10',
  keys: { cifar10: schema10.optional().describe('where the files are, with dataset: cifar10') },
  files: ['cifar10.path'],
  open({ cifar10 }: { cifar10?: z.input<typeof schema10> }) {
    return open(CIFAR10, optionsOf('cifar10', schema10, cifar10).path, 0, CIFAR10_CLASSES)
  },
} satisfies DatasetKind

/** For the registry in kinds.ts. */
export const cifar100Kind = {
  name: 'cifar100',
  summary: 'CIFAR-100 in its binary form',
  reported: 'CIFAR-100',
  keys: { cifar100: schema100.optional().describe('where the files are, with dataset: cifar100') },
  files: ['cifar100.path'],
  open({ cifar100 }: { cifar100?: z.input<typeof schema100> }) {
    const { path: given, labels } = optionsOf('cifar100', schema100, cifar100)
    // A record begins with the coarse label, then the fine one.
    return labels === 'coarse' ? open(CIFAR100, given, 0, CIFAR100_COARSE) : open(CIFAR100, given, 1, CIFAR100_FINE)
  },
} satisfies DatasetKind
