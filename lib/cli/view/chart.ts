/** Small line charts in text. */

export interface Series {
  title: string
  /** [x, y] with increasing x; a y that is not finite leaves a gap. */
  points: [number, number][]
  /** Formats a value on the axis. */
  label: (value: number) => string
}

export interface ChartSize {
  /** Total columns, including the axis. */
  width: number
  /** Lines of the plot, without title and x-axis. */
  height: number
  /** Draw with Braille dots, 2 × 4 per character; otherwise with asterisks. */
  unicode: boolean
}

/** Bits of a braille character's dots, by row and column. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
]

/**
 * A chart as lines of equal length: title, plot with the largest and smallest value at its side, and the range of x.
 * Points that fall on one column are averaged.
 */
export function chart({ title, points, label }: Series, { width, height, unicode }: ChartSize): string[] {
  const finite = points.filter(([, y]) => Number.isFinite(y))
  if (finite.length === 0) return []
  const [low, high] = bounds(finite.map(([, y]) => y))
  const [first, last] = [finite[0][0], finite[finite.length - 1][0]]
  const labels = [label(high), label(low)]
  const margin = Math.max(...labels.map((text) => text.length))
  const columns = Math.max(4, width - margin - 3)
  const [across, down] = unicode ? [2, 4] : [1, 1]
  const grid = rasterize(finite, { columns: columns * across, rows: height * down, first, last, low, high })

  const lines = grid.length === 0 ? [] : [`${' '.repeat(margin + 3)}${title}`]
  for (let row = 0; row < height; row++) {
    const side = row === 0 ? labels[0] : row === height - 1 ? labels[1] : ''
    const cells = Array.from({ length: columns }, (_, column) => cell(grid, row, column, unicode)).join('')
    lines.push(`${side.padStart(margin)} ${unicode ? (side ? '┤' : '│') : '|'} ${cells}`.slice(0, width))
  }
  const foot = [String(first), String(last)]
  const space = Math.max(1, columns - foot[0].length - foot[1].length)
  lines.push(`${' '.repeat(margin + 3)}${foot[0]}${' '.repeat(space)}${foot[1]}`)
  return lines.map((line) => line.padEnd(width).slice(0, width))
}

/** The range of the values, widened slightly if all are equal. */
function bounds(values: number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b))
  const high = values.reduce((a, b) => Math.max(a, b))
  if (high > low) return [low, high]
  const room = Math.abs(low) * 0.05 || 1
  return [low - room, high + room]
}

interface Raster {
  columns: number
  rows: number
  first: number
  last: number
  low: number
  high: number
}

/** Sets the dots of a line through the points: grid[row][column]. */
function rasterize(points: [number, number][], raster: Raster): boolean[][] {
  const { columns, rows, first, last, low, high } = raster
  const sums = new Map<number, { sum: number; count: number }>()
  for (const [x, y] of points) {
    const column = last > first ? Math.round(((x - first) / (last - first)) * (columns - 1)) : 0
    const bin = sums.get(column) ?? { sum: 0, count: 0 }
    bin.sum += y
    bin.count++
    sums.set(column, bin)
  }
  const heights = [...sums].map(([column, { sum, count }]): [number, number] => {
    const share = (sum / count - low) / (high - low)
    return [column, Math.round((1 - share) * (rows - 1))]
  })
  const grid = Array.from({ length: rows }, () => new Array<boolean>(columns).fill(false))
  let [fromColumn, fromRow] = heights[0]
  for (const [column, row] of heights) {
    for (let x = fromColumn; x <= column; x++) {
      // The line's rows within this column, so that a steep stretch has no holes. They end just short of the column's
      // edges, where a gentle slope would be drawn twice.
      const part = (at: number) => fromRow + ((row - fromRow) * (at - fromColumn)) / Math.max(1, column - fromColumn)
      const [a, b] = [part(Math.max(fromColumn, x - 0.499)), part(Math.min(column, x + 0.499))]
      for (let y = Math.round(Math.min(a, b)); y <= Math.round(Math.max(a, b)); y++) grid[y][x] = true
    }
    fromColumn = column
    fromRow = row
  }
  return grid
}

function cell(grid: boolean[][], row: number, column: number, unicode: boolean): string {
  if (!unicode) return grid[row][column] ? '*' : ' '
  let bits = 0
  for (let y = 0; y < 4; y++) for (let x = 0; x < 2; x++) if (grid[4 * row + y][2 * column + x]) bits |= DOTS[y][x]
  return bits === 0 ? ' ' : String.fromCharCode(0x2800 + bits)
}

/** Places charts side by side if the line is wide enough, else below each other. */
export function beside(left: string[], right: string[], gap: string): string[] {
  if (left.length === 0 || right.length === 0) return [...left, ...right]
  return Array.from(
    { length: Math.max(left.length, right.length) },
    (_, i) => `${left[i] ?? ''}${gap}${right[i] ?? ''}`,
  )
}
