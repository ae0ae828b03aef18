/** The confusion matrix as a block of text. */
import type { Output } from './output'

/** Wider matrices scroll off any screen; their worst cells say more. */
const MOST_CLASSES = 24

/**
 * Lines of a confusion matrix.
 *
 * @param matrix counts, matrix[true class][predicted class]
 * @param classes a name for each class
 * @param output decides on colour (shades by share of the row) and width
 */
export function confusionLines(matrix: number[][], classes: string[], output: Output): string[] {
  const dot = output.unicode ? '·' : '.'
  const names = classes.map((name) => (name.length > 12 ? `${name.slice(0, 11)}${output.unicode ? '…' : '.'}` : name))
  const margin = Math.max(4, ...names.map((name) => name.length))
  const counts = matrix.flat().map((count) => String(count).length)
  const cell = Math.max(3, ...names.map((name) => name.length), ...counts) + 1
  if (classes.length > MOST_CLASSES || margin + cell * classes.length + 10 > Math.max(80, output.columns))
    return worstPairs(matrix, classes, output)

  const { paint } = output
  const head = `${'true'.padStart(margin)} ${paint('dim', names.map((name) => name.padStart(cell)).join(''))}`
  const rows = matrix.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0)
    const cells = row.map((count, predicted) => {
      const text = (count === 0 ? dot : String(count)).padStart(cell)
      return output.colored ? shade(text, count, total, truth === predicted) : text
    })
    const right = total > 0 ? `${((100 * row[truth]) / total).toFixed(1)} %` : dot
    return `${paint('dim', names[truth].padStart(margin))} ${cells.join('')}  ${right.padStart(7)}`
  })
  return [paint('bold', 'Confusion matrix') + paint('dim', '  (columns: predicted; right: share found)'), head, ...rows]
}

/** Background by share of the true class: greens on the diagonal, reds off it (indices of the 256-colour palette). */
const RIGHT = [22, 28, 34, 40]
const WRONG = [52, 88, 124, 160]

function shade(text: string, count: number, total: number, right: boolean): string {
  if (count === 0 || total === 0) return `\u001b[2m${text}\u001b[0m`
  const share = count / total
  // Most mistakes are a few per cent: a root makes them visible.
  const level = Math.min(3, Math.floor(4 * (right ? share : Math.sqrt(share))))
  return `\u001b[48;5;${(right ? RIGHT : WRONG)[level]};38;5;231m${text}\u001b[0m`
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
