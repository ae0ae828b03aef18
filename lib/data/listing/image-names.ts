/** Which files of a folder or archive are images. */
import { FileWindow } from '../../files/window'
import { HEAD_BYTES, imageKind, isReadable } from '../images/image-kind'

/** Extensions of images, in lower case. */
export const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['jpg', 'jpeg', 'jpe', 'jfif', 'png', 'webp', 'gif', 'tif', 'tiff', 'avif'],
])

/** The extension of a file name, in lower case; undefined if it has none. */
export function extensionOf(name: string): string | undefined {
  const dot = name.lastIndexOf('.')
  return dot <= 0 || dot < name.lastIndexOf('/') ? undefined : name.slice(dot + 1).toLowerCase()
}

/**
 * Whether a file begins like an image. A file that cannot be opened does not.
 *
 * @param path a byte string
 */
export function beginsLikeImage(path: string): boolean {
  let file: FileWindow | undefined
  try {
    file = new FileWindow(Buffer.from(path, 'latin1'), 'open', HEAD_BYTES)
    return isReadable(imageKind(file.at(0, HEAD_BYTES)))
  } catch {
    return false
  } finally {
    file?.close()
  }
}
