/** Formats accuracy, confusion matrix and learning curves as text. */
import path from 'node:path'
import { type Evaluation, evaluatedImages } from '../../train/record/events'
import { type MetricsLine, readMetrics } from '../../train/run/metrics'
import { beside, chart } from './chart'
import { confusionLines, hardestLines } from './confusion'
import * as format from './format'
import type { Output } from './output'

/** Accuracy, loss and confusion matrix under a title. */
export function evaluationLines(evaluation: Evaluation, title: string, output: Output): string[] {
  const { paint } = output
  const images = evaluatedImages(evaluation)
  // With five classes or fewer, top-5 is always 100 %.
  const top5 = evaluation.classes.length > 5 ? [`top-5 ${format.percent(evaluation.top5)}`] : []
  return [
    `${paint('bold', title)} ${paint('dim', `(${format.counted(images, 'image')})`)}`,
    [
      paint('green', `top-1 ${format.percent(evaluation.top1)}`),
      ...top5,
      `loss ${format.loss(evaluation.loss)}`,
      ...(Number.isFinite(evaluation.ece) ? [`calibration error ${format.percent(evaluation.ece)}`] : []),
    ].join('   '),
    '',
    ...(evaluation.confusion === null
      ? hardestLines(evaluation.perClass, evaluation.classes, output)
      : confusionLines(evaluation.confusion, evaluation.classes, output)),
  ]
}

/** Loss and accuracy over the epochs of a run, from its metrics file. No lines if there is no such file. */
export function learningCurves(runDir: string, { unicode, columns, paint }: Output): string[] {
  let lines: MetricsLine[]
  try {
    lines = readMetrics(path.join(runDir, 'metrics.jsonl'))
  } catch {
    return [] // a missing picture is no reason to fail
  }
  const losses = lines.flatMap((line): [number, number][] =>
    line.type === 'step' && line.loss !== null ? [[line.step, line.loss]] : [],
  )
  const accuracies = lines.flatMap((line): [number, number][] =>
    line.type === 'eval' ? [[line.step, 100 * line.top1]] : [],
  )
  if (losses.length < 2 || accuracies.length < 2) return []
  const total = Math.min(columns, 110)
  const aside = total >= 76
  const width = aside ? Math.floor((total - 3) / 2) : total
  const size = { width, height: 7, unicode }
  const loss = chart(
    { title: 'training loss by step', points: losses, label: (y) => Number(y.toPrecision(3)).toString() },
    size,
  )
  const accuracy = chart({ title: 'test top-1 by step', points: accuracies, label: (y) => `${y.toFixed(1)} %` }, size)
  const text = aside ? beside(loss, accuracy, '   ') : [...loss, '', ...accuracy]
  return text.map((line) => paint('cyan', line.trimEnd()))
}
