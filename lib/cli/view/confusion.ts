/** Formats the confusion matrix, or the classes or labels that are recognised least, as text. */
import { percent, whole } from '../../text/figures'
import { printable } from '../../text/foreign-text'
import { table } from '../../text/table'
import type { MultiLabelEvaluation, PerClass } from '../../train/record/events'
import { cutTo, type Output, type Paint, padStart, widthOf } from './output'

/** Wider matrices do not fit on a screen; their worst cells are more useful. */
const MOST_CLASSES = 24

/**
 * Lines of a confusion matrix.
 *
 * @param matrix counts, matrix[true class][predicted class]
 * @param names class names
 * @param output provides colour (shades by share of the row) and width
 */
export function confusionLines(matrix: number[][], names: string[], output: Output): string[] {
  const classes = names.map(printable)
  const dot = output.unicode ? '·' : '.'
  const short = classes.map((name) => (widthOf(name) > 12 ? `${cutTo(name, 11)}${output.unicode ? '…' : '.'}` : name))
  const margin = Math.max(4, ...short.map(widthOf))
  const counts = matrix.flat().map((count) => String(count).length)
  const cell = Math.max(3, ...short.map(widthOf), ...counts) + 1
  if (classes.length > MOST_CLASSES || margin + cell * classes.length + 10 > Math.max(80, output.columns))
    return worstPairs(matrix, classes, output)

  const { paint } = output
  const head = `${'true'.padStart(margin)} ${paint('dim', short.map((name) => padStart(name, cell)).join(''))}`
  const rows = matrix.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0)
    const cells = row.map((count, predicted) => {
      const text = (count === 0 ? dot : String(count)).padStart(cell)
      return output.colored ? shade(paint, text, count, total, truth === predicted) : text
    })
    const right = total > 0 ? `${((100 * row[truth]) / total).toFixed(1)} %` : dot
    return `${paint('dim', padStart(short[truth], margin))} ${cells.join('')}  ${right.padStart(7)}`
  })
  return [paint('bold', 'Confusion matrix') + paint('dim', '  (columns: predicted; right: share found)'), head, ...rows]
}

/** Background by share of the true class: green on the diagonal, red elsewhere. */
const RIGHT = ['right0', 'right1', 'right2', 'right3'] as const
const WRONG = ['wrong0', 'wrong1', 'wrong2', 'wrong3'] as const

function shade(paint: Paint, text: string, count: number, total: number, right: boolean): string {
  if (count === 0 || total === 0) return paint('dim', text)
  const share = count / total
  // Most mistakes are a few per cent: the square root makes them visible.
  const level = Math.min(3, Math.floor(4 * (right ? share : Math.sqrt(share))))
  return paint((right ? RIGHT : WRONG)[level], text)
}

/** Classes in {@link hardestLines}. */
const MOST_HARDEST = 10

/** Lines of the classes that are recognised least, for results without a matrix. */
export function hardestLines(perClass: PerClass | null, names: string[], output: Output): string[] {
  if (perClass === null) return []
  const { images, precision, recall } = perClass
  const rows = recall.flatMap((share, i) => (share === null ? [] : [{ share, i }]))
  rows.sort((a, b) => a.share - b.share || a.i - b.i)
  const share = shareText(output)
  return [
    output.paint('bold', 'Hardest classes') + output.paint('dim', '  (recall: share found; precision: share right)'),
    ...table(
      [
        { title: '  recall', right: true },
        { title: 'precision', right: true },
        { title: 'images', right: true },
        { title: 'class' },
      ],
      rows
        .slice(0, MOST_HARDEST)
        .map(({ i }) => [share(recall[i]), share(precision[i]), whole(images[i]), printable(names[i])]),
      (_, text) => output.paint('dim', text),
    ),
  ]
}

/** A share, or a dot where there is none. */
const shareText =
  ({ unicode }: Output) =>
  (value: number | null): string =>
    value === null ? (unicode ? '·' : '.') : percent(value, 1)

/** Lines of the labels with the lowest average precision. */
export function hardestLabelLines({ perClass, thresholds, classes }: MultiLabelEvaluation, output: Output): string[] {
  if (perClass === null) return []
  const { images, averagePrecision, f1, precision, recall } = perClass
  // Labels that no evaluated image has come last.
  const rank = (label: number) => averagePrecision[label] ?? 2
  const order = classes.map((_, label) => label).sort((a, b) => rank(a) - rank(b) || a - b)
  const share = shareText(output)
  const more = classes.length - MOST_CLASSES
  return [
    output.paint('bold', 'Labels') + output.paint('dim', '  (AP: average precision; the others at the threshold)'),
    ...table(
      [
        ...['  AP', 'F1', 'precision', 'recall', 'threshold', 'images'].map((title) => ({ title, right: true })),
        { title: 'label' },
      ],
      order
        .slice(0, MOST_CLASSES)
        .map((label) => [
          ...[averagePrecision, f1, precision, recall].map((figures) => share(figures[label])),
          String(Number(thresholds[label].toPrecision(3))),
          whole(images[label]),
          printable(classes[label]),
        ]),
      (_, text) => output.paint('dim', text),
    ),
    ...(more > 0 ? [`and ${whole(more)} more; --json has all`] : []),
  ]
}

function worstPairs(matrix: number[][], classes: string[], { paint, unicode }: Output): string[] {
  const pairs = matrix.flatMap((row, truth) =>
    row.flatMap((count, predicted) => (count > 0 && truth !== predicted ? [{ truth, predicted, count }] : [])),
  )
  pairs.sort((a, b) => b.count - a.count)
  const arrow = unicode ? '→' : '->'
  return [
    paint('bold', 'Most frequent mistakes') + paint('dim', '  (true class, taken for)'),
    ...pairs
      .slice(0, 10)
      .map(
        ({ truth, predicted, count }) =>
          `  ${String(count).padStart(6)}  ${classes[truth]} ${arrow} ${classes[predicted]}`,
      ),
    ...(pairs.length === 0 ? ['  none'] : []),
  ]
}
