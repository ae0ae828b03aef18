/** Draws a photograph beside its copy with a heat-map on top, as SVG. */
import { percent } from '../text/figures'
import { FONT_FAMILY } from './font'
import { escapeXml } from './xml'

export interface HeatMapPicture {
  /** PNG files: the photograph, and the heat-map with opacity. */
  photo: Uint8Array
  heat: Uint8Array
  /** Of the photograph, px. */
  width: number
  height: number
  /** The area of the photograph that the heat-map covers, as fractions of its sides; beyond 0 … 1 nothing is drawn. */
  region: { left: number; top: number; width: number; height: number }
  /** The explained class, and its probability, 0 … 1. */
  label: string
  probability: number
  /** The most probable classes. */
  guesses: readonly { label: string; probability: number }[]
  /** A line below the picture. */
  note: string
}

/** From cold to hot: matplotlib's inferno at equal steps, which suits colour-blind readers, too. */
const COLORS = ['#000004', '#420a68', '#932667', '#dd513a', '#fca50a', '#fcffa4'].map((color) =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)),
)

/** Red, green, blue and opacity (bytes) of a heat in 0 … 1. Cold places are darkened, so that hot ones stand out. */
function colorOf(heat: number): number[] {
  const at = Math.min(Math.max(heat, 0), 1) * (COLORS.length - 1)
  const low = Math.min(Math.floor(at), COLORS.length - 2)
  const mixed = COLORS[low].map((value, i) => Math.round(value + (COLORS[low + 1][i] - value) * (at - low)))
  return [...mixed, Math.round(255 * (0.45 + 0.2 * heat))]
}

/** A heat-map as four bytes per pixel, row by row. */
export function heatPixels(heat: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(Array.from(heat).flatMap(colorOf))
}

/** In SVG units: side of the box that a picture fits into, and the space around it. */
const [BOX, MARGIN, GAP, LEGEND] = [320, 20, 16, 92]

/** Cuts a label to fit on a line. */
const short = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

export function heatMapSvg({ photo, heat, width, height, region, ...text }: HeatMapPicture): string {
  const scale = BOX / Math.max(width, height)
  const [w, h] = [width * scale, height * scale]
  const href = (png: Uint8Array) => `data:image/png;base64,${Buffer.from(png).toString('base64')}`
  // Keep the single pixels of a small picture sharp.
  const rendering = scale > 2 ? ' image-rendering="optimizeSpeed"' : ''
  const image = `<image width="${w}" height="${h}" preserveAspectRatio="none"${rendering} href="${href(photo)}"/>`
  const [x, y] = [region.left * w, region.top * h]
  const [rw, rh] = [region.width * w, region.height * h]
  const total = { width: 2 * (w + MARGIN) + GAP, height: h + 2 * MARGIN + LEGEND }
  const right = MARGIN + w + GAP
  const below = MARGIN + h + 30
  const stops = COLORS.map((rgb, i) => `<stop offset="${i / (COLORS.length - 1)}" stop-color="rgb(${rgb})"/>`).join('')
  const outside = region.width < 1 || region.height < 1
  const veil = `<path fill="#fff" fill-opacity="0.6" fill-rule="evenodd" d="M0 0H${w}V${h}H0ZM${x} ${y}h${rw}v${rh}h${-rw}Z"/>`
  const most = Math.max(12, Math.floor(w / 11))
  const guesses = text.guesses.map(({ label, probability }, i) => {
    const line = `${escapeXml(short(label, most))}<tspan dx="9">${percent(probability, 1)}</tspan>`
    return `<text x="${MARGIN}" y="${below + 18 * i}" fill="${i === 0 ? '#1a1a1a' : '#6b6b6b'}">${line}</text>`
  })
  const barWidth = Math.min(w, 200)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" font-family="${FONT_FAMILY}" font-size="13">
<defs><linearGradient id="heat">${stops}</linearGradient><clipPath id="photo"><rect width="${w}" height="${h}"/></clipPath></defs>
<g transform="translate(${MARGIN} ${MARGIN})">${image}</g>
<g transform="translate(${right} ${MARGIN})">${image}
<g clip-path="url(#photo)"><image x="${x}" y="${y}" width="${rw}" height="${rh}" preserveAspectRatio="none" href="${href(heat)}"/></g>${outside ? veil : ''}</g>
${guesses.join('\n')}
<text x="${right}" y="${below}" font-weight="700" fill="#1a1a1a">${escapeXml(short(text.label, most))}<tspan dx="9">${percent(text.probability, 1)}</tspan></text>
<rect x="${right}" y="${below + 12}" width="${barWidth}" height="9" rx="2" fill="url(#heat)"/>
<text x="${right}" y="${below + 36}" font-size="11" fill="#6b6b6b">no evidence</text>
<text x="${right + barWidth}" y="${below + 36}" font-size="11" fill="#6b6b6b" text-anchor="end">most</text>
<text x="${right}" y="${below + 54}" font-size="11" fill="#6b6b6b">${escapeXml(text.note)}</text>
</svg>`
}
