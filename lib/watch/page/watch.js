/** The page: takes the server's events, and keeps the table, the charts and the samples up to date. */
import { Chart } from './chart.js'
import { curvesOf, scoreTitle } from './curves.js'
import { loss, rate } from './figures.js'
import { showSamples } from './samples.js'
import { fillTable } from './table.js'

const COLOURS = 8
const byId = (id) => document.getElementById(id)

const charts = {
  loss: new Chart(byId('chart-loss'), loss),
  score: new Chart(byId('chart-score'), (value) => value.toFixed(1)),
  lr: new Chart(byId('chart-lr'), rate),
}

/** The facts of the shown runs, and the points of every run by id. */
let runs = []
const points = new Map()
const colours = new Map()
const hidden = new Set()

const pointsOf = (id) => points.get(id) ?? { steps: [], evaluations: [] }

function colourOf(id) {
  if (!colours.has(id)) colours.set(id, colours.size % COLOURS)
  return colours.get(id)
}

function toggle(id, isShown) {
  if (isShown) hidden.delete(id)
  else hidden.add(id)
  draw()
}

/** Drawing is put off to the next frame, so that many events together are drawn once. */
let isPlanned = false
function draw() {
  if (isPlanned) return
  isPlanned = true
  requestAnimationFrame(() => {
    isPlanned = false
    const visible = runs.filter(({ id }) => !hidden.has(id)).map((run) => ({ ...run, ...pointsOf(run.id) }))
    charts.score.entitle(scoreTitle(visible))
    const curves = curvesOf(visible, Number(byId('smoothing').value))
    for (const [name, chart] of Object.entries(charts))
      chart.show(curves[name], { logarithmic: name === 'loss' && byId('logarithmic').checked })
  })
}

function drawTable() {
  fillTable(byId('table').querySelector('tbody'), runs, hidden, toggle)
}

function takeRuns({ problem, runs: facts }) {
  runs = facts.map((run) => ({ ...run, colour: colourOf(run.id) }))
  byId('problem').hidden = problem === null
  byId('problem').textContent = problem ?? ''
  byId('empty').hidden = runs.length > 0
  byId('charts').hidden = runs.length === 0
  byId('table').hidden = runs.length === 0
  drawTable()
  draw()
  showSamples(byId('samples'), runs)
}

function takePoints({ run, ...series }) {
  const known = pointsOf(run)
  const joined = (name) => known[name].slice(0, series[name].from).concat(series[name].points)
  points.set(run, { steps: joined('steps'), evaluations: joined('evaluations') })
  draw()
}

function connection(text, isLost) {
  byId('connection').textContent = text
  byId('connection').classList.toggle('lost', isLost)
}

const source = new EventSource('/events')
source.addEventListener('runs', ({ data }) => takeRuns(JSON.parse(data)))
source.addEventListener('points', ({ data }) => takePoints(JSON.parse(data)))
source.addEventListener('open', () => connection('live', false))
// The browser tries again by itself, and says which event it got last.
source.addEventListener('error', () => connection('no connection; trying again …', true))

byId('smoothing').addEventListener('input', ({ target }) => {
  byId('smoothing-value').textContent = Number(target.value).toFixed(2)
  draw()
})
byId('logarithmic').addEventListener('change', draw)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of Object.values(charts)) chart.redraw()
})
// The letters in the charts are drawn, so they have to be there first.
document.fonts.ready.then(() => {
  for (const chart of Object.values(charts)) chart.redraw()
})
// How long ago the runs changed.
setInterval(drawTable, 5000)
