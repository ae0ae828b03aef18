/** `mbconv experiment run`: runs or resumes an experiment. */
import { MbconvError } from '../../../errors/error'
import { EXIT } from '../../../errors/exit-codes'
import { MOST_JOBS } from '../../../experiment/plan/limits'
import type { ExperimentSpec } from '../../../experiment/plan/spec'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { EXPERIMENT_OPTIONS } from '../../command-line/options'
import { collected, wholeNumber, wholeUpTo } from '../../command-line/values'
import * as format from '../../view/format'
import { Output } from '../../view/output'

export const runCommand: CommandDescription = {
  name: 'run',
  summary: 'run an experiment, or go on with it',
  arguments: [{ name: '<file>', help: 'a YAML file, or the name of one in the package (table7)' }],
  options: [
    ...EXPERIMENT_OPTIONS,
    { flags: '--seeds <n>', help: 'train every arm under so many seeds', parse: wholeNumber },
    {
      flags: '--jobs <n>',
      help: 'trainings at once (default: as many as cores or GPUs allow)',
      parse: wholeUpTo(MOST_JOBS),
    },
    { flags: '--retry-failed', help: 'try jobs again that failed before' },
    { flags: '--no-report', help: 'end without writing the report' },
    {
      flags: '--set <key=value>',
      help: 'set a key of the file; may be given again',
      parse: collected,
      default: [],
    },
  ],
  examples: [
    'mbconv experiment run table7 --profile smoke',
    'mbconv experiment run table7 --set train.epochs=5 --seeds 5',
  ],
  run,
}

interface RunOptions extends GlobalOptions {
  profile?: string
  dir?: string
  seeds?: number
  jobs?: number
  set: string[]
  retryFailed?: boolean
  /** False with --no-report. */
  report: boolean
}

async function run(file: string, options: RunOptions): Promise<number> {
  const output = new Output(options)
  const { parseExperimentFile } = await import('../../../experiment/plan/spec.js')
  const { profile, seeds, set } = options
  const overrides = seeds === undefined ? set : [...set, `seeds=${seeds}`]
  const spec = parseExperimentFile(file, { profile, set: overrides })
  return spec.slurm === undefined ? runHere(spec, options, output) : writeScript(spec, options, output)
}

/** Writes the script that runs the jobs on a cluster. */
async function writeScript(spec: ExperimentSpec, { dir }: RunOptions, output: Output): Promise<number> {
  const { writeSlurm } = await import('../../../experiment/run/slurm.js')
  const script = writeSlurm(spec, { dir })
  const folder = format.shortPath(script.folder)
  output.data(script)
  if (script.path === null) output.result('nothing is left to run', `folder: ${folder}`)
  else output.result(`sbatch ${format.shortPath(script.path)}`)
  output.note(`${format.counted(script.tasks, 'task')}; when all have ended: mbconv experiment report ${folder}`)
  return EXIT.ok
}

async function runHere(spec: ExperimentSpec, options: RunOptions, output: Output): Promise<number> {
  const { dir, jobs, retryFailed } = options
  const { runSpec } = await import('../../../experiment/run/runner.js')
  const { readPlan } = await import('../../../experiment/store/folder.js')
  const { readResults } = await import('../../../experiment/store/results.js')
  const { createExperimentProgress } = await import('../../view/experiment-progress.js')
  const { noteEvent, resultLines, savingLine, showReport } = await import('../../view/experiment-tables.js')
  const { exitOfInterruption, stopOnSignals } = await import('../../../process/signals.js')
  const controller = new AbortController()
  const progress = createExperimentProgress(process.stderr, { quiet: output.quiet || output.json })
  const restore = stopOnSignals(controller, (signal) => progress.note(savingLine(signal)))
  try {
    const running = runSpec(spec, { dir, jobs, retryFailed, signal: controller.signal })
    for await (const event of running) {
      output.data(event)
      progress.event(event)
      noteEvent(event, spec, progress, output)
    }
    const result = await running.result
    progress.end()
    const { folder, interrupted, failed } = result
    const lines = resultLines(readPlan(folder).arms, readResults(folder), output)
    output.result(...lines, '', `folder: ${format.shortPath(folder)}`)
    if (interrupted) {
      output.note('saved; the same command goes on')
      return exitOfInterruption(interrupted)
    }
    if (failed > 0) output.warn(`${format.counted(failed, 'job')} failed`)
    // Without any measurement there is nothing to report.
    if (options.report && result.done > 0) {
      const { writeReport } = await import('../../../experiment/report/write.js')
      await writeReport(folder).then(
        (report) => showReport(report, output),
        (error) => reportLater(error, output),
      )
    }
    return failed > 0 ? EXIT.failure : EXIT.ok
  } finally {
    progress.end()
    restore()
  }
}

/** If the packages for drawing are missing, a finished experiment only lacks its report. */
function reportLater(error: unknown, output: Output): void {
  if (!(error instanceof MbconvError) || error.code !== 'ERR_ENVIRONMENT') throw error
  output.warn(`no report was written: ${error.message} (${error.hint}); mbconv experiment report writes it later`)
}
