/** The sample predictions of runs, wrong ones first. */
import { percent } from './figures.js'

/** By run: what is shown, as the table names its version. */
const shown = new Map()

function paragraph(className, text) {
  const node = document.createElement('p')
  node.className = className
  node.textContent = text
  return node
}

const none = (labels) => (labels.length === 0 ? 'no label' : labels.join(', '))

/** What was predicted, and what is true: a class, or several labels. */
function verdictOf({ label, labels, predicted, guesses: [best] }) {
  if (labels !== undefined) return [none(predicted), none(labels)]
  return [`${best.label} (${percent(best.probability, 0)})`, label]
}

function card(run, sample) {
  const { number, isRight, file, guesses } = sample
  const item = document.createElement('li')
  const [found, truth] = verdictOf(sample)
  item.className = isRight ? 'right' : 'wrong'
  const image = document.createElement('img')
  image.src = `/samples/${run.id}/${number}?${encodeURIComponent(run.samples)}`
  image.alt = file
  image.loading = 'lazy'
  item.title = guesses.map((guess) => `${guess.label} ${percent(guess.probability, 1)}`).join('\n')
  item.append(
    image,
    paragraph('verdict', `${isRight ? 'right' : 'wrong'}: ${found}`),
    ...(isRight ? [] : [paragraph('truth', `is ${truth}`)]),
    paragraph('muted', file),
  )
  return item
}

/** Shows the samples of the runs that have some. Only those that have changed are asked for. */
export async function showSamples(section, runs) {
  const having = runs.filter((run) => run.samples !== null)
  for (const [id, { node }] of shown) {
    if (having.some((run) => run.id === id)) continue
    node.remove()
    shown.delete(id)
  }
  section.hidden = having.length === 0
  for (const run of having) {
    if (shown.get(run.id)?.version === run.samples) continue
    const node = shown.get(run.id)?.node ?? section.appendChild(document.createElement('div'))
    shown.set(run.id, { version: run.samples, node })
    const heading = document.createElement('h2')
    heading.className = 'samples-of'
    heading.textContent = `Sample predictions of ${run.name}`
    try {
      const answer = await fetch(`/samples/${run.id}`)
      if (!answer.ok) throw new Error(await answer.text())
      const list = document.createElement('ul')
      list.className = 'samples'
      list.append(...(await answer.json()).map((sample) => card(run, sample)))
      node.replaceChildren(heading, list)
    } catch (error) {
      node.replaceChildren(heading, paragraph('problem', error.message))
    }
  }
}
