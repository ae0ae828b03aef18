/** Accuracy against cost: panels of curves with seeds, means and intervals, labelled at the right edge. */
import { loadPlot, type PlotLibrary } from '../../drawing/plot'
import type { Interval } from '../analysis/statistics'
import { amount, times } from '../analysis/wording'
import { colour, FONT, fitted, type Look, line, spread, text, widthOf } from './plot-style'

export interface ScatterPoint {
  /** Multiply-adds. */
  x: number
  /** Share. */
  y: number
  /** Single seeds; empty if there is only one. */
  seeds?: readonly number[]
  interval?: Interval | null
  /** Drawn faintly, as one of many. */
  faint?: boolean
  /** Written below the mark. */
  note?: string
}

export interface ScatterSeries {
  look: Look
  /** The curve starts here; the point itself belongs to another series. */
  from?: { x: number; y: number }
  /** Whether to join the points. */
  joined: boolean
  /** In order of x. */
  points: readonly ScatterPoint[]
  /** Written at the right edge, with a line from the last point. */
  label?: string
}

export interface ScatterPanel {
  /** Above the panel. */
  title: string
  series: readonly ScatterSeries[]
  /** Unit of the x axis: its ticks are multiples of this cost. */
  unit: number
  xLabel: string
  /** Whether marks of nearly the same cost are moved apart sideways. */
  apart?: boolean
  /** Gives the panel a tinted background, to distinguish it from our own results. */
  tinted?: boolean
}

// px
const MARGIN = { left: 50, top: 46, bottom: 60 }
const LABEL_GAP = FONT + 4
/** Costs within this factor count as equal: two arms at both ends of a tolerance of 3 %. */
const SAME = 1.065

/** Powers of two times the unit within the range, at most about eight. */
function costTicks([low, high]: readonly [number, number], unit: number, room: number): number[] {
  const [first, last] = [Math.ceil(Math.log2(low / unit) - 1e-9), Math.floor(Math.log2(high / unit) + 1e-9)]
  const step = Math.max(1, Math.ceil((last - first + 1) / room))
  const ticks: number[] = []
  for (let power = Math.ceil(first / step) * step; power <= last; power += step) ticks.push(unit * 2 ** power)
  return ticks
}

/** The range of accuracies shown: all means and seeds, and as much of the intervals as leaves the rest readable. */
function accuracyRange(points: readonly ScatterPoint[]): [number, number] {
  const firm = points.flatMap(({ y, seeds = [] }) => [y, ...seeds])
  const [low, high] = [Math.min(...firm), Math.max(...firm)]
  const most = Math.max(0.02, high - low)
  const soft = points.flatMap(({ interval }) => interval ?? [])
  const bottom = Math.max(Math.min(low, ...soft), low - 0.75 * most, 0)
  const top = Math.min(Math.max(high, ...soft), high + 0.75 * most, 1)
  const margin = Math.max(0.005, (top - bottom) * 0.06)
  // A note below a mark needs room.
  const below = points.some(({ note }) => note !== undefined) ? 1.6 * margin : margin
  return [Math.max(0, bottom - below), Math.min(1, top + margin)]
}

/** For each point, the factor on x that moves marks of nearly equal cost apart. */
function sideways(
  points: readonly ScatterPoint[],
  step: number,
  toX: (x: number) => number,
  factor: (px: number) => number,
) {
  const shifts = new Map<ScatterPoint, number>()
  const order = points.filter(({ faint, note }) => !faint && note === undefined).sort((a, b) => a.x - b.x)
  let cluster: ScatterPoint[] = []
  const close = () => {
    const sorted = [...cluster].sort((a, b) => a.y - b.y)
    for (const [i, point] of sorted.entries()) {
      const centre = cluster.reduce((sum, { x }) => sum + toX(x), 0) / cluster.length
      const target = centre + (i - (sorted.length - 1) / 2) * step
      if (sorted.length > 1) shifts.set(point, factor(target - toX(point.x)))
    }
  }
  for (const point of order) {
    // Compared with the first of the cluster, not the last, so that a long row of marks does not become one cluster.
    const [first] = cluster
    if (first !== undefined && (point.x > first.x * SAME || toX(point.x) - toX(first.x) > 2 * step)) {
      close()
      cluster = []
    }
    cluster.push(point)
  }
  close()
  return (point: ScatterPoint) => point.x * (shifts.get(point) ?? 1)
}

