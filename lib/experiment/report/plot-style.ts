/**
 * Colours, symbols and the outer frame of a report's plots.
 *
 * Pictures are drawn in the light colours; a page that also has a dark face replaces each by a CSS variable. Hues keep
 * apart for readers with any colour vision, and each series has a symbol besides, so that gray paper serves as well.
 */
import { FONT_FAMILY } from '../../drawing/font'
import { escapeXml } from '../../drawing/xml'

/** [light, dark] by the name of the CSS variable. */
export const COLOURS = {
  paper: ['#ffffff', '#15181d'],
  ink: ['#20242c', '#e6e8ec'],
  muted: ['#5a616d', '#a2a9b5'],
  grid: ['#e3e6ea', '#2c323b'],
  rule: ['#aab0ba', '#5b6470'],
  tint: ['#f5f3ee', '#1d2025'],
  baseline: ['#454b57', '#bcc2cc'],
  depth: ['#1d62ad', '#74b2ff'],
  width: ['#b45309', '#ffa657'],
  resolution: ['#0f7b63', '#4fd0a8'],
  compound: ['#a01f63', '#ff85bd'],
  fifth: ['#6245bd', '#b7a2ff'],
  sixth: ['#7c6500', '#dcc04e'],
  seventh: ['#00768a', '#55cbe0'],
  eighth: ['#7a4a2b', '#d9a27c'],
} as const satisfies Record<string, readonly [string, string]>

export type ColourName = keyof typeof COLOURS

/** The light colour, as pictures are drawn. */
export const colour = (name: ColourName): string => COLOURS[name][0]

/** Replaces the colours of a picture by CSS variables with the light colour behind them. */
export function withVariables(svg: string): string {
  const names = new Map(Object.entries(COLOURS).map(([name, [light]]) => [light as string, name]))
  return svg.replace(/="(#[0-9a-f]{6})"/g, (all, hex: string) => {
    const name = names.get(hex)
    return name === undefined ? all : `="var(--${name}, ${hex})"`
  })
}

/** How a series looks. */
export interface Look {
  colour: ColourName
  symbol: 'circle' | 'triangle' | 'square' | 'diamond' | 'star' | 'wye' | 'cross'
}

const LOOKS: Record<string, Look> = {
  baseline: { colour: 'baseline', symbol: 'circle' },
  depth: { colour: 'depth', symbol: 'triangle' },
  width: { colour: 'width', symbol: 'square' },
  resolution: { colour: 'resolution', symbol: 'diamond' },
  compound: { colour: 'compound', symbol: 'circle' },
}
const SPARE: Look[] = [
  { colour: 'fifth', symbol: 'triangle' },
  { colour: 'sixth', symbol: 'square' },
  { colour: 'seventh', symbol: 'diamond' },
  { colour: 'eighth', symbol: 'wye' },
  { colour: 'depth', symbol: 'star' },
  { colour: 'compound', symbol: 'cross' },
]

/** The looks of these dimensions or series: the known ones have their own, the others one each as long as they last. */
export function looksOf(dimensions: readonly string[]): (dimension: string) => Look {
  const others = [...new Set(dimensions)].filter((dimension) => !Object.hasOwn(LOOKS, dimension))
  return (dimension) => {
    if (Object.hasOwn(LOOKS, dimension)) return LOOKS[dimension]
    return SPARE[Math.max(0, others.indexOf(dimension)) % SPARE.length]
  }
}

/** Letters' height in px of the picture. */
export const FONT = 13

/** Roughly how wide a text is in px: enough to place labels, since nothing here can measure. */
export function widthOf(text: string, size = FONT): number {
  const parts = Array.from(text, (c) => (' ,.-filjrtI()'.includes(c) ? 0.32 : 'mwMW%–'.includes(c) ? 0.84 : 0.57))
  return parts.reduce((sum, part) => sum + part, 0) * size
}

