/** One chart, drawn by uPlot. */

import { summary } from './curves.js'
import uPlot from './uplot.js'

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** A colour with an opacity, 0 … 1. */
const faded = (colour, opacity) =>
  `${colour}${Math.round(255 * opacity)
    .toString(16)
    .padStart(2, '0')}`

/** The value of a series that is nearest to a position on the x axis, since the steps of the curves differ. */
function nearest(u, series, index) {
  const values = u.data[series]
  for (let distance = 0; distance < values.length; distance++)
    for (const at of [index - distance, index + distance]) if (values[at] != null) return at
  return index
}

export class Chart {
  #figure
  #plot
  #format
  #title
  #u
  #curves = []
  #logarithmic = false

  /**
   * @param {HTMLElement} figure with a heading, a `.readout` and a `.plot`
   * @param {(value: number) => string} format of a value
   */
  constructor(figure, format) {
    this.#figure = figure
    this.#plot = figure.querySelector('.plot')
    this.#title = figure.querySelector('h2').textContent
    this.#format = format
    new ResizeObserver(() => this.#u?.setSize(this.#size())).observe(this.#plot)
  }

  #size() {
    const width = Math.floor(this.#plot.clientWidth)
    return { width, height: Math.round(Math.min(320, Math.max(200, width / 2.4))) }
  }

  /** Changes the heading. */
  entitle(title) {
    if (title === this.#title) return
    this.#title = title
    this.#figure.querySelector('h2').textContent = title
  }

  /** Shows curves in place of those before. What the reader has zoomed into stays. */
  show(curves, { logarithmic = false } = {}) {
    const shape = (list) => JSON.stringify(list.map(({ run, what, faint }) => [run.id, run.colour, what, faint]))
    const isSame = shape(curves) === shape(this.#curves) && logarithmic === this.#logarithmic
    this.#curves = curves
    this.#logarithmic = logarithmic
    this.#plot.setAttribute('aria-label', summary(this.#title, curves))
    if (curves.length === 0) {
      this.#u?.destroy()
      this.#u = undefined
      return
    }
    const data = uPlot.join(curves.map(({ x, y }) => [x, y]))
    if (this.#u === undefined || !isSame) this.#draw(data)
    else this.#u.setData(data, !this.#isZoomed())
  }

  #isZoomed() {
    const { min, max } = this.#u.scales.x
    const x = this.#u.data[0]
    return min > x[0] || max < x[x.length - 1]
  }

  /** Draws everything again, for example in other colours. */
  redraw() {
    if (this.#u !== undefined) this.#draw(this.#u.data)
  }

  #draw(data) {
    this.#u?.destroy()
    const [ink, grid] = [style('--muted'), style('--grid')]
    const font = `13px ${getComputedStyle(document.body).fontFamily}`
    const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } }
    const series = this.#curves.map(({ run, faint, dashed }) => {
      const colour = style(`--run-${run.colour}`)
      return {
        stroke: faint ? faded(colour, 0.28) : colour,
        width: faint ? 1 : 2,
        dash: dashed ? [7, 5] : undefined,
        points: { show: dashed === true, size: 6, fill: colour, stroke: colour },
        spanGaps: true,
      }
    })
    // Ticks are round numbers, so their zeros say nothing.
    const exact = (_, values) => values.map((value) => (value === null ? '' : String(Number(value.toPrecision(6)))))
    const options = {
      ...this.#size(),
      legend: { show: false },
      cursor: {
        points: { size: 8 },
        dataIdx: (u, i, index) => (i === 0 ? index : nearest(u, i, index)),
      },
      scales: { x: { time: false }, y: { distr: this.#logarithmic ? 3 : 1 } },
      axes: [
        { ...axis, size: 34, values: (_, values) => values.map((value) => value.toLocaleString('en-US')) },
        { ...axis, size: 58, values: exact },
      ],
      series: [{}, ...series],
      hooks: { setCursor: [(u) => this.#read(u)] },
    }
    this.#u = new uPlot(options, data, this.#plot)
  }

  /** Writes the values below the pointer into the readout. */
  #read(u) {
    const readout = this.#figure.querySelector('.readout')
    readout.replaceChildren()
    if (u.cursor.idx == null) return
    const word = (text, colour) => {
      const span = document.createElement('span')
      span.textContent = text
      if (colour !== undefined) span.className = `run-${colour}`
      readout.append(span, ' ')
    }
    word(`step ${u.data[0][u.cursor.idx].toLocaleString('en-US')}`)
    for (const [i, { run, what, faint }] of this.#curves.entries()) {
      const at = u.cursor.idxs[i + 1]
      const value = at == null ? null : u.data[i + 1][at]
      if (!faint && value != null)
        word(`${run.name} ${what === 'test' ? 'test ' : ''}${this.#format(value)}`, run.colour)
    }
  }
}
