#!/usr/bin/env node
/**
 * The `mbconv` command: reads the command line and hands over to one file a command.
 *
 * Commands are imported when they are called, so that `--help` is instant and works before anything is built.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { EXIT, exitCodeOf, MbconvError } from '../errors/error'
import { PROFILE_NAMES } from '../models/network/profiles'
import { packageVersion } from '../package/manifest'
import type { RunOptions } from './commands/experiment'
import type { ExplainOptions } from './commands/explain'
import type { ExportOptions } from './commands/export'
import type { ModelsOptions } from './commands/models'
import type { PredictOptions } from './commands/predict'
import type { ScaleOptions } from './commands/scale'
import { watchOutput } from './view/lost-output'
import { type GlobalOptions, Output } from './view/output'

/** Exit statuses, as the help ends with them. */
const EXIT_HELP = `
Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 something is missing on this machine (see doctor),
4 unreadable data, 129, 130 and 143 stopped by a signal after saving.`

/** What predict and explain take as --run. */
const MODEL_HELP =
  'folder of a run or a checkpoint, a .safetensors file with a card, a fetched checkpoint (default: the newest run in runs/)'

const COLOR_HELP = 'convert images to sRGB by their colour profiles (default: as the model card says)'
const PIXELS_HELP =
  'largest image: larger JPEG and lossy WebP files are decoded smaller, others refused (default: 50 million, fewer where decoding would hold more than 235 MB)'

const example = (...lines: string[]) => `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`

/** @param most what the library takes, so that too much is a wrong call before anything begins */
const wholeUpTo = (most: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  if (value > most) throw new InvalidArgumentError(`It must be at most ${most}.`)
  return value
}
const wholeNumber = wholeUpTo(1_000_000)

