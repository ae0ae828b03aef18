/**
 * Colours, symbols and the outer frame of a report's plots.
 *
 * Figures are drawn in the light colours. A page with a dark mode replaces each colour by a CSS variable. The hues can
 * be distinguished with any colour vision, and each series also has its own symbol, for grayscale prints.
 */
import { FONT_FAMILY } from '../../drawing/font'
import { escapeXml } from '../../drawing/xml'

/** [light, dark] for each CSS variable. */
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

/** The light colour, in which figures are drawn. */
export const colour = (name: ColourName): string => COLOURS[name][0]

/** Replaces the colours of a figure by CSS variables with the light colour as fallback. */
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

/**
 * Looks for these dimensions or series. Known dimensions have fixed looks; the others take spare ones in order,
 * repeating if they run out.
 */
export function looksOf(dimensions: readonly string[]): (dimension: string) => Look {
  const others = [...new Set(dimensions)].filter((dimension) => !Object.hasOwn(LOOKS, dimension))
  return (dimension) => {
    if (Object.hasOwn(LOOKS, dimension)) return LOOKS[dimension]
    return SPARE[Math.max(0, others.indexOf(dimension)) % SPARE.length]
  }
}

/** Font size, px. */
export const FONT = 13

/** Approximate width of a text, px. Exact measuring is not possible here; this is enough to place labels. */
export function widthOf(text: string, size = FONT): number {
  const parts = Array.from(text, (c) => (' ,.-filjrtI()'.includes(c) ? 0.32 : 'mwMW%–'.includes(c) ? 0.84 : 0.57))
  return parts.reduce((sum, part) => sum + part, 0) * size
}

/** The text, shortened to a width with an ellipsis. */
export function fitted(text: string, width: number, size = FONT): string {
  // If the figure's font is missing, the fallback font may be wider.
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
  /** Colour of an outline that hides what is behind the text. */
  halo?: ColourName
}

/** A `<text>` element; x and y in px, y is the baseline. */
export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { anchor = 'start', colour: name = 'ink', bold = false, size = FONT, halo } = style
  if (words === '') return ''
  const weight = bold ? ' font-weight="bold"' : ''
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  const around =
    halo === undefined ? '' : ` stroke="${colour(halo)}" stroke-width="5" stroke-linejoin="round" paint-order="stroke"`
  return `<text ${place}${around} text-anchor="${anchor}" fill="${colour(name)}" font-size="${size}"${weight}>${escapeXml(words)}</text>`
}

// A parameter below is also called `colour`.
const colourOf = colour

/** A straight line. */
export function line(x1: number, y1: number, x2: number, y2: number, name: ColourName, extra = ''): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1))
  return `<path d="M${a},${b}L${c},${d}" stroke="${colourOf(name)}" fill="none"${extra && ` ${extra}`}/>`
}

export interface FrameOptions {
  width: number
  height: number
  /** Text alternative for screen readers. */
  description: string
  /** Title above the figure; omitted on pages that have their own. */
  heading?: { title: string; subtitle: string }
}

/** Height of a heading, px. */
const HEADING = 66

/** The outer `<svg>`: a white background and the package's font. */
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
    // On a page, a title element would be shown as a tooltip everywhere in the figure.
    heading === undefined ? '' : `<title>${escapeXml(description)}</title>`,
    `<rect width="${width}" height="${height + top}" fill="${colour('paper')}"/>`,
    head,
    top === 0 ? body : `<g transform="translate(0,${top})">${body}</g>`,
    '</svg>\n',
  ].join('')
}

/**
 * Moves positions apart, as little as possible, until neighbours have distance `gap`; stays within [low, high] if
 * possible.
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b] || a - b)
  const placed = order.map((i) => wanted[i])
  // Touching labels form a block, which is centred on the mean of its members' wanted positions.
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
