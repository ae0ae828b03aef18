/** `mbconv train`: trains a model, shows the progress, and prints the result. */
import { EXIT } from '../../errors/exit-codes'
import type { TrainResult } from '../../train/record/events'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { Output } from '../view/output'

export const trainCommand: CommandDescription = {
  name: 'train',
  summary: 'train as a configuration file says; keys may be set on the command line',
  usage: '[options] CONFIG [--key=value ...]',
  arguments: [{ name: '[words...]', help: 'a YAML file, and --key=value for keys of it' }],
  options: [
    { flags: '--resume [RUN]', help: "go on with a run: this one's folder, or the newest of the configuration" },
  ],
  passesUnknownOptions: true,
  examples: [
    'mbconv train configs/digits.yaml',
    'mbconv train configs/digits.yaml --epochs=5 --optimizer.lr=0.01 --ema=false',
    'mbconv train configs/digits.yaml --resume',
  ],
  run,
}

interface TrainOptions extends GlobalOptions {
  /** True: the newest run of this configuration; text: the run to resume. */
  resume?: boolean | string
}

async function run(words: string[], options: TrainOptions): Promise<number> {
  const output = new Output(options)
  const { trainingRequest } = await import('../input/training-request.js')
  const { file, config, resumed } = trainingRequest(words, options.resume)
  const { createProgress } = await import('../view/progress.js')
  const { conclude, showEvent } = await import('../view/training.js')

  // Loads the native code; everything above works without it.
  const { startTraining } = await import('../../train/train.js')
  const { exitOfInterruption, stopOnSignals } = await import('../../process/signals.js')
  const controller = new AbortController()
  const progress = createProgress(process.stderr, { quiet: output.quiet || output.json })
  const restore = stopOnSignals(
    controller,
    (signal) => progress.note(`${signal}: saving; once more to quit at once`),
    () => progress.end(),
  )
  try {
    const training = startTraining(config, { signal: controller.signal, resume: resumed })
    let result: TrainResult | undefined
    for await (const event of training) {
      output.data(event)
      if (event.type === 'end') result = event.result
      showEvent(event, config, progress, output)
    }
    result ??= await training.result
    progress.end()
    conclude(result, config, output, file)
    return result.interrupted ? exitOfInterruption(result.interrupted) : EXIT.ok
  } finally {
    progress.end()
    restore()
  }
}