/** The text cut to a width, with an ellipsis where something is missing. */
export function fitted(text: string, width: number, size = FONT): string {
  // Where the picture's own font is missing another one takes its place, and may be wider.
  const room = width / 1.06
  if (widthOf(text, size) <= room) return text
  let kept = Array.from(text)
  while (kept.length > 1 && widthOf(`${kept.join('')}…`, size) > room) kept = kept.slice(0, -1)
  return `${kept.join('').trimEnd()}…`
}

export interface TextStyle {
  anchor?: 'start' | 'middle' | 'end'
  colour?: ColourName
  bold?: boolean
  size?: number
  /** Clears what lies behind, with the ground's colour. */
  halo?: ColourName
}

/** A `<text>`; x and y in px, y that of the base line. */
export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { anchor = 'start', colour: name = 'ink', bold = false, size = FONT, halo } = style
  if (words === '') return ''
  const weight = bold ? ' font-weight="bold"' : ''
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  const around =
    halo === undefined ? '' : ` stroke="${colour(halo)}" stroke-width="5" stroke-linejoin="round" paint-order="stroke"`
  return `<text ${place}${around} text-anchor="${anchor}" fill="${colour(name)}" font-size="${size}"${weight}>${escapeXml(words)}</text>`
}

// `colour` is taken by the option above.
const colourOf = colour

/** A straight line. */
export function line(x1: number, y1: number, x2: number, y2: number, name: ColourName, extra = ''): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1))
  return `<path d="M${a},${b}L${c},${d}" stroke="${colourOf(name)}" fill="none"${extra && ` ${extra}`}/>`
}

export interface FrameOptions {
  width: number
  height: number
  /** What the picture shows, for those who cannot see it. */
  description: string
  /** Written above the picture; left out where a page says it. */
  heading?: { title: string; subtitle: string }
}

/** Height that a heading takes, px. */
const HEADING = 66

/** The outer `<svg>`: white, with the package's own font. */
export function frame({ width, height, description, heading }: FrameOptions, body: string): string {
  const top = heading === undefined ? 0 : HEADING
  const family = `${FONT_FAMILY}, 'Helvetica Neue', Arial, sans-serif`
  const head =
    heading === undefined
      ? ''
      : text(16, 32, fitted(heading.title, width - 32, 20), { bold: true, size: 20 }) +
        text(16, 53, fitted(heading.subtitle, width - 32), { colour: 'muted' })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + top}" width="${width}" height="${height + top}"`,
    ` role="img" aria-label="${escapeXml(description)}" font-family="${family}" font-size="${FONT}" fill="${colour('ink')}" color="${colour('ink')}">`,
    // On a page a title would follow the pointer about.
    heading === undefined ? '' : `<title>${escapeXml(description)}</title>`,
    `<rect width="${width}" height="${height + top}" fill="${colour('paper')}"/>`,
    head,
    top === 0 ? body : `<g transform="translate(0,${top})">${body}</g>`,
    '</svg>\n',
  ].join('')
}

/** Moves positions apart until each has `gap` to the next, as little as possible and within [low, high] if they fit. */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b] || a - b)
  const placed = order.map((i) => wanted[i])
  // Blocks of touching labels move as one to the mean of what their members want.
  let blocks = placed.map((position) => ({ positions: [position] }))
  const start = (members: number[]) => {
    const centre = members.reduce((a, b) => a + b) / members.length
    const half = ((members.length - 1) * gap) / 2
    return Math.max(low, Math.min(high - 2 * half, centre - half))
  }
  for (let merged = true; merged; ) {
    merged = false
    const next: typeof blocks = []
    for (const block of blocks) {
      const before = next.at(-1)
      const end = before && start(before.positions) + (before.positions.length - 1) * gap
      if (before !== undefined && end !== undefined && start(block.positions) - end < gap - 1e-9) {
        before.positions.push(...block.positions)
        merged = true
      } else next.push({ positions: [...block.positions] })
    }
    blocks = next
  }
  const result = new Array<number>(wanted.length)
  let at = 0
  for (const { positions } of blocks) {
    const first = start(positions)
    for (let k = 0; k < positions.length; k++) result[order[at++]] = first + k * gap
  }
  return result
}
