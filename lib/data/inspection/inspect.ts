/** Says what images there are: classes, formats, sizes, damage, duplicates. */
import { inOrder } from '../../process/in-order'
import type { ImageFacts } from '../images/image-file'
import { PARTS, type Part } from '../listing/parts'
import { type DuplicateGroup, Duplicates } from './duplicates'
import { examine } from './examine'
import { Survey, surveyed } from './survey'

/** Numbers of images of one class, by part; `all` where there are no parts. An image counts for each of its labels. */
export interface ClassCounts {
  /** Null for images in no class folder, or without a label. */
  name: string | null
  counts: Partial<Record<Part | 'all', number>>
}

export interface Side {
  smallest: number
  median: number
  largest: number
}

export interface Inspection {
  images: number
  bytes: number
  /** The parts that there are; none if images are not in parts. */
  parts: Part[]
  classes: ClassCounts[]
  /** Images by their number of labels; null if each has one. */
  labelsPerImage: Record<number, number> | null
  /** Images by format. */
  formats: Record<string, number>
  /** px, of the pictures as stored; null without a readable image. */
  width: Side | null
  height: Side | null
  /** Pictures that EXIF data says to turn or mirror. */
  rotated: number
  cmyk: number
  gray: number
  /** Pictures with 16 bits a value. */
  deep: number
  /** Images that cannot be read or decoded. */
  broken: { name: string; problem: string }[]
  /** Images of the same bytes, where the classes or parts differ. */
  duplicates: { acrossClasses: DuplicateGroup[]; acrossParts: DuplicateGroup[]; others: number }
  /** Numbers of what is no image, by reason. */
  leftOut: Record<string, number>
  notes: string[]
}

/**
 * Reads and decodes all images at a path.
 *
 * @param given as in {@link surveyed}
 * @param onImage receives the number of images so far
 * @throws MbconvError ERR_DATA for a damaged list or archive; ERR_IO; ERR_ENVIRONMENT without a decoder
 */
export async function inspect(given: string, onImage: (count: number) => void = () => {}): Promise<Inspection> {
  const survey = new Survey()
  const classes = new Map<string | null, ClassCounts>()
  const labelCounts = new Map<number, number>()
  const parts = new Set<Part>()
  const formats = new Map<string, number>()
  const [widths, heights]: [number[], number[]] = [[], []]
  const flags = { rotated: 0, cmyk: 0, gray: 0, deep: 0 }
  const broken: Inspection['broken'] = []
  const duplicates = new Duplicates()
  let [images, bytes] = [0, 0]
  const add = (facts: ImageFacts) => {
    formats.set(facts.kind, (formats.get(facts.kind) ?? 0) + 1)
    widths.push(facts.width)
    heights.push(facts.height)
    if (facts.orientation !== 1) flags.rotated++
    if (facts.space === 'cmyk') flags.cmyk++
    if (facts.space === 'b-w' || facts.space === 'grey16') flags.gray++
    if (facts.depth !== 'uchar') flags.deep++
  }
  for await (const [image, found] of inOrder(surveyed(given, survey), ({ place }) => examine(place))) {
    onImage(++images)
    bytes += found.bytes
    const { className = null, labels = [className], part, place } = image
    labelCounts.set(labels.length, (labelCounts.get(labels.length) ?? 0) + 1)
    for (const name of labels.length === 0 ? [null] : labels) {
      const own = classes.get(name) ?? { name, counts: {} }
      classes.set(name, own)
      own.counts[part ?? 'all'] = (own.counts[part ?? 'all'] ?? 0) + 1
    }
    if (part !== undefined) parts.add(part)
    if (found.facts !== undefined) add(found.facts)
    if (found.problem !== undefined) broken.push({ name: place.name, problem: found.problem })
    if (found.sha256 !== undefined) duplicates.add(found.sha256, { name: place.name, className, part })
  }
  return {
    ...{ images, bytes },
    parts: PARTS.filter((part) => parts.has(part)),
    classes: [...classes.values()],
    labelsPerImage: [...labelCounts.keys()].some((count) => count !== 1) ? Object.fromEntries(labelCounts) : null,
    formats: Object.fromEntries(formats),
    ...{ width: sideOf(widths), height: sideOf(heights), ...flags, broken },
    duplicates: duplicates.found(),
    leftOut: survey.left.counts(),
    notes: [...survey.notes, ...survey.left.notes(given)],
  }
}

function sideOf(values: number[]): Side | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).sort()
  return { smallest: sorted[0], median: sorted[(sorted.length - 1) >> 1], largest: sorted[sorted.length - 1] }
}
