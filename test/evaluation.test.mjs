/* The figures of an evaluation, against scikit-learn and the formula of the calibration error. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { Confusion, MOST_CONFUSION_CLASSES } = internal('evaluationCounts')
const { hardestLines } = internal('confusion')
const { evaluationLines } = internal('resultView')
const golden = JSON.parse(readFileSync(new URL('./golden/evaluation.json', import.meta.url), 'utf8'))

/** Counts of rows of logits, in batches. */
function countsOf(logits, labels, batch = 7) {
  const counts = new Confusion(logits[0].length)
  for (let i = 0; i < labels.length; i += batch) {
    counts.add(Float64Array.from(logits.slice(i, i + batch).flat()), labels.slice(i, i + batch))
  }
  return counts
}

t.test('precision, recall and calibration error equal the references', async (t) => {
  const { logits, labels, precision, recall, images, confusion, ece } = golden
  const counts = countsOf(logits, labels)
  t.same(counts.matrix, confusion)
  t.same(counts.perClass.images, images)
  t.same(counts.perClass.precision, precision)
  t.same(counts.perClass.recall, recall)
  t.ok(precision.includes(null) && recall.includes(null), 'a class that is never predicted, and one without images')
  t.ok(Math.abs(counts.ece - ece) < 1e-14, `${counts.ece}, not ${ece}`)
})

t.test('a model that is always sure', async (t) => {
  const sure = (label) => [0, 1, 2].map((i) => (i === label ? 1000 : 0))
  t.equal(countsOf([sure(0), sure(1)], [0, 1]).ece, 0, 'and right')
  t.equal(countsOf([sure(0), sure(1)], [1, 2]).ece, 1, 'and wrong')
})

t.test('logits that are not numbers are never right', async (t) => {
  const counts = countsOf([[Number.NaN, Number.NaN]], [0])
  t.equal(counts.top1, 0)
  t.equal(counts.perClass.recall[0], 0)
  t.ok(Number.isNaN(counts.ece) && Number.isNaN(counts.loss))
})

const output = { paint: (_, text) => text, unicode: true, colored: false, columns: 80 }

t.test('with many classes the matrix is left out, and the hardest classes are shown', async (t) => {
  const classes = MOST_CONFUSION_CLASSES + 1
  const hot = (label) => Array.from({ length: classes }, (_, i) => (i === label ? 5 : 0))
  const labels = Array.from({ length: 2 * classes }, (_, i) => i % classes)
  const logits = labels.map((label, i) => hot(label === 3 || (label === 4 && i < classes) ? 5 : label))
  const counts = countsOf(logits, labels)
  t.equal(counts.matrix, null)
  t.type(
    countsOf(
      logits.slice(0, 1).map((row) => row.slice(1)),
      [0],
    ).matrix,
    Array,
  )
  const names = labels.slice(0, classes).map((i) => `class ${i}`)
  const { perClass, ece, loss, top1, top5 } = counts
  const lines = hardestLines(perClass, names, output)
  t.equal(lines.length, 12)
  t.match(lines[2], /^ +0\.0 % +· +2 {2}class 3$/)
  t.match(lines[3], /^ +50\.0 % +100\.0 % +2 {2}class 4$/)
  const shown = evaluationLines({ perClass, ece, loss, top1, top5, confusion: null, classes: names }, 'All', output)
  t.match(shown[0], 'All (202 images)')
  t.match(shown[1], /calibration error \d+\.\d+ %/)
  t.match(shown[3], 'Hardest classes')
  t.same(hardestLines(null, names, output), [], 'an evaluation of an older version')
})

t.test('a run reports them, in its result and its checkpoints', async (t) => {
  const result = await mb.train(tinyConfig(t.testdir(), { top: { epochs: 1 } })).result
  const { perClass, confusion, ece } = result
  t.same(
    perClass.images,
    confusion.map((row) => row.reduce((a, b) => a + b)),
  )
  t.same(
    perClass.recall,
    confusion.map((row, i) => row[i] / perClass.images[i]),
  )
  t.ok(ece >= 0 && ece <= 1)
  const { state } = JSON.parse(readFileSync(join(result.checkpoint, 'state.json'), 'utf8'))
  t.same(state.lastEval.perClass, perClass)
  t.equal(state.lastEval.ece, ece)
})

t.test('a checkpoint of an older version has none of them', async (t) => {
  const { encodeState, readState } = internal('checkpointState')
  const { writeFileSync } = await import('node:fs')
  const { checkpoint } = await mb.train(tinyConfig(t.testdir(), { top: { epochs: 1 } })).result
  const { state, files } = readState(checkpoint)
  const { perClass, ece, ...lastEval } = state.lastEval
  const { kept, earlyStopping, schedule, scaler, ...older } = state
  writeFileSync(join(checkpoint, 'state.json'), encodeState({ ...older, lastEval }, files))
  const read = readState(checkpoint).state
  t.match(read, { kept: [], earlyStopping: null, schedule: null, scaler: null })
  t.equal(read.lastEval.perClass, null)
  t.ok(Number.isNaN(read.lastEval.ece))
})
