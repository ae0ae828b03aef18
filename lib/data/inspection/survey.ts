/** The images of anything that holds labelled image files: folders, lists, tar archives. */
import path from 'node:path'
import { dataError } from '../../files/data-file'
import { byteString, type Entry, entryAt, joined, pathOfBytes } from '../../files/entries'
import { isCompressed, shardFiles } from '../archives/shard-names'
import { shardSamples } from '../archives/shard-samples'
import { isCache } from '../cache/format'
import type { EncodedImage } from '../dataset/image-dataset'
import { Search, shownName } from '../listing/class-folders'
import { extensionOf } from '../listing/image-names'
import { LeftOut } from '../listing/left-out'
import { readList } from '../listing/list-file'
import { MANIFEST } from '../listing/manifest'
import { PARTS, type Part, partFolders } from '../listing/parts'

export interface SurveyedImage {
  /** A byte string: the path below the folder, the path in the list, or the name in the archive. */
  name: string
  place: EncodedImage
  /** Undefined for images in no class folder. Several labels are sorted and joined: cat|dog. */
  className?: string
  /** Of lists and archives: all labels, any number. */
  labels?: readonly string[]
  part?: Part
}

/** What is found besides images. */
export class Survey {
  readonly left = new LeftOut()
  readonly notes: string[] = []
}

export const LIST_EXTENSIONS = ['csv', 'tsv', 'jsonl', 'ndjson']

/**
 * All images at a path, in order.
 *
 * @param given a folder, a list (CSV, JSONL), or an archive or pattern of archives
 * @param survey receives what is left out
 * @throws MbconvError ERR_DATA for a missing or damaged list or archive; ERR_IO
 */
export function* surveyed(given: string, survey: Survey): Generator<SurveyedImage, void, undefined> {
  const extension = extensionOf(path.basename(given)) ?? ''
  const kind = entryAt(byteString(given))?.kind
  if (kind === 'folder' && isCache(given))
    throw dataError(given, 'is a cache of decoded images', 'mbconv data verify checks it.')
  if (kind === 'folder') yield* inFolder(byteString(given), survey)
  else if (LIST_EXTENSIONS.includes(extension)) yield* inList(given)
  else if (extension === 'tar') yield* inShards(given, survey)
  else if (isCompressed(given)) throw dataError(given, 'is compressed', 'Unpack it: gunzip. Plain archives are read.')
  else if (kind === undefined) throw dataError(given, 'no such file or folder', 'Check the path.')
  else
    throw dataError(
      given,
      'is neither a folder nor a list nor a tar archive',
      `Lists end in .${LIST_EXTENSIONS.join(', .')}.`,
    )
}

/** @param folder a byte string */
export function* inFolder(folder: string, survey: Survey): Generator<SurveyedImage, void, undefined> {
  const search = new Search([folder], survey.left)
  const parts = partFolders(folder)
  survey.notes.push(...parts.notes)
  if (parts.train === folder) return yield* inClassFolders(search, folder, '')
  for (const part of PARTS) {
    const place = parts[part]
    // A name begins below the whole folder, and so with that of the part.
    if (place !== undefined) yield* inClassFolders(search, place, place.slice(joined(folder, '.').length - 1), part)
  }
}

function* inClassFolders(
  search: Search,
  folder: string,
  relative: string,
  part?: Part,
): Generator<SurveyedImage, void, undefined> {
  const found = (name: string, place: string, className?: string): SurveyedImage => ({
    name,
    place: { name: shownName(place), file: pathOfBytes(place) },
    ...(className !== undefined && { className }),
    ...(part !== undefined && { part }),
  })
  const folders: Entry[] = []
  for (const entry of search.entries(folder, relative)) {
    const name = joined(relative, entry.name)
    if (entry.kind === 'folder') folders.push(entry)
    else if (search.isImage(folder, entry)) yield found(name, joined(folder, entry.name))
    else if (name !== MANIFEST) search.left.add('other', shownName(name))
  }
  for (const { name: own, identity } of folders) {
    const className = shownName(own).normalize('NFC')
    for (const { name } of search.images(joined(folder, own), own, new Set([identity])))
      yield found(joined(relative, name), joined(folder, name), className)
  }
}

/** Copies of an image with the same labels in another order are of one class. */
const joinedLabels = (labels: readonly string[]): string => [...labels].sort().join('|')

function* inList(file: string): Generator<SurveyedImage, void, undefined> {
  const images: SurveyedImage[] = []
  const columns = { path: 'path', label: 'label', split: null, group: null }
  readList(file, { columns, multiLabel: true }, ({ path: name, labels, part }) => {
    const place = path.resolve(path.dirname(file), name)
    images.push({
      name: byteString(name),
      place: { name: place, file: place },
      className: joinedLabels(labels),
      labels,
      ...(part !== undefined && { part }),
    })
  })
  yield* images
}

function* inShards(pattern: string, survey: Survey): Generator<SurveyedImage, void, undefined> {
  const options = { image: null, label: null, labelKey: 'label', multiLabel: true }
  for (const file of shardFiles([pattern]))
    for (const { image, labels } of shardSamples(file, options, survey.left))
      yield {
        name: image.name,
        place: {
          name: `${file}:${shownName(image.name)}`,
          file,
          part: { offset: image.offset, length: image.bytes },
        },
        className: joinedLabels(labels),
        labels,
      }
}