interface Area {
  width: number
  height: number
  right: number
}

function marks(
  Plot: PlotLibrary,
  series: ScatterSeries,
  at: (point: ScatterPoint) => number,
  y: readonly [number, number],
) {
  const { look, points, joined, from } = series
  const ink = colour(look.colour)
  const clamp = (value: number) => Math.max(y[0], Math.min(y[1], value))
  const place = points.map((point) => ({ ...point, at: at(point) }))
  const track = [...(from ? [{ at: from.x, y: from.y }] : []), ...place]
  const bars = place.filter(({ interval }) => interval)
  const ends = bars.flatMap(({ at, interval }) =>
    [interval![0], interval![1]].flatMap((end, i) => (end === clamp(end) ? [] : [{ at, y: clamp(end), up: i === 1 }])),
  )
  const seeds = place.flatMap(({ at, seeds = [] }) => seeds.map((value) => ({ at, y: value })))
  const xy = { x: 'at', y: 'y' } as const
  const low = (d: { interval?: Interval | null }) => clamp(d.interval![0])
  const high = (d: { interval?: Interval | null }) => clamp(d.interval![1])
  const [pale, strong] = [place.filter(({ faint }) => faint), place.filter(({ faint }) => !faint)]
  // The base has a hollow mark, which differs from a filled circle in grayscale, too.
  const fill = look.colour === 'baseline' ? colour('paper') : ink
  return [
    ...(joined && track.length > 1
      ? [Plot.line(track, { ...xy, stroke: ink, strokeWidth: 1.75, strokeOpacity: 0.75 })]
      : []),
    Plot.ruleX(bars, { x: 'at', y1: low, y2: high, stroke: ink, strokeWidth: 1.5 }),
    ...[true, false].map((up) =>
      Plot.dot(
        ends.filter((end) => end.up === up),
        { ...xy, symbol: 'triangle', r: 3, rotate: up ? 0 : 180, fill: ink },
      ),
    ),
    Plot.dot(seeds, { ...xy, dx: -6, r: 2, fill: ink, fillOpacity: 0.55 }),
    Plot.dot(pale, { ...xy, symbol: look.symbol, r: 3.5, stroke: ink, fill: colour('paper'), strokeWidth: 1.25 }),
    Plot.dot(strong, { ...xy, symbol: look.symbol, r: 5, fill, stroke: ink, strokeWidth: 1.75 }),
  ]
}

