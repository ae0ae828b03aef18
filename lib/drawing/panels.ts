/**
 * Draws panels of curves below each other over a common x axis, as an SVG.
 *
 * Observable Plot draws each panel into a linkedom document. Plot would make titles and legends as HTML, so they are
 * added here: the result is one plain SVG.
 */

import { FONT_FAMILY } from './font'
import { loadPlot, type PlotLibrary } from './plot'
import type { Point } from './series'
import { escapeXml } from './xml'

export interface Curve {
  points: readonly Point[]
  colour: string
  /** The name in the legend; a curve without a name is not listed. */
  name?: string
  /** Thin and pale, for the raw values behind a smoothed curve. */
  faint?: boolean
  /** Mark the points. */
  dots?: boolean
  /** Formats the label beside the last point. */
  last?: (y: number) => string
}

export interface Panel {
  /** Label of the y axis, with its unit. */
  label: string
  range: readonly [number, number]
  curves: readonly Curve[]
}

export interface Picture {
  title: string
  subtitle: string
  xLabel: string
  panels: readonly Panel[]
}

// All in px of the SVG.
const WIDTH = 860
const HEADER = 76
const PANEL = 236
const X_LABEL = 26
const MARGIN = { left: 74, right: 68, top: 34, bottom: 26 }
const FONT_SIZE = 13
const INK = '#22262e'
const MUTED = '#5d6470'
/** The shortest form of a number: 0.004, 1e-5, 500. */
function short(value: number): string {
  const rounded = Number(value.toPrecision(6))
  return rounded !== 0 && Math.abs(rounded) < 1e-3 ? rounded.toExponential() : String(rounded)
}

/** Estimated width of a text, px: accurate enough to place legends, since nothing here can measure text. */
function widthOf(text: string): number {
  const parts = Array.from(text, (c) => (' ,.-filjrt'.includes(c) ? 0.31 : 'mw'.includes(c) ? 0.81 : 0.55))
  return parts.reduce((sum, part) => sum + part, 0) * FONT_SIZE
}

/** The names of the curves, right-aligned above the panel's frame. */
function legend(curves: readonly Curve[]): string {
  const swatch = 22
  let right = WIDTH - MARGIN.right
  // A single curve is named by its panel.
  if (curves.length < 2) return ''
  return curves
    .flatMap(({ name, points, ...look }) => (name !== undefined && points.length > 0 ? [{ name, ...look }] : []))
    .reverse()
    .map(({ name, colour, dots }) => {
      const start = right - widthOf(name)
      const line = `<path d="M${start - swatch - 6},15h${swatch}" stroke="${colour}" stroke-width="2.5"/>`
      const dot = dots ? `<circle cx="${start - swatch / 2 - 6}" cy="15" r="3.5" fill="${colour}"/>` : ''
      right = start - swatch - 24
      return `${line}${dot}<text x="${start}" y="19.5" text-anchor="start">${escapeXml(name)}</text>`
    })
    .join('')
}

/** Converts a curve to Plot's marks. */
function marksOf(Plot: PlotLibrary, { points, colour, faint, dots, last }: Curve) {
  const xy = { x: 'x', y: 'y' }
  const stroke = faint ? { strokeWidth: 1, strokeOpacity: 0.25 } : { strokeWidth: 2 }
  // A single point makes no line; with many points, dots would hide it.
  const marked = points.length === 1 || (dots && points.length <= 60)
  const radius = points.length > 30 ? 2 : 3
  const end = points.slice(-1)
  const beside = { textAnchor: 'start', dx: 9, fontWeight: 'bold', fill: colour } as const
  return [
    Plot.lineY(points, { ...xy, stroke: colour, ...stroke, clip: true }),
    ...(marked ? [Plot.dot(points, { ...xy, fill: colour, r: radius })] : []),
    ...(last ? [Plot.dot(end, { ...xy, fill: colour, r: 4 })] : []),
    ...(last ? [Plot.text(end, { ...xy, text: ({ y }: Point) => last(y), ...beside })] : []),
  ]
}

/** Draws the panels. */
export async function panelsToSvg({ title, subtitle, xLabel, panels }: Picture): Promise<string> {
  const { Plot, document } = await loadPlot()

  const xs = panels.flatMap(({ curves }) => curves.flatMap(({ points }) => points.map(({ x }) => x)))
  // Step 0 is before the first step, so that a run of one step still has an axis.
  const high = xs.reduce((a, b) => Math.max(a, b), 1)
  // With fewer steps than ticks, Plot would use fractions.
  const xTicks = high < 8 ? Array.from({ length: high + 1 }, (_, i) => i) : 8

  const drawn = panels.map(({ label, range, curves }, i) => {
    // Plot's own labels have equally many decimals, which for very small numbers would be mostly zeros.
    const tickFormat = range[1] < 0.01 ? short : undefined
    const plot = Plot.plot({
      document,
      width: WIDTH,
      height: PANEL,
      marginLeft: MARGIN.left,
      marginRight: MARGIN.right,
      marginTop: MARGIN.top,
      marginBottom: MARGIN.bottom,
      x: { domain: [0, high] },
      y: { domain: [...range] },
      marks: [
        Plot.gridY({ stroke: INK, strokeOpacity: 0.12, ticks: 5 }),
        Plot.gridX({ stroke: INK, strokeOpacity: 0.06, ticks: xTicks }),
        Plot.axisX({ label: null, ticks: xTicks, tickFormat: ',d', stroke: MUTED, fill: MUTED }),
        Plot.axisY({ label: null, tickFormat, ticks: 5, stroke: MUTED, fill: MUTED }),
        ...curves.flatMap((curve) => marksOf(Plot, curve)),
      ],
    })
    // Plot's style sheet is meant for HTML pages; the root element sets everything it would set.
    for (const style of plot.querySelectorAll('style')) style.remove()
    const heading = `<text x="14" y="19.5" text-anchor="start" font-weight="bold">${escapeXml(label)}</text>`
    return `<g transform="translate(0,${HEADER + i * PANEL})">${heading}${legend(curves)}${plot.innerHTML}</g>`
  })

  const height = HEADER + panels.length * PANEL + X_LABEL
  const family = `${FONT_FAMILY}, 'Helvetica Neue', Arial, sans-serif`
  const middle = MARGIN.left + (WIDTH - MARGIN.left - MARGIN.right) / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`,
    ` font-family="${family}" font-size="${FONT_SIZE}" text-anchor="middle" fill="${INK}" color="${INK}">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="14" y="34" text-anchor="start" font-size="20" font-weight="bold">${escapeXml(title)}</text>`,
    `<text x="14" y="56" text-anchor="start" fill="${MUTED}">${escapeXml(subtitle)}</text>`,
    ...drawn,
    `<text x="${middle}" y="${height - 12}" font-weight="bold">${escapeXml(xLabel)}</text>`,
    '</svg>\n',
  ].join('')
}
