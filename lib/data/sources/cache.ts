/** Caches of decoded images, which `mbconv data cache` writes: training reads pixels in place of image files. */
import { createHash } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import { dataError } from '../../files/data-file'
import type { FilePath } from '../../files/open'
import { optionsOf } from '../../schema/options'
import { type CachedLayout, checkShards, imageBytes, readCachedImages, readCacheIndex } from '../cache/format'
import type { EncodedImage } from '../dataset/image-dataset'
import type { DataParts, DatasetKind } from '../dataset/kind'
import { dataParts, type ListedImages, type ListedPart } from '../dataset/photo-dataset'
import { shownName } from '../listing/class-folders'
import { checkGroups, checkHoldOut, holdOutFields } from '../listing/hold-out'

const schema = z.strictObject({
  path: z.string().min(1).describe('folder that mbconv data cache has written'),
  ...holdOutFields(),
})

export type CacheOptions = z.input<typeof schema>

const WHERE = 'data.cache'

/**
 * Opens a cache. It has the parts of the images that it was made from. Where it has none for evaluation, the same images
 * are held out as from the files.
 *
 * @throws MbconvError ERR_CONFIG for options that contradict each other; ERR_DATA for a folder that is no cache, or a
 *   cache that is damaged
 */
export const openCache = (given: CacheOptions): DataParts => dataParts(listCache(given))

/** The images of a cache, by part. */
export function listCache(given: CacheOptions): ListedImages {
  const options = optionsOf('cache', schema, given)
  const folder = options.path
  const index = readCacheIndex(folder)
  checkShards(folder, index)
  const { table, rowsOf, shares } = readCachedImages(folder, index)
  if (rowsOf.train === undefined) throw dataError(folder, 'has no training images', 'Training needs some.')
  checkHoldOut(WHERE, options, {
    ...(rowsOf.validation && { validation: `the part of ${folder}` }),
    ...(rowsOf.test && { test: `the part of ${folder}` }),
  })
  checkGroups(WHERE, options, folder, table, rowsOf.train)
  const { classes, multiLabel, preprocessing, shards } = index
  const files = shards.map(({ file }) => path.join(folder, file))
  const each = imageBytes(preprocessing)
  const inShard = shards[0].bytes / each
  // The list of names and labels is the source's; the pixels tell apart what was made of it.
  const pixels = JSON.stringify([preprocessing, shards.map(({ crc32 }) => crc32)])
  const checksum = createHash('sha256').update(pixels).digest('hex')
  const partOf = (rows: Int32Array | undefined): ListedPart | undefined =>
    rows && {
      name: folder,
      ...{ classes, table, rows, multiLabel, cached: preprocessing },
      placeOf: (row) =>
        new CachedImage(
          files[Math.floor(row / inShard)],
          { offset: (row % inShard) * each, length: each },
          preprocessing,
          () => shownName(table.name(row)),
        ),
      checksums: () => [checksum],
      share: (row) => shares[row],
    }
  const [train, validation, test] = [rowsOf.train, rowsOf.validation, rowsOf.test].map(partOf)
  return { where: WHERE, parts: { train: train!, validation, test }, options, notes: [] }
}

/** An image of a cache. Its name is made when it is asked for: most images never need one. */
class CachedImage implements EncodedImage {
  readonly pixels: { readonly height: number; readonly width: number }

  constructor(
    readonly file: FilePath,
    readonly part: { readonly offset: number; readonly length: number },
    { size }: CachedLayout,
    private readonly ownName: () => string,
  ) {
    this.pixels = { height: size, width: size }
  }

  get name(): string {
    return `${this.file}:${this.ownName()}`
  }
}

/** For the registry in kinds.ts. */
export const cacheKind = {
  name: 'cache',
  summary: 'decoded images that mbconv data cache has written',
  reported: 'a cache of images',
  hasFiles: true,
  saysMultiLabel: true,
  keys: { cache: schema.optional().describe('which cache, with dataset: cache') },
  files: ['cache.path'],
  open: ({ cache }: { cache?: CacheOptions }) => openCache(cache as CacheOptions),
} satisfies DatasetKind
