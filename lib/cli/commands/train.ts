/** `mbconv train`: trains, shows how it goes, and ends with what came out. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseConfigFile } from '../../config/file'
import type { TrainConfig } from '../../config/train'
import { EXIT, MbconvError } from '../../errors/error'
import { exitOfInterruption, stopOnSignals } from '../../process/signals'
import { nearest } from '../../text/nearest'
import type { StartEvent, TrainEvent, TrainResult } from '../../train/record/events'
import { freeRunName, isFolder, newestRun, shortPath } from '../input/runs'
import * as format from '../view/format'
import { type GlobalOptions, indented, Output } from '../view/output'
import { createProgress, type Progress } from '../view/progress'
import { evaluationLines, learningCurves } from '../view/result'

export interface TrainOptions extends GlobalOptions {
  /** True: the newest run of this configuration; text: that run. */
  resume?: boolean | string
}

/** What was typed, sorted out. */
interface Request {
  /** The configuration's file. */
  file: string
  overrides: string[]
  resume?: boolean | string
}

/**
 * Sorts out the words behind `train`. The parser cannot know the keys of a configuration and passes them all here; and
 * `--resume run.yaml` looks to it like `--resume RUN`.
 */
export function readArguments(words: string[], resume: boolean | string | undefined): Request {
  const overrides = words.filter((word) => word.startsWith('--') && word.includes('='))
  const strange = words.find((word) => word.startsWith('-') && !overrides.includes(word))
  if (strange) {
    const near = nearest(strange, ['--json', '--quiet', '--resume', '--help'])
    const next = words[words.indexOf(strange) + 1]
    // The word behind it may be its value, where no file is called so.
    const value = next === undefined || next.startsWith('-') || existsSync(next) ? 'VALUE' : next
    const hint = near ? `did you mean ${near}?` : `a configuration key takes its value behind "=": ${strange}=${value}`
    throw new MbconvError('ERR_USAGE', `unknown option ${strange}`, { hint })
  }
  const files = words.filter((word) => !overrides.includes(word))
  if (files.length === 0 && typeof resume === 'string') {
    // A file is a configuration, whatever its name; of what is not there, only the name can tell.
    const isFile = existsSync(resume) && !isFolder(resume)
    if (isFile || /\.ya?ml$/i.test(resume)) return { file: resume, overrides, resume: true }
    // A run keeps the configuration it began with.
    if (!isFolder(resume)) throw new MbconvError('ERR_USAGE', `--resume: there is no folder ${resume}`)
    return { file: path.join(resume, 'config.json'), overrides, resume }
  }
  if (files.length !== 1)
    throw new MbconvError(
      'ERR_USAGE',
      files.length === 0 ? 'no configuration given' : `one configuration at a time, not ${files.length}`,
      {
        hint: 'for example: mbconv train configs/digits.yaml',
      },
    )
  if (resume === true && isFolder(files[0]))
    return { file: path.join(files[0], 'config.json'), overrides, resume: files[0] }
  return { file: files[0], overrides, resume }
}

export async function train(words: string[], options: TrainOptions): Promise<number> {
  const output = new Output(options)
  const { file, overrides, resume } = readArguments(words, options.resume)
  const { config, source } = parseConfigFile(file, overrides)
  const resumed = resume === true ? newestRunOf(config, source.stem) : resume || undefined
  if (!resumed && config.run.name === null) config.run.name = freeRunName(config.run.dir, source.stem)

  // Loads the native code; everything above works without.
  const { startTraining } = await import('../../train/train.js')
  const controller = new AbortController()
  const progress = createProgress(process.stderr, { quiet: output.quiet || output.json })
  const restore = stopOnSignals(
    controller,
    (signal) => progress.note(`${signal}: saving; once more to quit at once`),
    () => progress.end(),
  )
  try {
    const run = startTraining(config, { signal: controller.signal, resume: resumed })
    let result: TrainResult | undefined
    for await (const event of run) {
      output.data(event)
      if (event.type === 'end') result = event.result
      show(event, config, progress, output)
    }
    result ??= await run.result
    progress.end()
    conclude(result, config, output, file)
    return result.interrupted ? exitOfInterruption(result.interrupted) : EXIT.ok
  } finally {
    progress.end()
    restore()
  }
}

function newestRunOf({ run }: TrainConfig, stem: string): string {
  const found = run.name === null ? newestRun(run.dir, stem) : path.join(run.dir, run.name)
  if (found) return found
  throw new MbconvError('ERR_USAGE', `there is no run of ${stem} in ${path.resolve(run.dir)} to resume`, {
    hint: 'name its folder: --resume RUN_DIR',
  })
}

function show(event: TrainEvent, config: TrainConfig, progress: Progress, output: Output): void {
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
  const device = `${start.device}${config.device === 'auto' ? ` (auto: ${reasonFor(start.device)})` : ''}`
  return [`${paint('bold', shortPath(start.runDir))} on ${device}${again}`, facts.join(paint('dim', ' | '))]
}

/** Why `auto` chose as it did. */
const reasonFor = (device: string) => (device === 'cpu' ? 'no usable GPU; mbconv doctor says why' : 'the first GPU')

function conclude(result: TrainResult, config: TrainConfig, output: Output, file: string): void {
  const weights = config.ema === false ? 'final weights' : 'averaged (EMA) weights'
  if (result.confusion.length > 0) {
    output.result('', ...evaluationLines(result, `Test accuracy, ${weights}`, output))
    const curves = learningCurves(result.runDir, output)
    if (curves.length > 0) output.result('', ...curves)
  }
  output.result(
    '',
    `${format.counted(result.steps, 'step')}, ${format.counted(result.epochs, 'epoch')}; training took ${format.duration(result.seconds)}`,
    `run: ${shortPath(result.runDir)}`,
  )
  if (result.interrupted) output.note(`saved; go on with: mbconv train ${file} --resume ${shortPath(result.runDir)}`)
}
