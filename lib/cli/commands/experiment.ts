/** `mbconv experiment`: run, status, report and compare. */
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { MeasureEvent, PlanEvent } from '../../experiment/run/events'
import { exitOfInterruption, stopOnSignals } from '../../process/signals'
import { isFolder, shortPath } from '../input/runs'
import { createExperimentProgress } from '../view/experiment-progress'
import * as format from '../view/format'
import { type GlobalOptions, indented, Output, table, wrap } from '../view/output'

export interface RunOptions extends GlobalOptions {
  profile?: string
  dir?: string
  seeds?: number
  jobs?: number
  set: string[]
  retryFailed?: boolean
  /** False with --no-report. */
  report: boolean
}

/** What `--seeds` and `--set` change, as overrides. */
const changes = ({ set, seeds }: Pick<RunOptions, 'set' | 'seeds'>): string[] =>
  seeds === undefined ? set : [...set, `seeds=${seeds}`]

export async function run(file: string, options: RunOptions): Promise<number> {
  const output = new Output(options)
  const { parseExperimentFile } = await import('../../experiment/plan/spec.js')
  const spec = parseExperimentFile(file, { profile: options.profile, set: changes(options) })
  const { dir, jobs, retryFailed } = options
  if (spec.slurm !== undefined) {
    const { writeSlurm } = await import('../../experiment/run/slurm.js')
    const script = writeSlurm(spec, { dir })
    output.data(script)
    if (script.path === null) output.result('nothing is left to run', `folder: ${shortPath(script.folder)}`)
    else output.result(`sbatch ${shortPath(script.path)}`)
    output.note(
      `${format.counted(script.tasks, 'task')}; when all have ended: mbconv experiment report ${shortPath(script.folder)}`,
    )
    return EXIT.ok
  }
  const { runSpec } = await import('../../experiment/run/runner.js')
  const controller = new AbortController()
  const progress = createExperimentProgress(process.stderr, { quiet: output.quiet || output.json })
  const restore = saveOnSignals(controller, (text) => progress.note(text))
  try {
    const run = runSpec(spec, { dir, jobs, retryFailed, signal: controller.signal })
    for await (const event of run) {
      output.data(event)
      progress.event(event)
      if (event.type === 'plan' && !output.quiet && !output.json) {
        const measures = spec.estimate && event.estimates === undefined && event.finished < event.jobs
        if (measures) progress.note('measuring a step of each arm')
        else progress.note(...planLines(event, output))
      } else if (event.type === 'measure' && event.seconds === null && !output.json) {
        progress.note(notMeasured(event, output))
      } else if (event.type === 'warning') {
        progress.note(...indented(`${output.paintNote('yellow', 'warning:')} ${event.message}`))
      }
    }
    const result = await run.result
    progress.end()
    const { folder, interrupted, failed } = result
    output.result(...(await resultLines(folder, output)), '', `folder: ${shortPath(folder)}`)
    if (interrupted) {
      output.note('saved; the same command goes on')
      return exitOfInterruption(interrupted)
    }
    if (failed > 0) output.warn(`${format.counted(failed, 'job')} failed`)
    // With nothing measured there is nothing to report.
    if (options.report && result.done > 0) await writeReport(folder, output).catch((error) => drawLater(error, output))
    return failed > 0 ? EXIT.failure : EXIT.ok
  } finally {
    progress.end()
    restore()
  }
}

/** The first signal lets the jobs save, the second one ends everything. */
function saveOnSignals(controller: AbortController, note: (text: string) => void): () => void {
  return stopOnSignals(controller, (signal) => note(`${signal}: the jobs are saving; once more to quit at once`))
}

function planLines(event: PlanEvent, output: Output): string[] {
  const { plan, phase, jobs, finished, slots, folder, estimates } = event
  const { paintNote: paint } = output
  const arms = plan.arms.filter((arm) => arm.phase === phase)
  const rows = arms.map(({ id, params, macs, budgetError, coefficients: { depth, width, resolution } }) => [
    id,
    ...[depth, width].map(format.short),
    String(resolution),
    ...[params, macs].map(format.whole),
    budgetError === null ? '' : format.signedPercent(budgetError),
    ...(estimates === undefined
      ? []
      : [estimates[id] === undefined || estimates[id] === null ? '' : format.duration(estimates[id])]),
  ])
  const titles = [
    'depth',
    'width',
    'px',
    'parameters',
    'multiply-adds',
    'off budget',
    ...(estimates === undefined ? [] : ['a job']),
  ]
  const columns = [{ title: 'arm' }, ...titles.map((title) => ({ title, right: true }))]
  const budget = plan.budget && `budget ${format.whole(plan.budget.macs)} ± ${format.percent(plan.budget.tolerance)}`
  const facts = [
    `${format.counted(arms.length, 'arm')} × ${format.counted(plan.seeds.length, 'seed')}`,
    `${format.counted(jobs, 'job')}${finished > 0 ? `, ${finished} finished before` : ''}`,
    `${slots} at once on ${plan.device}`,
    ...(budget ? [budget] : []),
  ]
  return [
    phase === 0 ? paint('bold', plan.title) : paint('bold', `phase ${phase}`),
    ...(phase === 0 && plan.question ? wrap(plan.question, Math.min(output.columns, 100)) : []),
    shortPath(folder),
    '',
    ...table(columns, rows, paint),
    '',
    ...plan.refused.map(({ id, reason }) => `${paint('yellow', 'refused:')} ${id}: ${reason}`),
    facts.join(paint('dim', ' | ')),
    ...estimateLine(event),
  ]
}

