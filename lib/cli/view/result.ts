/** Formats accuracy, confusion matrix and learning curves as text. */
import path from 'node:path'
import { type Evaluation, evaluatedImages, type MultiLabelEvaluation } from '../../train/record/events'
import { type MetricsLine, readMetrics } from '../../train/run/metrics'
import { scoreName, scoreValue } from '../../train/run/score'
import { beside, chart } from './chart'
import { confusionLines, hardestLabelLines, hardestLines } from './confusion'
import * as format from './format'
import type { Output } from './output'

/** Accuracy, loss and confusion matrix under a title; of labels their figures. */
export function evaluationLines(evaluation: Evaluation, title: string, output: Output): string[] {
  const { paint } = output
  const images = evaluatedImages(evaluation)
  if (evaluation.task === 'multiLabel') return multiLabelLines(evaluation, title, output)
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

function multiLabelLines(evaluation: MultiLabelEvaluation, title: string, output: Output): string[] {
  const { paint } = output
  const [score, ...others] = format.figures(evaluation)
  return [
    `${paint('bold', title)} ${paint('dim', `(${format.counted(evaluation.images, 'image')})`)}`,
    [paint('green', score), ...others, `loss ${format.loss(evaluation.loss)}`].join('   '),
    '',
    ...hardestLabelLines(evaluation, output),
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
  const evaluations = lines.filter((line) => line.type === 'eval')
  const accuracies = evaluations.map((line): [number, number] => [line.step, 100 * scoreValue(line)])
  if (losses.length < 2 || accuracies.length < 2) return []
  const total = Math.min(columns, 110)
  const aside = total >= 76
  const width = aside ? Math.floor((total - 3) / 2) : total
  const size = { width, height: 7, unicode }
  const loss = chart(
    { title: 'training loss by step', points: losses, label: (y) => Number(y.toPrecision(3)).toString() },
    size,
  )
  const title = `test ${scoreName(evaluations[0])} by step`
  const accuracy = chart({ title, points: accuracies, label: (y) => `${y.toFixed(1)} %` }, size)
  const text = aside ? beside(loss, accuracy, '   ') : [...loss, '', ...accuracy]
  return text.map((line) => paint('cyan', line.trimEnd()))
}