function index(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.')
  return Number(text)
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

function device(text: string): string {
  if (!/^(auto|cpu|cuda(:\d+)?)$/.test(text)) throw new InvalidArgumentError('It must be auto, cpu, cuda or cuda:N.')
  return text
}

const collected = (text: string, before: string[]): string[] => [...before, text]

/** @param finish takes the exit status of the command that ran */
function createProgram(finish: (status: number) => void): Command {
  const program: Command = new Command('mbconv')
    .description('EfficientNet for Node.js: training, evaluation and scaling, native on libtorch.')
    .version(packageVersion())
    .option('--json', 'results for machines: JSON on stdout, one value a line')
    .option('--quiet', 'results and errors only')
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => `${command.name()} ${command.usage().replace(/ ?\[options\] ?/, '')}`.trimEnd(),
      visibleGlobalOptions: (command) =>
        command === program ? [] : program.options.filter((option) => option.attributeName() !== 'version'),
    })
    // Errors are caught and written by main(), in one style with all others.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText('after', EXIT_HELP)
  const globals = () => program.opts<GlobalOptions>()

  program
    .command('train')
    .description('train as a configuration file says; keys may be set on the command line')
    .usage('[options] CONFIG [--key=value ...]')
    .argument('[words...]', 'a YAML file, and --key=value for keys of it')
    .option('--resume [RUN]', "go on with a run: this one's folder, or the newest of the configuration")
    .allowUnknownOption()
    .addHelpText(
      'after',
      example(
        'mbconv train configs/digits.yaml',
        'mbconv train configs/digits.yaml --epochs=5 --optimizer.lr=0.01 --ema=false',
        'mbconv train configs/digits.yaml --resume',
      ),
    )
    .action(async (words: string[], options: { resume?: boolean | string }) => {
      const { train } = await import('./commands/train.js')
      finish(await train(words, { ...globals(), ...options }))
    })

  program
    .command('eval')
    .description('measure a trained model on the test images')
    .argument('[run]', 'folder of a run or of one of its checkpoints (default: the newest run below runs/)')
    .option('--device <device>', 'auto, cpu, cuda or cuda:N', device)
    .addHelpText('after', example('mbconv eval runs/digits-20260101-120000'))
    .action(async (run: string | undefined, options: { device?: string }) => {
      const { evaluate } = await import('./commands/eval.js')
      finish(await evaluate(run, { ...globals(), ...options }))
    })

  program
    .command('predict')
    .description('say what is in images')
    .usage('[options] IMAGE|FOLDER|GLOB|- ...')
    .argument('[image...]', 'image files, folders of them, quoted patterns; - reads an image from stdin')
    .option('--run <model>', MODEL_HELP)
    .option('--files-from <file>', 'a file with a path a line, in addition; - for stdin')
    .option('--topk <n>', 'guesses for each image', wholeNumber, 3)
    .option('--batch <n>', 'images at once', wholeNumber)
    .option('--device <device>', 'auto, cpu, cuda or cuda:N', device)
    .option('--color-management', COLOR_HELP)
    .option('--no-color-management', 'take colours as they are, whatever the model card says')
    .option('--max-pixels <n>', PIXELS_HELP, wholeUpTo(Number.MAX_SAFE_INTEGER))
    .addHelpText(
      'after',
      example(
        'mbconv predict three.png seven.png --topk 2',
        "mbconv predict photos/ 'more/**/*.webp' --run model.safetensors --json",
        'find . -name "*.jpg" | mbconv predict --files-from - --json',
        'curl -s https://… | mbconv predict -',
      ),
    )
    .action(async (images: string[], options: Omit<PredictOptions, keyof GlobalOptions>) => {
      const { predict } = await import('./commands/predict.js')
      finish(await predict(images, { ...globals(), ...options }))
    })

  program
    .command('explain')
    .description('show where in an image a class is seen, as a heat-map laid over it (PNG)')
    .argument('<image>', 'an image file; - for stdin')
    .option('--run <model>', MODEL_HELP)
    .option('--class <name>', 'the class to look for (default: the most probable one)')
    .option(
      '--stage <n>',
      'part of the network that is looked at, 0: the stem (default: the last with a map of 4 x 4 or more)',
      index,
    )
    .option('--out <file>', 'where to write the picture (default: IMAGE-explained.png, here)')
    .option('--device <device>', 'auto, cpu, cuda or cuda:N', device)
    .option('--color-management', COLOR_HELP)
    .option('--no-color-management', 'take colours as they are, whatever the model card says')
    .option('--max-pixels <n>', PIXELS_HELP, wholeUpTo(Number.MAX_SAFE_INTEGER))
    .addHelpText(
      'after',
      example('mbconv explain three.png', 'mbconv explain cat.jpg --class dog --stage 6 --out dog.png'),
    )
    .action(async (image: string, options: Omit<ExplainOptions, keyof GlobalOptions>) => {
      const { explain } = await import('./commands/explain.js')
      finish(await explain(image, { ...globals(), ...options }))
    })

  program
    .command('export')
    .description('write a model as ONNX file, with its model card')
    .argument('[run]', 'folder of a run or of one of its checkpoints (default: the newest run below runs/)')
    .option('--out <file>', 'the ONNX file; the card lies beside it', 'model.onnx')
    .option('--opset <n>', "version of ONNX's operators, 17 to 22", wholeNumber, 17)
    .option('--no-fold', 'keep batch norms apart from the convolutions')
    .option('--pixels', 'the input is uint8 pixels; normalising them is part of the file')
    .option('--safetensors', 'write the weights as safetensors, too')
    .option('--pretrained <name>', 'a checkpoint that was pulled (mbconv pull lists them); its file may be --weights')
    .option('--model <name>', 'of weights from elsewhere: the architecture')
    .option('--weights <file>', 'their file: safetensors, or of torch.save')
    .option('--entry <name>', 'which weights of a file that has several (default: the averaged ones, as timm)')
    .addOption(new Option('--profile <name>', 'their numeric profile').choices([...PROFILE_NAMES]))
    .option('--classes <n>', 'their classes (default: 1000)', wholeNumber)
    .option('--resolution <px>', "side of their input (default: the architecture's)", wholeNumber)
    .addHelpText(
      'after',
      example(
        'mbconv export runs/digits-20260101-120000 --out digits.onnx',
        'mbconv export --model b0 --weights efficientnet_b0.safetensors --profile timm --out b0.onnx',
      ),
    )
    .action(async (run: string | undefined, options: Omit<ExportOptions, keyof GlobalOptions>) => {
      const { exportModel } = await import('./commands/export.js')
      finish(await exportModel(run, { ...globals(), ...options }))
    })

  program
    .command('models')
    .description('list the architectures, or the stages of one; parameters and multiply-adds are counted')
    .argument('[name]', 'an architecture')
    .option('--width <factor>', 'multiply the channels', number)
    .option('--depth <factor>', 'multiply the layers of each stage', number)
    .option('--resolution <px>', 'side of the input', wholeNumber)
    .option('--phi <number>', "compound scaling with the paper's 1.2, 1.1 and 1.15 to this power", number)
    .option('--classes <n>', 'classes of the classifier', wholeNumber, 1000)
    .option('--config', 'the table as the model: of a configuration, to be changed')
    .addHelpText(
      'after',
      example(
        'mbconv models',
        'mbconv models efficientnet_b0 --width 0.25 --depth 0.5 --resolution 32',
        'mbconv models b0 --config > model.yaml',
      ),
    )
    .action(async (name: string | undefined, options: Omit<ModelsOptions, keyof GlobalOptions>) => {
      const { models } = await import('./commands/models.js')
      finish(await models(name, { ...globals(), ...options }))
    })

  program
    .command('scale')
    .description('scale an architecture to a budget; gives the model: of a configuration')
    .argument('<name>', 'an architecture')
    .option('--macs <amount>', 'multiply-adds of an image: 1.5G, or 4x for four times the base')
    .option('--params <amount>', 'parameters: 20M, 4x')
    .option('--memory <amount>', 'tensor memory at most: 8GiB, 4x')
    .option('--latency <amount>', 'measured time of a batch: 10ms, 4x')
    .option('--dimension <name>', 'compound, depth, width or resolution (default: compound)')
    .option('--compare', 'all four at the same budget, as a table')
    .option('--tolerance <share>', 'how far off is near enough (default: 3%, for latency 10%)')
    .option('--alpha <number>', 'depth base of compound scaling (default: 1.2)', number)
    .option('--beta <number>', 'width base (default: 1.1)', number)
    .option('--gamma <number>', 'resolution base (default: 1.15)', number)
    .option('--width <factor>', "of the base: multiply the architecture's channels first", number)
    .option('--depth <factor>', 'of the base: multiply its layers', number)
    .option('--resolution <px>', 'of the base: side of the input', wholeNumber)
    .option('--divisor <n>', 'of base and result: channels are multiples of this', wholeNumber)
    .option('--step <px>', 'resolutions are multiples of this', wholeNumber)
    .option('--classes <n>', 'classes of the classifier', wholeNumber, 1000)
    .option('--channels <n>', 'channels of the image', wholeNumber, 3)
    .option('--train', 'memory or latency of a training step')
    .option('--batch <n>', 'images at once, for memory and latency', wholeNumber)
    .option('--dtype <dtype>', 'of the tensors, for memory and latency')
    .option('--optimizer <name>', 'rmsprop, sgd or adamw, for memory')
    .option('--no-ema', 'without averaged weights, for memory')
    .option('--runs <n>', 'timed runs of a candidate, for latency', wholeNumber)
    .option('--device <device>', 'cpu, cuda or cuda:N, for latency', device)
    .addHelpText(
      'after',
      example(
        'mbconv scale b0 --macs 4x > model.yaml',
        'mbconv scale b0 --width 0.5 --resolution 64 --macs 4x --compare',
        'mbconv scale b0 --memory 8GiB --train --batch 32',
      ),
    )
    .action(async (name: string, options: Omit<ScaleOptions, keyof GlobalOptions>) => {
      const { scale } = await import('./commands/scale.js')
      finish(await scale(name, { ...globals(), ...options }))
    })

  const experiment = program
    .command('experiment')
    .description('many trainings that answer one question: planned, run side by side, resumed, compared')
    .addHelpText('after', example('mbconv experiment run scripts/experiments/table7.yaml --profile cpu'))
  const inDir = (command: Command) =>
    command
      .option('--profile <name>', "of the file's profiles")
      .option('--dir <dir>', 'folder of all experiments (default: runs/experiments)')

  inDir(experiment.command('run'))
    .description('run an experiment, or go on with it')
    .argument('<file>', 'a YAML file')
    .option('--seeds <n>', 'train every arm under so many seeds', wholeNumber)
    .option('--jobs <n>', 'trainings at once (default: as many as cores or GPUs allow)', wholeUpTo(1024))
    .option('--retry-failed', 'try jobs again that failed before')
    .option('--no-report', 'end without writing the report')
    .option('--set <key=value>', 'set a key of the file; may be given again', collected, [])
    .addHelpText(
      'after',
      example(
        'mbconv experiment run scripts/experiments/table7.yaml --profile smoke',
        'mbconv experiment run scripts/experiments/table7.yaml --set train.epochs=5 --seeds 5',
      ),
    )
    .action(async (file: string, options: Omit<RunOptions, keyof GlobalOptions>) => {
      const { run } = await import('./commands/experiment.js')
      finish(await run(file, { ...globals(), ...options }))
    })

  inDir(experiment.command('status'))
    .description('say how far an experiment is')
    .argument('<experiment>', 'its folder or its file')
    .action(async (word: string, options: { profile?: string; dir?: string }) => {
      const { status } = await import('./commands/experiment.js')
      finish(await status(word, { ...globals(), ...options }))
    })

  inDir(experiment.command('report'))
    .description('write the report of an experiment, finished or not: HTML, Markdown, CSV and pictures')
    .argument('<experiment>', 'its folder or its file')
    .action(async (word: string, options: { profile?: string; dir?: string }) => {
      const { report } = await import('./commands/experiment.js')
      finish(await report(word, { ...globals(), ...options }))
    })

  experiment
    .command('compare')
    .description('the arms of several experiments in one table')
    .argument('<folder...>', 'folders of experiments')
    .action(async (folders: string[]) => {
      const { compare } = await import('./commands/experiment.js')
      finish(await compare(folders, globals()))
    })

  experiment
    .command('job')
    .description('run one job of an experiment: a task of the array script')
    .argument('<folder>', "the experiment's folder")
    .argument('<index>', 'number of the job')
    .action(async (folder: string, index: string) => {
      const { job } = await import('./commands/experiment.js')
      finish(await job(folder, index, globals()))
    })

  program
    .command('pull')
    .description("fetch a checkpoint's weights into the folder of weights, where models.pretrained looks")
    .argument('[name...]', "timm's names of checkpoints")
    .option('--list', 'the checkpoints there are, with what images want before each')
    .addHelpText('after', example('mbconv pull tf_efficientnet_b0.ns_jft_in1k', 'mbconv pull --list'))
    .action(async (names: string[], options: { list?: boolean }) => {
      const { pull } = await import('./commands/pull.js')
      finish(await pull(names, { ...globals(), ...options }))
    })

  program
    .command('doctor')
    .description('say what was found on this machine, what is missing and how to get it')
    .addHelpText('after', example('mbconv doctor --json'))
    .action(async () => {
      const { doctor } = await import('./commands/doctor.js')
      finish(await doctor(globals()))
    })

  program
    .command('setup')
    .description('get libtorch and build the native part (setup --help lists its options)')
    .argument('[words...]')
    .usage('[options]')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const { setup } = await import('./commands/setup.js')
      finish(await setup(words, globals()))
    })

  return program
}