function estimateLine({ seconds, jobs, finished }: PlanEvent): string[] {
  return seconds === undefined || jobs === finished
    ? []
    : [`about ${format.duration(seconds)}, by a measured step of each arm`]
}

const notMeasured = ({ arm, why }: MeasureEvent, { paintNote }: Output) =>
  `${paintNote('yellow', 'warning:')} a step of ${arm} could not be measured: ${why}`

/** An arm a line: mean over its seeds, and the range. */
async function resultLines(folder: string, { paint }: Output): Promise<string[]> {
  const { readPlan } = await import('../../experiment/store/folder.js')
  const { readResults } = await import('../../experiment/store/results.js')
  const rows = readResults(folder)
  const titles = ['parameters', 'multiply-adds', 'seeds', 'top-1', 'from', 'to']
  const columns = [{ title: 'arm' }, ...titles.map((title) => ({ title, right: true }))]
  const lines = readPlan(folder).arms.map(({ id, params, macs }) => {
    const own = rows.filter((row) => row.arm === id)
    const shares = own.flatMap((row) => (row.status === 'done' ? [row.top1] : []))
    const failed = own.length - shares.length
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
    const range = shares.length === 0 ? [] : [mean, Math.min(...shares), Math.max(...shares)]
    const figures = range.map((share) => format.percent(share))
    return [
      id,
      ...[params, macs].map(format.whole),
      `${shares.length}${failed > 0 ? `, ${failed} failed` : ''}`,
      ...figures,
    ]
  })
  return table(columns, lines, paint)
}

/** The folder that a word means: itself, or that of an experiment's file. */
async function folderNamed(word: string, { profile, dir }: { profile?: string; dir?: string }): Promise<string> {
  if (isFolder(word)) return word
  const { EXPERIMENTS, folderOf, isExperiment } = await import('../../experiment/store/folder.js')
  const { parseExperimentFile } = await import('../../experiment/plan/spec.js')
  const folder = folderOf(parseExperimentFile(word, { profile }), dir ?? EXPERIMENTS)
  if (isExperiment(folder)) return folder
  throw new MbconvError('ERR_USAGE', `${word} has not been run: there is no ${shortPath(folder)}`, {
    hint: 'another --profile or --dir?',
  })
}

export interface StatusOptions extends GlobalOptions {
  profile?: string
  dir?: string
}

export async function status(word: string, options: StatusOptions): Promise<number> {
  const output = new Output(options)
  const { status: statusOf } = await import('../../experiment/run/status.js')
  const found = statusOf(await folderNamed(word, options))
  output.data(found)
  const { plan, jobs, folder, done, failed } = found
  const columns = [
    { title: 'job' },
    { title: 'state' },
    { title: 'step', right: true },
    { title: 'top-1', right: true },
    { title: '' },
  ]
  const rows = jobs.map(({ arm, seed, state, step, top1, failures }) => [
    `${arm} seed ${seed}`,
    state,
    step > 0 ? format.whole(step) : '',
    top1 === null ? '' : format.percent(top1),
    failures.length > 0 ? `${failures.at(-1)!.message} (${failures.at(-1)!.code})` : '',
  ])
  output.result(
    output.paint('bold', plan.title),
    ...table(columns, rows, output.paint),
    '',
    `${done} of ${format.counted(jobs.length, 'job')} done${failed > 0 ? `, ${failed} failed` : ''}; folder: ${shortPath(folder)}`,
  )
  return failed > 0 ? EXIT.failure : EXIT.ok
}

/** Pictures and pages; their sentences on stdout. */
async function writeReport(folder: string, output: Output): Promise<void> {
  const { writeReport: write } = await import('../../experiment/report/write.js')
  const report = await write(folder)
  output.data({ type: 'report', ...report })
  const width = Math.min(output.columns, 100)
  output.result('', ...report.conclusions.flatMap((text) => wrap(text, width)), '', `report: ${shortPath(report.html)}`)
}

/** Without the libraries that draw, a finished experiment lacks its report and nothing else. */
function drawLater(error: unknown, output: Output): void {
  if (!(error instanceof MbconvError) || error.code !== 'ERR_ENVIRONMENT') throw error
  output.warn(`no report was written: ${error.message} (${error.hint}); mbconv experiment report writes it later`)
}

export async function report(word: string, options: StatusOptions): Promise<number> {
  const output = new Output(options)
  const folder = await folderNamed(word, options)
  const { gather } = await import('../../experiment/store/folder.js')
  gather(folder)
  await writeReport(folder, output)
  return EXIT.ok
}

export async function compare(folders: string[], options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { gather } = await import('../../experiment/store/folder.js')
  const { compareExperiments } = await import('../../experiment/analysis/compare.js')
  for (const folder of folders) gather(folder)
  const found = compareExperiments(folders)
  output.data(found)
  const columns = found.columns.map((title, i) => ({ title, right: i > 0 }))
  output.result(...table(columns, found.rows, output.paint), '', ...found.notes)
  return EXIT.ok
}

/** One task of a cluster's array: the job of that number. */
export async function job(folder: string, index: string, options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { runTask } = await import('../../experiment/run/slurm.js')
  const controller = new AbortController()
  const restore = saveOnSignals(controller, (text) => output.note(text))
  try {
    const outcome = await runTask(folder, index, controller.signal)
    if (outcome === undefined) return exitOfInterruption(controller.signal.reason)
    output.data(outcome)
    const { row } = outcome
    if (row.status === 'failed') {
      output.warn(`${row.arm} seed ${row.seed} failed: ${row.error.message} (${row.error.code})`)
      return EXIT.failure
    }
    output.result(`${row.arm} seed ${row.seed}: top-1 ${format.percent(row.top1)}`)
    return EXIT.ok
  } finally {
    restore()
  }
}
