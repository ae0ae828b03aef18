/** The tables of a report, as text for pages and as CSV for other programs. */

import { duration } from '../../text/figures'
import { printable } from '../../text/foreign-text'
import type { Analysis, ArmFindings } from '../analysis/analysis'
import { objectives, predictions, type RankedArms, rankings } from '../analysis/search-findings'
import { amount, deviation, percent, points, pValue, range, times } from '../analysis/wording'
import { constraintOf } from '../search/objective'
import type { ResultRow, TimingRow } from '../types/types'

export interface Column {
  title: string
  /** The text may wrap. */
  long?: boolean
  /** Words are left-aligned, numbers right-aligned. */
  words?: boolean
}

export interface Table {
  id: string
  title: string
  columns: Column[]
  rows: string[][]
  /** How to read it. */
  caption: string
}

const NONE = '–'
const words = (title: string): Column => ({ title, words: true })
const number = (title: string): Column => ({ title })

const spread = ({ top1, values }: ArmFindings) =>
  values.length === 0 ? NONE : `${percent(top1.mean)}${top1.sd === null ? '' : ` ± ${points(top1.sd)}`}`
const interval = ({ top1 }: ArmFindings) => (top1.interval === null ? NONE : range(top1.interval))
const time = ({ seconds }: ArmFindings) => (seconds === null ? NONE : duration(seconds))
const seeds = ({ values, failed, missing }: ArmFindings) =>
  `${values.length}${failed.length > 0 ? `, ${failed.length} failed` : ''}${missing.length > 0 ? `, ${missing.length} open` : ''}`

function armsTable({ arms, plan }: Analysis): Table {
  const rows = arms.map((entry) => [
    entry.arm.id,
    entry.arm.label,
    spread(entry),
    interval(entry),
    seeds(entry),
    amount(entry.arm.params),
    amount(entry.arm.macs),
    times(entry.arm.macs / plan.base.macs),
    entry.arm.budgetError === null ? NONE : deviation(entry.arm.budgetError),
    time(entry),
  ])
  const budget =
    plan.budget === null
      ? ''
      : ` The budget is ${amount(plan.budget.macs)} counted multiply-adds${plan.budget.times === null ? '' : ` (${times(plan.budget.times)} the base)`}, ±${Number((100 * plan.budget.tolerance).toFixed(2))} %.`
  return {
    id: 'arms',
    title: 'All arms',
    columns: [
      words('Arm'),
      { ...words('Network'), long: true },
      number('Top-1, mean ± sd'),
      number('95 % interval'),
      number('Seeds'),
      number('Parameters'),
      number('Multiply-adds'),
      number('× base'),
      number('Off budget'),
      number('Training per seed'),
    ],
    rows,
    caption: `sd is the standard deviation between seeds, in points. The interval is that of the mean, in per cent, by Student’s t.${budget}`,
  }
}

function comparisonsTable({ comparisons }: Analysis): Table {
  const rows = comparisons.map(({ arm, against, test, p, detectable }) => [
    `${arm} − ${against}`,
    test.n === 0 ? NONE : points(test.mean, { sign: true }),
    test.interval === null ? NONE : range(test.interval, { sign: true }),
    String(test.n),
    test.t === null ? NONE : `${test.t.toFixed(2).replace('-', '−')} (${test.df})`,
    test.p === null ? NONE : pValue(test.p).replace('p = ', '').replace('p ', ''),
    p === null ? NONE : pValue(p).replace('p = ', '').replace('p ', ''),
    test.exact === null || test.n < 2
      ? NONE
      : `${Number(test.exact.p.toPrecision(2))} (min. ${Number(test.exact.least.toPrecision(2))})`,
    detectable === null ? NONE : points(detectable),
  ])
  return {
    id: 'comparisons',
    title: 'Paired tests of the declared comparisons',
    columns: [
      words('Comparison'),
      number('Difference'),
      number('95 % interval'),
      number('Pairs'),
      number('t (df)'),
      number('p'),
      number('p, Holm'),
      number('p, exact'),
      number('Detectable'),
    ],
    rows,
    caption:
      'Differences are in points, within the same seed. p is from a two-sided paired t test. “p, Holm” is corrected for all declared comparisons and decides the conclusions. “p, exact” is from the sign-flip test, with the smallest p that so many pairs allow. “Detectable” is the true difference that these seeds would detect in 80 % of repetitions, at the strictest step of the correction.',
  }
}