/** Commander's own complaints, in our words. */
function usageError(error: CommanderError): MbconvError {
  const [, message, suggestion] = /^(?:error: )?([\s\S]*?)(?:\n\((.*)\))?$/.exec(error.message) ?? []
  return new MbconvError('ERR_USAGE', message ?? error.message, {
    hint: suggestion ? suggestion[0].toLowerCase() + suggestion.slice(1) : 'mbconv --help shows what there is',
  })
}

/** Runs the command; gives its exit status, which is 1 where results could not be written. */
export async function main(words: string[]): Promise<number> {
  const lostOutput = watchOutput()
  const status = await runCommand(words)
  const reason = await lostOutput()
  if (reason === undefined) return status
  new Output().warn(`what was to be printed on stdout is lost: ${reason}; everything else was done`)
  return status === EXIT.ok ? EXIT.failure : status
}

async function runCommand(words: string[]): Promise<number> {
  let status: number = EXIT.ok
  const program = createProgram((code) => {
    status = code
  })
  // Errors before the command line is understood must know this too.
  const output = () => new Output({ json: words.includes('--json') })
  // What no command awaits must not end in a bare stack either.
  process.on('uncaughtException', (error) => {
    output().error(error)
    process.exit(exitCodeOf(error))
  })
  try {
    if (words.length === 0) {
      program.outputHelp({ error: true })
      return EXIT.usage
    }
    await program.parseAsync(words, { from: 'user' })
    return status
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      output().error(error)
      return exitCodeOf(error)
    }
    if (error.exitCode === 0) return EXIT.ok // help and version were asked for
    output().error(usageError(error))
    return EXIT.usage
  }
}

if (require.main === module)
  main(process.argv.slice(2)).then((status) => {
    process.exitCode = status
  })
