/** The table of runs. Every text is set as text, never as markup: names come from others. */
import { ago, bytes, loss, percent, whole } from './figures.js'

const STATES = {
  running: 'running',
  finished: 'finished',
  interrupted: 'interrupted',
  ended: 'ended without a result',
}

function element(name, { className, text, label } = {}, ...children) {
  const node = document.createElement(name)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  if (label !== undefined) node.dataset.label = label
  node.append(...children)
  return node
}

const about = ({ model, dataset, folder }) => [model, dataset, folder].filter((word) => word !== '').join(' · ')

const epochOf = ({ epoch, epochs }) => (epochs === null ? whole(epoch) : `${whole(epoch)} of ${whole(epochs)}`)
/** Top-1 is the rule, so only mAP is named. */
const scoreOf = ({ metric, score }) => `${score !== null && metric === 'mAP' ? 'mAP ' : ''}${percent(score)}`
const bestOf = ({ best }) => (best === null ? '–' : `${percent(best.score)} at ${whole(best.step)}`)

/** The columns after the run's name: their titles and texts. */
const COLUMNS = [
  ['State', ({ state }) => STATES[state]],
  ['Epoch', epochOf],
  ['Step', ({ step }) => whole(step)],
  ['Loss', (run) => loss(run.loss)],
  ['Test loss', ({ testLoss }) => loss(testLoss)],
  ['Top-1, mAP', scoreOf],
  ['Best', bestOf],
  ['Images/s', ({ imagesPerSecond }) => whole(imagesPerSecond)],
  ['Waits for data', ({ dataWait }) => percent(dataWait, 0)],
  ['Memory', ({ memory }) => bytes(memory)],
  ['Last change', ({ changed }) => ago(changed)],
]

/** A row, with what its texts are put into. */
function rowOf({ id, colour, name }, isShown, toggle) {
  const box = element('input')
  box.type = 'checkbox'
  box.checked = isShown
  box.addEventListener('change', () => toggle(id, box.checked))
  const swatch = element('span', { className: `swatch run-${colour}` })
  const label = element('label', {}, box, swatch, element('span', { className: 'name', text: name }))
  const [facts, problem] = [element('span', { className: 'about' }), element('span', { className: 'about problem' })]
  const cells = COLUMNS.map(([title], i) => element('td', { label: title, className: i === 0 ? 'words' : '' }))
  const row = element('tr', {}, element('td', { className: 'words run' }, label, facts, problem), ...cells)
  return { row, facts, problem, cells }
}

/** By run. Rows stay the same elements, so that a click or the focus in one is not lost when its numbers change. */
const rows = new Map()

/** Sets a text, if it is another one: a selection in it stays otherwise. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/**
 * Fills the table.
 *
 * @param {Set<string>} hidden ids of the runs whose curves are not shown
 * @param {(id: string, isShown: boolean) => void} toggle is called when the reader shows or hides the curves of a run
 */
export function fillTable(body, runs, hidden, toggle) {
  for (const [id, { row }] of rows) {
    if (runs.some((run) => run.id === id)) continue
    row.remove()
    rows.delete(id)
  }
  for (const [i, run] of runs.entries()) {
    if (!rows.has(run.id)) rows.set(run.id, rowOf(run, !hidden.has(run.id), toggle))
    const { row, facts, problem, cells } = rows.get(run.id)
    write(facts, about(run))
    write(problem, run.problem ?? '')
    for (const [column, [, textOf]] of COLUMNS.entries()) write(cells[column], textOf(run))
    cells[0].className = `words ${run.state}`
    if (body.children[i] !== row) body.insertBefore(row, body.children[i] ?? null)
  }
}
