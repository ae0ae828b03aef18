/** Shows a training on the terminal: start, progress and result. */
import type { TrainConfig } from '../../config/train'
import { evaluatedImages, type StartEvent, type TrainEvent, type TrainResult } from '../../train/record/events'
import { scoreName, scoreValue } from '../../train/run/score'
import * as format from './format'
import { indented, type Output } from './output'
import type { Progress } from './progress'
import { evaluationLines, learningCurves } from './result'

/** Shows an event during training. */
export function showEvent(event: TrainEvent, config: TrainConfig, progress: Progress, output: Output): void {
  switch (event.type) {
    case 'start':
      if (!output.quiet && !output.json) progress.note(...headline(event, config, output))
      progress.event(event)
      break
    case 'step':
    case 'eval':
      progress.event(event)
      break
    case 'warning':
      progress.note(...indented(`${output.paintNote('yellow', 'warning:')} ${event.message}`))
      break
  }
}

function headline(start: StartEvent, config: TrainConfig, { paintNote: paint }: Output): string[] {
  const whole = start.steps === start.epochs * start.stepsPerEpoch
  const facts = [
    `${format.scaled(start.params)} parameters, ${format.scaled(start.macs)} multiply-adds`,
    `${format.whole(start.trainImages)} + ${format.whole(start.testImages)} images`,
    whole
      ? `${format.counted(start.epochs, 'epoch')} of ${format.counted(start.stepsPerEpoch, 'step')}`
      : `${format.counted(start.steps, 'step')}, ${start.stepsPerEpoch} an epoch`,
  ]
  const again = start.startStep > 0 ? `, going on after step ${start.startStep}` : ''
  const choice = config.device === 'auto' ? ` (auto: ${reasonFor(start.device)})` : ''
  const kernels = start.backend === 'native' ? `, native kernels for ${start.kernels}` : ''
  const device = `${start.device}${choice}${precisionOf(start, config)}${kernels}`
  return [`${paint('bold', format.shortPath(start.runDir))} on ${device}${again}`, facts.join(paint('dim', ' | '))]
}

/** The precision, unless it is float32 anyway, and the reason for the choice of `auto`. */
function precisionOf({ precision, device }: StartEvent, config: TrainConfig): string {
  if (config.precision !== 'auto') return precision === 'float32' ? '' : ` in ${precision}`
  const why = precision === 'bf16' ? 'the GPU has it' : device === 'cpu' ? 'no GPU' : 'the GPU has no bf16'
  return ` in ${precision} (auto: ${why})`
}

/** The reason for the choice of `auto`. */
const reasonFor = (device: string) => (device === 'cpu' ? 'no usable GPU; mbconv doctor says why' : 'the first GPU')

/** Prints the result. */
export function conclude(result: TrainResult, config: TrainConfig, output: Output, file: string): void {
  const weights = config.ema === false ? 'final weights' : 'averaged (EMA) weights'
  const what = result.task === 'multiLabel' ? 'labels' : 'accuracy'
  if (evaluatedImages(result) > 0) {
    const images = result.test === null ? 'Test' : 'Validation'
    output.result('', ...evaluationLines(result, `${images} ${what}, ${weights}`, output))
    const curves = learningCurves(result.runDir, output)
    if (curves.length > 0) output.result('', ...curves)
  }
  const { best } = result
  const better =
    best?.checkpoint != null && scoreValue(best) > scoreValue(result)
      ? [`best: ${scoreName(best)} ${format.percent(scoreValue(best))} at step ${best.step}, which other commands use`]
      : []
  const early = result.endedBy === 'earlyStopping' ? ['ended early: evaluations stopped improving'] : []
  if (result.test !== null)
    output.result('', ...evaluationLines(result.test, `Test ${what}, weights that other commands use`, output))
  output.result(
    '',
    ...better,
    ...early,
    `${format.counted(result.steps, 'step')}, ${format.counted(result.epochs, 'epoch')}; training took ${format.duration(result.seconds)}`,
    `run: ${format.shortPath(result.runDir)}`,
  )
  if (result.interrupted)
    output.note(`saved; go on with: mbconv train ${file} --resume ${format.shortPath(result.runDir)}`)
}
