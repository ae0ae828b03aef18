/** One row per arm or difference: its seeds, mean and interval on a shared axis. */
import { loadPlot } from '../../drawing/plot'
import type { Interval } from '../analysis/statistics'
import { colour, FONT, fitted, type Look, line, text, widthOf } from './plot-style'

export interface Row {
  label: string
  look: Look
  /** Single seeds. */
  seeds: readonly number[]
  mean: number
  interval: Interval | null
  /** Draws a hollow mark: the difference is not significant, or the candidate is indistinguishable from the best. */
  hollow?: boolean
  /** Written at the right edge. */
  value: string
  /** Written beside the value. */
  detail?: string
}

export interface RowsOptions {
  rows: readonly Row[]
  /** Below the axis. */
  xLabel: string
  /** A reference line and its label. */
  reference?: { at: number; label: string }
  /** Formats the numbers of the axis. */
  format: (value: number) => string
}

// px
const TOP = 30
const BOTTOM = 50

function domainOf({ rows, reference }: RowsOptions): [number, number] {
  const firm = [...rows.flatMap(({ seeds, mean }) => [mean, ...seeds]), ...(reference ? [reference.at] : [])]
  const [low, high] = [Math.min(...firm), Math.max(...firm)]
  const most = Math.max(0.01, high - low)
  const soft = rows.flatMap(({ interval }) => interval ?? [])
  const from = Math.max(Math.min(low, ...soft), low - most)
  const to = Math.min(Math.max(high, ...soft), high + most)
  // If all values are nearly equal, the axis still spans a point or two, so noise is not magnified.
  const margin = Math.max((to - from) * 0.04, (0.02 - (to - from)) / 2)
  return [from - margin, to + margin]
}

/** Draws the rows. @returns content and its height */
export async function rowsPlot(options: RowsOptions, width: number): Promise<{ body: string; height: number }> {
  const { Plot, document } = await loadPlot()
  const { rows, xLabel, reference, format } = options
  const narrow = width < 600
  // On a phone the text is above its row.
  const pitch = narrow ? 46 : rows.length > 16 ? 24 : 34
  const longest = Math.max(...rows.map(({ label }) => widthOf(label))) * 1.08
  const left = narrow ? 16 : Math.min(Math.max(80, longest + 24), width * 0.34)
  const column = (texts: string[]) => Math.max(...texts.map((words) => widthOf(words))) * 1.04
  const details = column(rows.map(({ detail = '' }) => detail))
  const apart = details > 0 ? 14 : 0
  const right = narrow ? 16 : column(rows.map(({ value }) => value)) + apart + details + 26
  const height = TOP + rows.length * pitch + BOTTOM
  const x = domainOf(options)
  const inner = width - left - right
  const toX = (value: number) => left + (inner * (value - x[0])) / (x[1] - x[0])
  const clamp = (value: number) => Math.max(x[0], Math.min(x[1], value))
  const placed = rows.map((row, i) => ({ ...row, y: i + (narrow ? 0.68 : 0.5) }))
  const bars = placed.filter(({ interval }) => interval !== null)
  const cut = bars.flatMap(({ y, interval, look }) =>
    interval!.flatMap((end, i) => (end === clamp(end) ? [] : [{ x: clamp(end), y, look, angle: i === 0 ? -90 : 90 }])),
  )
  const ink = ({ look }: { look: Look }) => colour(look.colour)

  const plot = Plot.plot({
    document,
    width,
    height,
    marginLeft: left,
    marginRight: right,
    marginTop: TOP,
    marginBottom: BOTTOM,
    x: { domain: [...x], axis: null },
    y: { domain: [rows.length, 0], axis: null },
    marks: [
      Plot.gridX({ stroke: colour('grid'), strokeOpacity: 1, ticks: Math.max(3, Math.floor(inner / 80)) }),
      Plot.axisX({
        label: null,
        ticks: Math.max(3, Math.floor(inner / 80)),
        tickSize: 0,
        tickFormat: format,
        fill: colour('muted'),
        fontSize: FONT,
      }),
      Plot.ruleY(bars, {
        y: 'y',
        x1: ({ interval }) => clamp(interval![0]),
        x2: ({ interval }) => clamp(interval![1]),
        stroke: ink,
        strokeWidth: 2,
        strokeOpacity: 0.8,
      }),
      ...[-90, 90].map((angle) =>
        Plot.dot(
          cut.filter((end) => end.angle === angle),
          { x: 'x', y: 'y', symbol: 'triangle', rotate: angle, r: 3.5, fill: ink },
        ),
      ),
      Plot.dot(
        placed.flatMap(({ seeds, y, look }) => (seeds.length > 1 ? seeds.map((seed) => ({ seed, y, look })) : [])),
        { x: 'seed', y: 'y', dy: pitch > 30 ? 8 : 6, r: 2.25, fill: ink, fillOpacity: 0.6 },
      ),
      ...placed.map((row) =>
        Plot.dot([row], {
          x: 'mean',
          y: 'y',
          symbol: row.look.symbol,
          r: 5,
          fill: row.hollow ? colour('paper') : ink,
          stroke: ink,
          strokeWidth: 1.75,
        }),
      ),
    ],
  })
  for (const style of plot.querySelectorAll('style')) style.remove()

  const words = placed.flatMap(({ label, value, detail = '', look }, i) => {
    const top = TOP + i * pitch
    const y = narrow ? top + 16 : top + pitch / 2 + 4.5
    const room = narrow ? width - 50 - widthOf(value) - details : left - 20
    return [
      text(narrow ? 16 : left - 14, y, fitted(label, room), {
        anchor: narrow ? 'start' : 'end',
        colour: look.colour,
        bold: true,
        halo: narrow ? 'paper' : undefined,
      }),
      text(width - 16 - details - apart, y, value, { anchor: 'end', halo: narrow ? 'paper' : undefined }),
      text(width - 16, y, detail, { anchor: 'end', colour: 'muted', halo: narrow ? 'paper' : undefined }),
    ]
  })
  // Keeps a label inside the figure even if its mark is at the edge.
  const held = (at: number, label: string) => {
    const half = widthOf(label) / 2 + 6
    return Math.max(half, Math.min(width - half, at))
  }
  const measure =
    reference === undefined
      ? ''
      : line(toX(reference.at), TOP - 4, toX(reference.at), height - BOTTOM, 'muted', 'stroke-dasharray="4 3"') +
        text(held(toX(reference.at), reference.label), TOP - 11, reference.label, { anchor: 'middle', colour: 'muted' })
  const body = [
    `<g text-anchor="middle">${plot.innerHTML}</g>`,
    measure,
    line(left, height - BOTTOM, width - right, height - BOTTOM, 'rule'),
    text(left + inner / 2, height - 10, fitted(xLabel, width - 16), { anchor: 'middle', colour: 'muted' }),
    ...words,
  ]
  return { body: body.join(''), height }
}
