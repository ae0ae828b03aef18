/** `mbconv train`: trains a model, shows the progress, and prints the result. */
import { EXIT } from '../../errors/exit-codes'
import type { TrainResult } from '../../train/record/events'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import type { TrainingOptions } from '../input/training-request'
import { indented, Output } from '../view/output'

export const trainCommand: CommandDescription = {
  name: 'train',
  summary: 'train on a folder of photographs, or as a configuration file says',
  usage: '[options] FOLDER|CONFIG [--key=value ...]',
  arguments: [
    {
      name: '[FOLDER|CONFIG...]',
      help: 'a folder with a folder of images for each class, a cache of images, a YAML file, or the name of one in the package (digits); --key=value for keys of the configuration',
    },
  ],
  options: [
    {
      flags: '--test <folder>',
      help: 'images in the same classes for the final accuracy; a fifth of FOLDER still chooses the best checkpoint',
    },
    { flags: '--model <name>', help: 'architecture for a folder of images (default: efficientnet_b0)' },
    {
      flags: '--weights <weights>',
      help: 'a file, or published weights (default: those of the architecture, if mbconv pull has fetched them)',
    },
    { flags: '--epochs <n>', help: 'passes over the training images (default: chosen from their number)' },
    { flags: '--minutes <n>', help: 'time for training from nothing (default: 10); with weights, set --epochs' },
    { flags: '--print-config', help: 'print the whole configuration, and do not train; a folder is planned first' },
    {
      flags: '--resume [RUN]',
      help: 'continue the run in the folder RUN; without RUN, the newest run of this folder or configuration file',
    },
  ],
  passesUnknownOptions: true,
  examples: [
    'mbconv train ./photos',
    'mbconv train ./photos-256                # written by mbconv data cache ./photos --to photos-256',
    'mbconv train ./photos --test ./photos-test --model b2 --weights b2.safetensors --epochs 20',
    'mbconv train digits',
    'mbconv train digits --epochs=5 --optimizer.lr=0.01 --ema=false',
    'mbconv train digits --resume',
  ],
  run,
}

interface TrainOptions extends GlobalOptions, TrainingOptions {}

async function run(words: string[], options: TrainOptions): Promise<number> {
  const output = new Output(options)
  const { trainingRequest } = await import('../input/training-request.js')
  const { file, config, resumed, reasons } = await trainingRequest(words, options, (text) => output.note(text))
  if (options.printConfig) {
    const { stringify } = await import('yaml')
    output.data(config)
    output.result(...stringify(config).trimEnd().split('\n'))
    return EXIT.ok
  }
  output.note(...reasons.flatMap(indented))
  if (reasons.length > 0) {
    const { shapeReasons } = await import('../../photographs/shapes.js')
    output.note(...(await shapeReasons(config)).flatMap(indented))
  }
  const { createProgress } = await import('../view/progress.js')
  const { conclude, showEvent } = await import('../view/training.js')

  // Loads the native code, as does the plan for a folder of images; a configuration file is checked without it.
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
