/** Compares the shards of a cache with their checksums. */
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { MbconvError } from '../../errors/error'
import { FileWindow } from '../../files/window'
import { type CacheShard, imageBytes, readCachedImages, readCacheIndex } from '../cache/format'
import type { Finding, Verified } from './finding'

/** Bytes that are read at once. */
const PIECE = 2 ** 20

/**
 * Checks a cache.
 *
 * @param report receives a finding for each shard that is missing or changed
 * @param onImage receives the number of images so far
 * @throws MbconvError ERR_DATA for an index that is damaged, or does not fit its rows
 */
export async function verifyCache(
  folder: string,
  report: (finding: Finding) => void,
  onImage: (count: number) => void,
): Promise<Verified> {
  const index = readCacheIndex(folder)
  readCachedImages(folder, index)
  const findings = { missing: 0, changed: 0, new: 0, broken: 0 }
  let bytes = 0
  for (const shard of index.shards) {
    const name = path.join(folder, shard.file)
    const found = examined(name, shard)
    if (found !== undefined) {
      findings[found.type]++
      report({ ...found, name, problem: `${name}: ${found.problem}` })
    }
    bytes += shard.bytes
    onImage(bytes / imageBytes(index.preprocessing))
  }
  return { images: index.rows.count, manifest: true, findings, notes: [] }
}

function examined(name: string, shard: CacheShard): Omit<Finding, 'name'> | undefined {
  let file: FileWindow
  try {
    file = new FileWindow(name, 'verifyCache', PIECE)
  } catch (error) {
    return { type: 'missing', problem: (error as MbconvError).message }
  }
  try {
    if (file.size !== shard.bytes)
      return { type: 'changed', problem: `has ${file.size} bytes instead of ${shard.bytes}` }
    let crc = 0
    for (let at = 0; at < shard.bytes; at += PIECE) crc = crc32(file.at(at, PIECE), crc)
    const found = crc.toString(16).padStart(8, '0')
    if (found !== shard.crc32)
      return { type: 'changed', problem: `has the checksum ${found} instead of ${shard.crc32}` }
    return undefined
  } catch (error) {
    if (!(error instanceof MbconvError)) throw error
    return { type: 'broken', problem: error.message }
  } finally {
    file.close()
  }
}
