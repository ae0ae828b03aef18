/** Formats what was found about image files, and how many have been looked at. */

import type { DuplicateGroup } from '../../data/inspection/duplicates'
import type { Inspection, Side } from '../../data/inspection/inspect'
import * as format from './format'
import { indented, type Output, table } from './output'

/** The most rows of classes, and names of images, that are shown. --json has all. */
const MOST_CLASSES = 40
const MOST_NAMES = 10

export function inspectionLines(path: string, found: Inspection, output: Output): string[] {
  const { paint } = output
  const { images, bytes, classes, labelsPerImage, width, height } = found
  const named = classes.filter(({ name }) => name !== null).length
  const formats = Object.entries(found.formats).map(([kind, count]) => `${format.whole(count)} ${kind}`)
  const special = [
    [found.rotated, 'turned by EXIF data'],
    [found.cmyk, 'CMYK'],
    [found.gray, 'gray'],
    [found.deep, 'of 16 bits'],
  ] as const
  const facts = special.flatMap(([count, what]) => (count > 0 ? [`${format.whole(count)} ${what}`] : []))
  return [
    `${paint('bold', path)}  ${format.counted(images, 'image')} in ${format.countedClasses(named)}, ${format.bytes(bytes)}`,
    ...(labelsPerImage !== null ? [`labels of an image: ${labelCountTexts(labelsPerImage).join(', ')}`] : []),
    ...(formats.length > 0 ? [`formats: ${formats.join(', ')}`] : []),
    ...(width !== null && height !== null ? [`size, px: width ${sideText(width)}, height ${sideText(height)}`] : []),
    ...(facts.length > 0 ? [`of these: ${facts.join(', ')}`] : []),
    '',
    ...classLines(found, output),
    ...brokenLines(found, output),
    ...duplicateLines(found, output),
  ]
}

const sideText = ({ smallest, median, largest }: Side): string =>
  smallest === largest ? String(smallest) : `${smallest} to ${largest}, median ${median}`

/** `2 without`, `10 with 1`, `3 with 2`: images by their number of labels. */
const labelCountTexts = (counts: Record<number, number>): string[] =>
  Object.entries(counts).map(
    ([labels, images]) => `${format.whole(images)} ${labels === '0' ? 'without' : `with ${labels}`}`,
  )

function classLines({ classes, parts, labelsPerImage }: Inspection, output: Output): string[] {
  const titles = parts.length === 0 ? ['images'] : parts
  const keys = parts.length === 0 ? (['all'] as const) : parts
  const nameless = labelsPerImage === null ? '(in no class folder)' : '(without a label)'
  const rows = classes
    .slice(0, MOST_CLASSES)
    .map(({ name, counts }) => [name ?? nameless, ...keys.map((key) => format.whole(counts[key] ?? 0))])
  const columns = [{ title: 'class' }, ...titles.map((title) => ({ title, right: true }))]
  return [...table(columns, rows, output.paint), ...moreLine(classes.length, MOST_CLASSES, 'classes')]
}

function brokenLines({ broken }: Inspection, { paint }: Output): string[] {
  if (broken.length === 0) return []
  const lines = broken
    .slice(0, MOST_NAMES)
    .flatMap(({ problem }) => indented(`${paint('yellow', 'broken:')} ${problem}`))
  return ['', ...lines, ...moreLine(broken.length, MOST_NAMES, 'broken images')]
}

function duplicateLines({ duplicates }: Inspection, { paint }: Output): string[] {
  const { acrossClasses, acrossParts, others } = duplicates
  const groups = (found: DuplicateGroup[], what: string) => [
    ...found
      .slice(0, MOST_NAMES)
      .flatMap(({ names }) => indented(`${paint('yellow', `${what}:`)} ${names.join(', ')}`)),
    ...moreLine(found.length, MOST_NAMES, 'such groups'),
  ]
  const plain = others === 0 ? [] : [`${format.counted(others, 'image')} of the same bytes as another of its class`]
  const lines = [
    ...groups(acrossClasses, 'the same image in several classes'),
    ...groups(acrossParts, 'the same image in several parts'),
    ...plain,
  ]
  return lines.length === 0 ? [] : ['', ...lines]
}

const moreLine = (count: number, most: number, what: string): string[] =>
  count > most ? [`and ${format.whole(count - most)} more ${what}; --json has all`] : []

/** Milliseconds between two notes. */
const INTERVAL = 10_000

/** A function that is called with the number of images so far, and of all if known, and shows it every ten seconds. */
export function countingNotes(output: Output, now = Date.now): (count: number, all?: number) => void {
  let shown = now()
  return (count, all) => {
    if (now() - shown < INTERVAL) return
    shown = now()
    output.note(
      output.paintNote(
        'dim',
        all === undefined
          ? `${format.counted(count, 'image')} so far`
          : `${format.whole(count)} of ${format.counted(all, 'image')}`,
      ),
    )
  }
}
