/** Detects an image file's kind by its first bytes. The extension of its name is not used. */

/** The supported kinds. */
export const IMAGE_KINDS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const
export type ImageKind = (typeof IMAGE_KINDS)[number]

/** Unsupported kinds that are recognised, so that errors can name them. */
export type OtherKind = 'HEIC' | 'SVG' | 'PDF' | 'gzip' | 'BMP' | 'JPEG XL' | 'JPEG 2000'

/** Number of bytes that are searched, as text with one character per byte. */
export const HEAD_BYTES = 4096

/** The first bytes of each kind. */
const BEGINNINGS: readonly [ImageKind | OtherKind, ...string[]][] = [
  ['jpeg', '\xff\xd8\xff'],
  ['png', '\x89PNG\r\n\x1a\n'],
  ['gif', 'GIF87a', 'GIF89a'],
  ['tiff', 'II*\0', 'MM\0*', 'II+\0', 'MM\0+'],
  ['PDF', '%PDF-'],
  ['gzip', '\x1f\x8b'],
  ['BMP', 'BM'],
  ['JPEG XL', '\xff\x0a', '\0\0\0\x0cJXL '],
  ['JPEG 2000', '\xff\x4f\xff\x51', '\0\0\0\x0cjP  '],
]

/** Brands of ISO base media files with HEVC images, and brands that allow any coding. */
const HEIC = ['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'hevm', 'hevs', 'mif1', 'msf1']

/** The kind of an image file; undefined if unknown. */
export function imageKind(bytes: Uint8Array): ImageKind | OtherKind | undefined {
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString('latin1')
  const known = BEGINNINGS.find(([, ...texts]) => texts.some((text) => head.startsWith(text)))
  if (known !== undefined) return known[0]
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp'
  if (head.startsWith('ftyp', 4)) {
    const brands = brandsOf(head)
    if (brands.includes('avif') || brands.includes('avis')) return 'avif'
    return brands.some((brand) => HEIC.includes(brand)) ? 'HEIC' : undefined
  }
  // A byte-order mark, white space, a declaration or comments may come first. UTF-16 has a zero byte with each letter.
  const text = head.replaceAll('\0', '').replace(/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '')
  if (/^\s*</.test(text)) return /<(\w+:)?svg\b/i.test(text) ? 'SVG' : undefined
  return /^\s*%PDF-/.test(text) ? 'PDF' : undefined
}

/** The brands of an ISO base media file: the major brand, its version, the compatible ones. */
function brandsOf(head: string): string[] {
  const length = Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE(0)
  const text = head.slice(8, length)
  return [text.slice(0, 4), ...(text.slice(8).match(/.{4}/gs) ?? [])]
}

/** Whether a kind is supported. */
export const isReadable = (kind: string | undefined): kind is ImageKind => IMAGE_KINDS.includes(kind as ImageKind)