/** Draws a panel; the result is the content of a `<g>`. */
async function panel({ title, series, unit, xLabel, apart, tinted }: ScatterPanel, { width, height, right }: Area) {
  const { Plot, document } = await loadPlot()
  const points = series.flatMap((entry) => entry.points)
  const costs = [...points.map(({ x }) => x), ...series.flatMap(({ from }) => (from ? [from.x] : []))]
  const reach: [number, number] = [Math.min(...costs) / 1.3, Math.max(...costs) * 1.3]
  // A single cost also needs an axis with some width.
  const x: [number, number] = reach[1] / reach[0] < 3 ? [reach[0] / 1.4, reach[1] * 1.4] : reach
  const y = accuracyRange(points)
  const [inner, tall] = [width - MARGIN.left - right, height - MARGIN.top - MARGIN.bottom]
  const toX = (value: number) => MARGIN.left + (inner * Math.log(value / x[0])) / Math.log(x[1] / x[0])
  const toY = (value: number) => MARGIN.top + tall * (1 - (value - y[0]) / (y[1] - y[0]))
  // Marks of equal cost would cover each other. With curves, the lines distinguish them, and a small shift is enough.
  const several = series.some(({ joined, points }) => joined && points.length > 1)
  const step = several ? 5 : Math.max(9, Math.min(15, inner / 40))
  const at = sideways(apart ? points : [], step, toX, (px) => (x[1] / x[0]) ** (px / inner))
  const xTicks = costTicks(x, unit, inner / 54)

  const plot = Plot.plot({
    document,
    width,
    height,
    marginLeft: MARGIN.left,
    marginRight: right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    x: { type: 'log', domain: x, axis: null },
    y: { domain: [...y], axis: null },
    marks: [
      Plot.gridY({ stroke: colour('grid'), strokeOpacity: 1, ticks: 6 }),
      Plot.gridX({ stroke: colour('grid'), strokeOpacity: 1, ticks: xTicks }),
      Plot.axisY({
        label: null,
        ticks: 6,
        tickSize: 0,
        tickFormat: (value: number) => String(Number((100 * value).toFixed(2))),
        fill: colour('muted'),
        fontSize: FONT,
      }),
      ...series.flatMap((entry) => marks(Plot, entry, at, y)),
    ],
  })
  for (const style of plot.querySelectorAll('style')) style.remove()

  const foot = height - MARGIN.bottom
  const ticks = xTicks.flatMap((tick) => [
    text(toX(tick), foot + 19, times(tick / unit), { anchor: 'middle', colour: 'ink' }),
    text(toX(tick), foot + 35, amount(tick), { anchor: 'middle', colour: 'muted', size: 11 }),
  ])
  const notes = points.flatMap((point) => {
    if (point.note === undefined) return []
    const lowest = Math.min(point.y, ...(point.seeds ?? []), point.interval?.[0] ?? 1)
    const below = Math.min(toY(Math.max(y[0], lowest)) + 19, foot - 4)
    const at = Math.max(MARGIN.left + widthOf(point.note) / 2, toX(point.x))
    return [
      text(at, below, point.note, {
        anchor: 'middle',
        colour: 'baseline',
        bold: true,
        halo: tinted ? 'tint' : 'paper',
      }),
    ]
  })
  const labelled = series.filter(({ label, points }) => label !== undefined && points.length > 0)
  const heads = labelled.map((entry) => entry.points[entry.points.length - 1])
  const places = spread(
    heads.map((head) => toY(head.y)),
    LABEL_GAP,
    MARGIN.top + 4,
    foot - 4,
  )
  const edge = width - right + 8
  const labels = labelled.flatMap(({ label, look }, i) => [
    line(
      toX(at(heads[i])) + 8,
      toY(heads[i].y),
      edge - 3,
      places[i],
      look.colour,
      'stroke-width="1" stroke-opacity="0.45"',
    ),
    text(edge, places[i] + 4.5, fitted(label!, right - 12), { colour: look.colour, bold: true }),
  ])
  return [
    tinted ? `<rect x="4" y="4" width="${width - 8}" height="${height - 8}" rx="8" fill="${colour('tint')}"/>` : '',
    text(16, 24, fitted(title, width - 28), { bold: true }),
    `<g text-anchor="middle">${plot.innerHTML}</g>`,
    line(MARGIN.left, foot, width - right, foot, 'rule'),
    ...ticks,
    text(MARGIN.left + inner / 2, height - 8, fitted(xLabel, width - 20), { anchor: 'middle', colour: 'muted' }),
    ...labels,
    ...notes,
  ].join('')
}

/** Panels side by side, or one below the other if the width is too small. @returns content and its height */
export async function scatterPanels(
  panels: readonly ScatterPanel[],
  width: number,
): Promise<{ body: string; height: number }> {
  const narrow = width < 600
  const columns = narrow ? 1 : Math.min(2, panels.length)
  const each = width / columns
  const labels = panels.flatMap(({ series }) => series.map(({ label }) => (label === undefined ? 0 : widthOf(label))))
  const right = Math.min(Math.max(20, ...labels.map((label) => label * 1.1 + 14)), each * (columns > 1 ? 0.34 : 0.36))
  const height = narrow ? 330 : columns > 1 ? 380 : 440
  const drawn = await Promise.all(
    panels.map(async (entry, i) => {
      const [left, top] = [(i % columns) * each, Math.floor(i / columns) * height]
      return `<g transform="translate(${left},${top})">${await panel(entry, { width: each, height, right })}</g>`
    }),
  )
  return { body: drawn.join(''), height: height * Math.ceil(panels.length / columns) }
}
