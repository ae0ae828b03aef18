/**
 * Folders of image files with a folder for each class, as torchvision's ImageFolder reads them.
 *
 * `photos/cat/1.jpg`, or with the parts apart: `photos/train/cat/1.jpg`, `photos/val/cat/2.jpg`, `photos/test/cat/3.jpg`.
 */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { byteString, joined, pathOfBytes } from '../../files/entries'
import { isFolder } from '../../files/folders'
import { optionsOf } from '../../schema/options'
import type { DataParts, DatasetKind } from '../dataset/kind'
import { dataParts, type ListedImages, type ListedPart } from '../dataset/photo-dataset'
import { readClassFolders, shownName } from '../listing/class-folders'
import { checkHoldOut, holdOutFields } from '../listing/hold-out'
import { ImageTable } from '../listing/image-table'
import { hasManifest, readManifest } from '../listing/manifest'
import { checkSameClasses, partFolders } from '../listing/parts'

const folderOf = (what: string) => z.string().min(1).nullable().default(null).describe(`folder of ${what}`)

const schema = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('folder that has a folder of images for each class, or such folders in train, val and test'),
  validation: folderOf('the images to evaluate during training'),
  test: folderOf('the images to evaluate at the end'),
  ...holdOutFields(),
})

export type FolderOptions = z.input<typeof schema>

const WHERE = 'data.folder'

/**
 * Opens a folder of images.
 *
 * Evaluated images come from `validation` and `test`, or from the folders `val` and `test` beside `train`. Without
 * either, a share of the training images is held out.
 *
 * @throws MbconvError ERR_CONFIG for options that contradict each other; ERR_DATA for a missing folder, no classes, or
 *   parts with different classes; ERR_IO for a folder that cannot be read
 */
export const openFolder = (given: FolderOptions): DataParts => dataParts(listFolder(given))

/** The images of a folder before some are held out. @throws as {@link openFolder} */
export function listFolder(given: FolderOptions): ListedImages {
  const options = optionsOf('folder', schema, given)
  if (!isFolder(options.path)) throw dataError(options.path, 'is not a folder', 'Check data.folder.path.')
  const root = byteString(options.path)
  const found = partFolders(root)
  const chosen = (key: 'validation' | 'test'): string | undefined => {
    const explicit = options[key]
    if (explicit === null) return found[key]
    if (found[key] === undefined) return byteString(explicit)
    const text = `${WHERE}.${key}: ${options.path} has a folder for it already, ${shownName(found[key])}`
    throw new MbconvError('ERR_CONFIG', text, { hint: 'Leave the key out, or give the folder train as path.' })
  }
  const [validation, test] = [chosen('validation'), chosen('test')]
  checkHoldOut(WHERE, options, {
    ...(validation !== undefined && { validation: shownName(validation) }),
    ...(test !== undefined && { test: shownName(test) }),
  })
  const notes = [...found.notes]
  const train = readPart(root, found.train, notes)
  const evaluated = (folder: string | undefined): ListedPart | undefined => {
    if (folder === undefined) return undefined
    const part = readPart(root, folder, notes)
    checkSameClasses(part.name, train.classes, part.classes)
    return part
  }
  const parts = { train, validation: evaluated(validation), test: evaluated(test) }
  return { where: WHERE, parts, options, notes }
}

function readPart(root: string, folder: string, notes: string[]): ListedPart {
  const table = new ImageTable()
  const { classes, notes: own } = readClassFolders(folder, { homes: [root, folder], add: (row) => table.add(row) })
  notes.push(...own)
  return {
    name: shownName(folder),
    ...{ classes, table },
    placeOf(row) {
      const path = joined(folder, table.name(row))
      return { name: shownName(path), file: pathOfBytes(path) }
    },
    checksums: (rows) => checksumsOf(root, folder, table, rows),
  }
}

/** The checksums of images from the folder's manifest; undefined unless it has all of them, with the files' sizes. */
function checksumsOf(root: string, folder: string, table: ImageTable, rows: Int32Array): string[] | undefined {
  const home = [folder, root].find(hasManifest)
  if (home === undefined) return undefined
  const known = new Map<string, { bytes: number; sha256: string }>()
  for (const { name, bytes, sha256 } of readManifest(home)) known.set(name, { bytes, sha256 })
  const sums: string[] = []
  for (const row of rows) {
    const path = joined(folder, table.name(row))
    // A name in the manifest begins below its folder.
    const found = known.get(path.slice(joined(home, '.').length - 1))
    if (found === undefined || found.bytes !== table.bytes(row)) return undefined
    sums.push(found.sha256)
  }
  return sums
}

/** For the registry in kinds.ts. */
export const folderKind = {
  name: 'folder',
  summary: 'image files of yours, in a folder for each class',
  reported: 'a folder of images',
  hasFiles: true,
  keys: { folder: schema.optional().describe('where the images are, with dataset: folder') },
  files: ['folder.path'],
  optionalFiles: ['folder.validation', 'folder.test'],
  open: ({ folder }: { folder?: FolderOptions }) => openFolder(folder as FolderOptions),
} satisfies DatasetKind
