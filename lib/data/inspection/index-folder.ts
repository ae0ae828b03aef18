/** Writes the manifest of a folder of images. */
import { dataError } from '../../files/data-file'
import { byteString } from '../../files/entries'
import { isFolder } from '../../files/folders'
import { type ManifestRow, writeManifest } from '../listing/manifest'
import { digestOf } from './examine'
import { inFolder, Survey } from './survey'

export interface Indexed {
  /** Path of the manifest. */
  manifest: string
  images: number
  bytes: number
  /** Number of classes. */
  classes: number
  notes: string[]
}

/**
 * Computes the checksum of every image below a folder and writes them to `manifest.jsonl` in it, in one step.
 *
 * @param onImage receives the number of images so far
 * @throws MbconvError ERR_DATA if there is no image; ERR_IO if a file cannot be read, or the manifest not written
 */
export function indexFolder(folder: string, onImage: (count: number) => void = () => {}): Indexed {
  if (!isFolder(folder)) throw dataError(folder, 'is not a folder', 'A manifest is of a folder of image files.')
  const survey = new Survey()
  const classes = new Set<string>()
  let [images, bytes] = [0, 0]
  function* rows(): Generator<ManifestRow> {
    for (const { name, place, className } of inFolder(byteString(folder), survey)) {
      const digest = digestOf(place.file)
      onImage(++images)
      bytes += digest.bytes
      if (className !== undefined) classes.add(className)
      yield { name, ...digest, ...(className !== undefined && { class: className }) }
    }
    // An error keeps the file that was there before.
    if (images === 0) throw dataError(folder, 'has no images', 'Check the path.')
  }
  const manifest = writeManifest(folder, rows())
  return {
    manifest,
    images,
    bytes,
    classes: classes.size,
    notes: [...survey.notes, ...survey.left.notes(folder)],
  }
}
