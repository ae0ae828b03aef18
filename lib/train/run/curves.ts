/** Draws a training run: loss, accuracy and learning rate over its steps, as curves.svg and curves.png. */

import { basename, join, resolve } from 'node:path'
import { type Panel, panelsToSvg } from '../../drawing/panels'
import { svgToPng } from '../../drawing/png'
import { type Point, rangeOf, smooth, smoothingRadius, thin, withoutExtremes } from '../../drawing/series'
import { MbconvError } from '../../errors/error'
import { writeFileAtomic } from '../../files/atomic'
import { counted, percent } from '../../text/figures'
import { type EvalLine, type MetricsLine, readMetrics, type StepLine } from './metrics'
import { scoreName, scoreValue } from './score'

// Distinguishable with any colour vision and in gray: the training curve is the darkest.
const COLOURS = { training: '#2f5fb3', test: '#e0662b', other: '#3a9b63', rate: '#555b66' }
/** One bin per pixel of a panel's width: more points would only make the file larger. */
const BINS = 720

function linesOf(path: string): MetricsLine[] {
  try {
    return readMetrics(path)
  } catch (cause) {
    const hint = 'A run that has made a step has this file.'
    throw new MbconvError('ERR_DATA', (cause as MbconvError).message, { hint, cause })
  }
}

/** The line of each step, in order. If a crash made a step appear twice, the last line counts. */
function byStep<T extends MetricsLine>(lines: MetricsLine[], type: T['type']): T[] {
  const found = new Map<number, T>()
  for (const line of lines) if (line.type === type) found.set(line.step, line as T)
  return [...found.values()].sort((a, b) => a.step - b.step)
}

/** The finite values of one column; a skipped step has none. */
function pointsOf<T extends MetricsLine>(lines: T[], value: (line: T) => unknown): Point[] {
  return lines.flatMap((line) => {
    const y = value(line)
    return typeof y === 'number' && Number.isFinite(y) ? [{ x: line.step, y }] : []
  })
}

function titleOf(name: string, steps: StepLine[], evaluations: EvalLine[]): { title: string; subtitle: string } {
  const last = evaluations.at(-1)
  const count = Math.max(steps.at(-1)?.step ?? 0, last?.step ?? 0)
  const parts = [name, counted(count, 'step')]
  if (last === undefined) return { title: 'Not evaluated yet', subtitle: parts.join('  ·  ') }
  const best = evaluations.reduce((a, b) => (scoreValue(b) > scoreValue(a) ? b : a))
  const [latest, highest] = [last, best].map((line) => percent(scoreValue(line), 1))
  if (last.epoch > 0) parts.push(counted(last.epoch, 'epoch'))
  if (highest !== latest) parts.push(`best ${highest} at step ${best.step}`)
  const what = last.mAP === undefined ? 'accuracy' : scoreName(last)
  return { title: `Test ${what} ${latest}`, subtitle: parts.join('  ·  ') }
}

function panelsOf(steps: StepLine[], evaluations: EvalLine[]): Panel[] {
  const raw = pointsOf(steps, (line) => line.loss)
  const radius = smoothingRadius(raw.length)
  const training = smooth(raw, radius)
  const test = pointsOf(evaluations, (line) => line.loss)
  const isMultiLabel = evaluations.at(-1)?.mAP !== undefined
  const score = pointsOf(evaluations, (line) => 100 * scoreValue(line))
  const other = pointsOf(evaluations, (line) => 100 * ((isMultiLabel ? line.macroF1 : line.top5) ?? Number.NaN))
  const rate = pointsOf(steps, (line) => line.lr)

  const averaged = radius > 0 ? `training, mean of ${2 * radius + 1} steps` : 'training'
  const faint = { points: thin(raw, BINS), colour: COLOURS.training, faint: true }
  return [
    {
      label: isMultiLabel ? 'Loss (cross-entropy of a label, nats)' : 'Loss (cross-entropy, nats)',
      // One extreme step must not flatten the rest: its spike is cut off at the frame.
      range: rangeOf(training, test, withoutExtremes(raw)),
      curves: [
        ...(radius > 0 ? [faint] : []),
        { points: thin(training, BINS), colour: COLOURS.training, name: averaged },
        { points: test, colour: COLOURS.test, name: 'test', dots: true },
      ],
    },
    {
      label: isMultiLabel ? 'Test mAP and F1 (%)' : 'Test accuracy (%)',
      range: [Math.max(0, rangeOf(score, other)[0]), 100],
      curves: [
        { points: other, colour: COLOURS.other, name: isMultiLabel ? 'macro F1' : 'top-5', dots: true },
        {
          points: score,
          colour: COLOURS.test,
          name: isMultiLabel ? 'mAP' : 'top-1',
          dots: true,
          last: (y) => `${y.toFixed(1)} %`,
        },
      ],
    },
    {
      label: 'Learning rate',
      range: [0, rangeOf(rate)[1]],
      curves: [{ points: thin(rate, BINS), colour: COLOURS.rate, name: 'learning rate' }],
    },
  ]
}

/**
 * Draws the run's metrics.jsonl into the run's folder.
 *
 * A line that a crash cut short is left out. Both files are written atomically.
 *
 * @param runDir folder of the run
 * @returns the paths of the two files
 * @throws MbconvError ERR_DATA if there is no metrics file or no step in it; ERR_IO if writing fails; ERR_ENVIRONMENT
 *   if a package for drawing is missing
 */
export async function writeCurves(runDir: string): Promise<{ svg: string; png: string }> {
  const path = join(runDir, 'metrics.jsonl')
  const lines = linesOf(path)
  const steps = byStep<StepLine>(lines, 'step')
  const evaluations = byStep<EvalLine>(lines, 'eval')
  if (steps.length + evaluations.length === 0) {
    throw new MbconvError('ERR_DATA', `${path}: holds no step`, { hint: 'There is nothing to draw yet.' })
  }
  const { title, subtitle } = titleOf(basename(resolve(runDir)), steps, evaluations)
  const picture = await panelsToSvg({ title, subtitle, xLabel: 'Training step', panels: panelsOf(steps, evaluations) })
  const [svg, png] = [join(runDir, 'curves.svg'), join(runDir, 'curves.png')]
  const image = await svgToPng(picture)
  writeFileAtomic(svg, picture)
  writeFileAtomic(png, image)
  return { svg, png }
}