function rankingTable(found: RankedArms, { plan }: Analysis, alone: boolean): Table {
  const { ranking, candidates, phase, phi } = found
  const rows = ranking.ranked.map(({ index, behind, interval: around, p, undecided }, place) => {
    const entry = candidates[index]
    const ray = entry.arm.compound!
    return [
      entry.arm.id,
      String(ray.alpha),
      String(ray.beta),
      String(ray.gamma),
      constraintOf(ray).toFixed(3),
      times(entry.arm.macs / plan.base.macs),
      entry.arm.budgetError === null ? NONE : deviation(entry.arm.budgetError),
      spread(entry),
      place === 0 ? NONE : points(behind),
      around === null ? NONE : range(around),
      p === null ? NONE : pValue(p).replace('p = ', '').replace('p ', ''),
      place === 0 ? 'best' : ranking.width === null ? 'unknown' : undecided ? 'indistinguishable' : 'worse',
    ]
  })
  return {
    id: alone ? 'ranking' : `ranking-phase${phase}-phi${phi}`,
    title: `Candidates ranked, φ = ${phi}`,
    columns: [
      words('Candidate'),
      number('α'),
      number('β'),
      number('γ'),
      number('α·β²·γ²'),
      number('Counted, × base'),
      number('Off budget'),
      number('Top-1, mean ± sd'),
      number('Behind'),
      number('95 %, all pairs'),
      number('p'),
      words('Against the best'),
    ],
    rows,
    caption:
      'α·β²·γ² is the cost that the formula predicts at φ = 1, in multiples of the base; “Counted, × base” is the actual cost. “Behind” is the distance from the best, in points. Its intervals hold for all pairs at once (Tukey, 95 %), because the best was chosen by the same results; p is from the same test.',
  }
}

function predictionsTable({ arms, plan }: Analysis): Table | undefined {
  const raised = predictions(arms, plan).filter(({ entry }) => entry.arm.phase > 0)
  if (raised.length === 0) return undefined
  const rows = raised.map(({ entry, predicted, error }) => [
    entry.arm.id,
    String(entry.arm.compound!.phi),
    times(predicted / plan.base.macs),
    times(entry.arm.macs / plan.base.macs),
    deviation(error),
    spread(entry),
    interval(entry),
    seeds(entry),
    time(entry),
  ])
  return {
    id: 'predictions',
    title: 'Larger φ: predicted and counted cost',
    columns: [
      words('Arm'),
      number('φ'),
      number('Predicted, × base'),
      number('Counted, × base'),
      number('Off by'),
      number('Top-1, mean ± sd'),
      number('95 % interval'),
      number('Seeds'),
      number('Training per seed'),
    ],
    rows,
    caption:
      'The predicted cost is (α·β²·γ²)^φ. The counted cost is the cost of the actual network, after channels, layers and pixels were rounded and, if there is a budget, after φ was fitted to it.',
  }
}

function objectivesTable({ arms, plan }: Analysis): Table {
  const found = objectives(arms, plan)
  const rows = found
    .slice(0, 20)
    .map(({ entry, value, front }) => [
      entry.arm.id,
      value.toFixed(4),
      spread(entry),
      amount(entry.arm.macs),
      times(entry.arm.macs / plan.base.macs),
      amount(entry.arm.params),
      front ? 'yes' : 'no',
      entry.arm.stages?.join(' ') ?? entry.arm.label,
    ])
  return {
    id: 'objectives',
    title: 'Networks by objective',
    columns: [
      words('Network'),
      number('Objective'),
      number('Top-1'),
      number('Multiply-adds'),
      number('× base'),
      number('Parameters'),
      words('On the Pareto front'),
      { ...words('Stages'), long: true },
    ],
    rows,
    caption: `The objective is accuracy · (cost / target)^−0.07, with a target of ${amount(plan.budget?.macs ?? plan.base.macs)} multiply-adds.${found.length > 20 ? ` The first 20 of ${found.length} networks are shown.` : ''}`,
  }
}

