/** Formats an experiment as text: its plan, its state, its results, its report. */
import type { ExperimentSpec } from '../../experiment/plan/spec'
import type { ReportPaths } from '../../experiment/report/write'
import type { ExperimentEvent, MeasureEvent, PlanEvent } from '../../experiment/run/events'
import type { ExperimentStatus } from '../../experiment/run/status'
import type { PlannedArm, ResultRow } from '../../experiment/types/types'
import type { ExperimentProgress } from './experiment-progress'
import * as format from './format'
import { indented, type Output, table, wrap } from './output'

/** The planned work, one arm per line. */
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
    format.shortPath(folder),
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

/** One arm per line: mean over its seeds, and the range. */
export function resultLines(arms: readonly PlannedArm[], rows: readonly ResultRow[], { paint }: Output): string[] {
  const titles = ['parameters', 'multiply-adds', 'seeds', 'top-1', 'from', 'to']
  const columns = [{ title: 'arm' }, ...titles.map((title) => ({ title, right: true }))]
  const lines = arms.map(({ id, params, macs }) => {
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

/** One job per line. */
export function statusLines({ plan, jobs, folder, done, failed }: ExperimentStatus, { paint }: Output): string[] {
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
  return [
    paint('bold', plan.title),
    ...table(columns, rows, paint),
    '',
    `${done} of ${format.counted(jobs.length, 'job')} done${failed > 0 ? `, ${failed} failed` : ''}; folder: ${format.shortPath(folder)}`,
  ]
}

/** A report's conclusion and its paths. */
export function showReport(report: ReportPaths, output: Output): void {
  output.data({ type: 'report', ...report })
  const width = Math.min(output.columns, 100)
  const sentences = report.conclusions.flatMap((text) => wrap(text, width))
  output.result('', ...sentences, '', `report: ${format.shortPath(report.html)}`)
}

/** Prints the notes of an event, besides the progress display. */
export function noteEvent(
  event: ExperimentEvent,
  { estimate }: Pick<ExperimentSpec, 'estimate'>,
  progress: ExperimentProgress,
  output: Output,
): void {
  if (event.type === 'plan' && !output.quiet && !output.json) {
    const measures = estimate && event.estimates === undefined && event.finished < event.jobs
    if (measures) progress.note('measuring a step of each arm')
    else progress.note(...planLines(event, output))
  } else if (event.type === 'measure' && event.seconds === null && !output.json) {
    progress.note(notMeasured(event, output))
  } else if (event.type === 'warning') {
    progress.note(...indented(`${output.paintNote('yellow', 'warning:')} ${event.message}`))
  }
}

/** After the first signal, the jobs save their state. */
export const savingLine = (signal: string) => `${signal}: the jobs are saving; once more to quit at once`