/** The tables that can be made from these results, in the order of the report. */
export function tablesOf(analysis: Analysis): Table[] {
  const found = analysis.kind === 'grid' ? rankings(analysis.arms, analysis.plan) : []
  const predicted = analysis.kind === 'grid' ? predictionsTable(analysis) : undefined
  return [
    ...found.map((entry) => rankingTable(entry, analysis, found.length === 1)),
    ...(predicted === undefined ? [] : [predicted]),
    ...(analysis.kind === 'evolution' ? [objectivesTable(analysis)] : []),
    ...(analysis.comparisons.length > 0 ? [comparisonsTable(analysis)] : []),
    // A search for stages trains hundreds of arms; arms.csv has all of them.
    ...(analysis.arms.length > 0 && analysis.kind !== 'evolution' ? [armsTable(analysis)] : []),
  ]
}

type Cell = string | number | null | undefined

/** Spreadsheets read a text with such a beginning as a formula. */
const FORMULA = /^[=+\-@\t\r]/

function csv(header: readonly string[], rows: readonly Cell[][]): string {
  const cell = (value: Cell) => {
    if (typeof value !== 'string') return value === null || value === undefined ? '' : String(value)
    const text = printable(FORMULA.test(value) ? `'${value}` : value)
    return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [header, ...rows].map((row) => `${row.map(cell).join(',')}\n`).join('')
}

/** results.csv: one line per job. */
export function resultsCsv({ arms }: Analysis, results: readonly ResultRow[], timings: readonly TimingRow[]): string {
  const header =
    'arm,label,series,phase,seed,status,top1,top5,loss,params,macs,budgetError,seconds,wallSeconds,peakBytes,error'
  const rows = results.map((row): Cell[] => {
    const { arm } = arms.find((entry) => entry.arm.id === row.arm)!
    const time = timings.find((line) => line.arm === row.arm && line.seed === row.seed)
    return [
      ...[arm.id, arm.label, arm.series, arm.phase, row.seed, row.status, row.top1, row.top5, row.loss],
      ...[arm.params, arm.macs, arm.budgetError, time?.seconds, time?.wallSeconds, time?.peakBytes, row.error?.code],
    ]
  })
  return csv(header.split(','), rows)
}

/** arms.csv: one line per arm, in full precision. */
export function armsCsv({ arms, plan }: Analysis): string {
  const header =
    'arm,label,series,phase,depth,width,resolution,alpha,beta,gamma,phi,constraint,params,macs,timesBase,budgetError,seeds,failed,missing,mean,sd,low,high,objective,seconds'
  const rows = arms.map((entry): Cell[] => {
    const { arm, top1, values, failed, missing, seconds } = entry
    const { depth, width, resolution } = arm.coefficients
    const ray = arm.compound
    const objective = objectives([entry], plan)[0]?.value
    return [
      ...[arm.id, arm.label, arm.series, arm.phase, depth, width, resolution],
      ...[ray?.alpha, ray?.beta, ray?.gamma, ray?.phi, ray && constraintOf(ray)],
      ...[
        arm.params,
        arm.macs,
        arm.macs / plan.base.macs,
        arm.budgetError,
        values.length,
        failed.length,
        missing.length,
      ],
      ...[values.length > 0 ? top1.mean : null, top1.sd, top1.interval?.[0], top1.interval?.[1]],
      ...[objective, seconds],
    ]
  })
  return csv(header.split(','), rows)
}

/** comparisons.csv: one line per declared comparison. */
export function comparisonsCsv({ comparisons }: Analysis): string {
  const header = 'arm,against,pairs,difference,sd,low,high,t,df,p,pHolm,pExact,pExactLeast,detectable,verdict'
  const rows = comparisons.map(({ arm, against, test, p, verdict, detectable }): Cell[] => [
    ...[arm, against, test.n, test.n > 0 ? test.mean : null, test.sd, test.interval?.[0], test.interval?.[1]],
    ...[test.t, test.df, test.p, p, test.exact?.p, test.exact?.least, detectable, verdict],
  ])
  return csv(header.split(','), rows)
}
