/**
 * What the results show, in sentences. A difference is claimed only where its test is significant after correction for
 * all declared comparisons. Every other comparison is reported as open, with the difference these seeds could have
 * detected.
 */
import { DEFAULT_DATASET, datasetNamed } from '../../data/sources/kinds'
import { counted } from '../../text/figures'
import type { Plan } from '../types/types'
import { type Analysis, type ArmFindings, baseOf, type ComparisonFindings, LEVEL, POWER } from './analysis'
import { objectives, type RankedArms, rankings } from './search-findings'
import { amount, deviation, listed, percent, points, pValue, range, times } from './wording'

type Refusals = Plan['refused']

function interval({ test }: ComparisonFindings): string {
  return test.interval === null ? '' : `95 % interval ${range(test.interval, { sign: true })}`
}

const inWords = (share: number) => `${points(share, { sign: true })} points`

/** The name of an arm at the start of a sentence: `Compound`. Names of candidates (`a1.1-b1-g1.35`) stay as they are. */
const sentenceCase = (id: string) => (/^[a-z]+$/.test(id) ? id[0].toUpperCase() + id.slice(1) : id)

/** One comparison, in a sentence or a few. */
function comparisonText(entry: ComparisonFindings, declared: number): string {
  const { against, test, verdict } = entry
  const arm = sentenceCase(entry.arm)
  const corrected = declared > 1 ? `, corrected for ${declared} comparisons` : ''
  const seeds = counted(test.n, 'seed')
  switch (verdict) {
    case 'better':
    case 'worse': {
      const verb = verdict === 'better' ? 'beats' : 'is behind'
      const evidence = `(${interval(entry)}; ${pValue(entry.p!)}${corrected}; ${seeds})`
      return `${arm} ${verb} ${against} by ${points(Math.abs(test.mean))} points ${evidence}.`
    }
    case 'undecided': {
      const measured = `${inWords(test.mean)}; ${interval(entry)}; ${pValue(entry.p!)}${corrected}`
      const alone =
        test.p! < LEVEL && declared > 1 ? ' Without the correction the difference would have been significant.' : ''
      const reach =
        entry.detectable === null
          ? ''
          : ` ${seeds} could have detected a difference of about ${points(entry.detectable)} points${declared > 1 ? ' after the correction' : ''}.`
      return `${arm} against ${against}: no significant difference (${test.interval === null ? 'equal in every seed' : measured}).${alone}${reach}`
    }
    case 'no spread':
      return `${arm} against ${against}: ${inWords(test.mean)} in each of ${seeds}. Significance cannot be judged without any spread.`
    case 'one seed':
      return `${arm} against ${against}: ${inWords(test.mean)} in the only seed that both have finished. One seed cannot show a difference.`
    case 'no data':
      return `${arm} against ${against}: there is no seed that both have finished.`
  }
}

/** The means along a curve, from its base on. Nothing is tested. */
function curveText(arms: readonly ArmFindings[], group: string, dimension: string): string | undefined {
  const base = baseOf(arms, group)
  const along = arms
    .filter((entry) => entry.group === group && entry.dimension === dimension && entry.values.length > 0)
    .sort((a, b) => a.arm.macs - b.arm.macs)
  if (base === undefined || base.values.length === 0 || along.length === 0) return undefined
  const cost = (entry: ArmFindings) => times(entry.arm.macs / base.arm.macs)
  const best = along.reduce((a, b) => (b.top1.mean > a.top1.mean ? b : a))
  const name = group === '' ? dimension : `${group}, ${dimension}`
  const last = along[along.length - 1]
  const summit = best === last ? '' : `; the highest mean is ${percent(best.top1.mean)} at ${cost(best)}`
  return `${name}: ${percent(base.top1.mean)} at 1× and ${percent(last.top1.mean)} at ${cost(last)} the base’s cost${summit}.`
}

function curveTexts({ arms }: Analysis): string[] {
  const curves = new Map(arms.map(({ group, dimension }) => [JSON.stringify([group, dimension]), { group, dimension }]))
  const texts = [...curves.values()]
    .filter(({ dimension }) => dimension !== 'baseline')
    .flatMap(({ group, dimension }) => curveText(arms, group, dimension) ?? [])
  return texts.length === 0 ? [] : ['No comparison was declared, so nothing is tested. The means are:', ...texts]
}

/** A ranking, in a few sentences. */
function rankingText({ ranking, candidates, seeds, phi, left }: RankedArms): string[] {
  const [best, ...others] = ranking.ranked
  const name = candidates[best.index].arm.id
  const lead = `At φ = ${phi}, ${name} has the highest mean of ${candidates.length} candidates: ${percent(best.mean)} over ${counted(seeds.length, 'seed')}.`
  const open = others.filter(({ undecided }) => undecided)
  const lacking = left.length > 0 ? [`${counted(left.length, 'candidate')} without all seeds: not ranked.`] : []
  if (ranking.width === null) {
    return [
      lead,
      'With one seed nothing tells whether another candidate is worse: the order may be chance.',
      ...lacking,
    ]
  }
  const reach = `two means must differ by ${points(ranking.width)} points`
  if (open.length === others.length) {
    return [lead, `All others are statistically indistinguishable from it (${reach} to be distinguished).`, ...lacking]
  }
  if (open.length === 0) return [lead, `It is significantly ahead of all others (${reach}).`, ...lacking]
  const names = open.slice(0, 6).map(({ index }) => candidates[index].arm.id)
  const all = listed(open.length > 6 ? [...names, `${open.length - 6} more`] : names)
  const worse = others.length - open.length
  return [
    lead,
    `${counted(open.length, 'other')} ${open.length === 1 ? 'is' : 'are'} statistically indistinguishable from it: ${all}.`,
    `${counted(worse, 'candidate')} ${worse === 1 ? 'is' : 'are'} worse (${reach} to be distinguished).`,
    ...lacking,
  ]
}

/** All rankings of a grid, and the rank that the best ray of the smallest φ has at each larger φ. */
function gridTexts({ arms, plan }: Analysis): string[] {
  const found = rankings(arms, plan).sort((a, b) => a.phi - b.phi)
  const [first] = found
  if (first === undefined) return ['No two candidates have finished under the same seeds, so there is no ranking yet.']
  const { alpha, beta, gamma } = first.candidates[first.ranking.ranked[0].index].arm.compound!
  return found.flatMap((entry) => {
    const texts = rankingText(entry)
    const place = entry.ranking.ranked.findIndex(({ index }) => {
      const ray = entry.candidates[index].arm.compound!
      return ray.alpha === alpha && ray.beta === beta && ray.gamma === gamma
    })
    if (entry === first || place < 0) return texts
    const rank = `${place + 1} of ${entry.candidates.length}`
    const known = entry.ranking.width !== null && !entry.ranking.ranked[place].undecided
    const judgement =
      place === 0 ? '' : known ? ', significantly behind the best' : ', statistically indistinguishable from the best'
    return [...texts, `The best ray at φ = ${first.phi} has rank ${rank} at φ = ${entry.phi}${judgement}.`]
  })
}

function evolutionTexts({ arms, plan }: Analysis): string[] {
  const [best, ...others] = objectives(arms, plan)
  if (best === undefined) return []
  const { entry, value } = best
  const found = `${entry.arm.id} has the highest objective of ${others.length + 1} networks, ${value.toFixed(4)}: ${percent(entry.top1.mean)} at ${times(entry.arm.macs / plan.base.macs)} the base’s cost.`
  return [
    found,
    'The search chose the winner by these same results, so the winner’s accuracy is biased upwards.',
    'The order of the networks is not tested.',
  ]
}

/** The sentences at the top of a report, the most important first. */
export function conclusions(analysis: Analysis): string[] {
  const { jobs, comparisons, kind, finished } = analysis
  if (jobs.done === 0) {
    const why =
      jobs.failed > 0
        ? `${jobs.failed === jobs.planned ? 'All' : `${jobs.failed} of`} ${jobs.planned} jobs failed`
        : 'No job has finished yet'
    return [`${why}, so there is nothing to conclude.`]
  }
  const state = finished
    ? []
    : [`Not finished: ${jobs.done} of ${jobs.planned} jobs are done. The results below may change.`]
  const texts = [
    ...(kind === 'grid' ? gridTexts(analysis) : []),
    ...(kind === 'evolution' ? evolutionTexts(analysis) : []),
    ...comparisons.map((entry) => comparisonText(entry, comparisons.length)),
  ]
  const { chance } = analysis.plan
  const learned = analysis.arms.some(({ top1 }) => top1.mean >= 1.5 * chance)
  if (!learned)
    state.push(`No arm has learned: all are near chance (${percent(chance)}). Nothing can be said about scaling.`)
  return [...state, ...(texts.length > 0 ? texts : curveTexts(analysis))]
}

function scaleOf({ plan, arms }: Analysis): string {
  const sides = arms.map(({ arm }) => arm.coefficients.resolution)
  const [least, most] = [Math.min(...sides), Math.max(...sides)]
  const side = sides.length === 0 ? '' : least === most ? `${least} px, ` : `${least} to ${most} px, `
  const dataset = typeof plan.data.dataset === 'string' ? plan.data.dataset : DEFAULT_DATASET
  const data = datasetNamed(dataset)?.reported
  return `This is a proxy task at small scale (${side}${data ?? dataset}, ${amount(plan.base.macs)} multiply-adds for the base). It says nothing about ImageNet, which the paper’s points are from.`
}

function seedTexts({ plan, arms, comparisons }: Analysis): string[] {
  const most = Math.max(0, ...arms.map(({ values }) => values.length))
  const texts: string[] = []
  if (plan.seeds.length === 1) texts.push('There is one seed: no spread, no interval and no test.')
  else if (most < 6 && comparisons.some(({ test }) => test.t !== null)) {
    texts.push(
      `There are ${plan.seeds.length} seeds. The t tests assume normal differences, which so few seeds cannot confirm. The exact test assumes almost nothing, but its p cannot be below ${Number((2 / 2 ** most).toPrecision(2))} with ${counted(most, 'pair')}.`,
    )
  }
  const detectables = comparisons.filter(({ verdict }) => verdict === 'undecided').map(({ detectable }) => detectable)
  const reaches = detectables.filter((value) => value !== null)
  if (reaches.length > 0) {
    const [low, high] = [Math.min(...reaches), Math.max(...reaches)].map((value) => points(value))
    texts.push(
      `These seeds reliably detect (in ${100 * POWER} % of repetitions) only differences above about ${low === high ? low : `${low} to ${high}`} points, depending on the comparison. “No significant difference” does not mean that there is none.`,
    )
  }
  return texts
}

/** Arms whose top-1 is near chance, and arms that have hardly any room for improvement. */
function levelTexts({ plan, arms }: Analysis): string[] {
  const trained = arms.filter(({ values }) => values.length > 0)
  const low = trained.filter(({ top1 }) => top1.mean < 1.5 * plan.chance)
  const high = trained.filter(({ top1 }) => top1.mean > 0.97)
  const names = (entries: ArmFindings[]) => listed(entries.slice(0, 5).map(({ arm }) => arm.id))
  return [
    ...(low.length > 0
      ? [
          `Near chance (${percent(plan.chance)}): ${names(low)}. These arms have hardly learned, so comparing them says little.`,
        ]
      : []),
    ...(high.length > 0 ? [`Near 100 %: ${names(high)}. These arms have hardly any room for improvement.`] : []),
  ]
}

/** Refusals for a counted cost outside the budget, in one sentence: a grid can have dozens. */
function missedText({ plan }: Analysis, missed: Refusals): string[] {
  const each = missed.map(
    ({ id, nearest }) => `${id} (${times(nearest!.macs / plan.base.macs)}, ${deviation(nearest!.error)})`,
  )
  return each.length === 0
    ? []
    : [
        `Refused because the counted cost is outside the budget (cost in multiples of the base, deviation): ${each.join(', ')}.`,
      ]
}

/** What a reader might take for granted although the results do not show it. */
export function notShown(analysis: Analysis): string[] {
  const { plan, arms, jobs, kind, comparisons, strangers } = analysis
  const open = arms.filter(({ missing }) => missing.length > 0)
  const failed = arms.flatMap(({ arm, failed: jobs }) => jobs.map((job) => ({ id: arm.id, ...job })))
  const texts: string[] = []
  if (open.length > 0) {
    const names = open
      .slice(0, 8)
      .map(({ arm, missing }) => `${arm.id} (seed${missing.length > 1 ? 's' : ''} ${missing.join(', ')})`)
    const more = open.length > 8 ? [counted(open.length - 8, 'more arm')] : []
    texts.push(
      `Unfinished: ${jobs.planned - jobs.done - jobs.failed} of ${jobs.planned} jobs: ${listed([...names, ...more])}.`,
    )
  }
  for (const { id, seed, error } of failed.slice(0, 12)) {
    texts.push(`Failed: ${id}, seed ${seed}: ${error.message} (${error.code}).`)
  }
  if (failed.length > 12) texts.push(`Failed: ${failed.length - 12} more jobs; results.jsonl names them.`)
  const misses = ({ reason, nearest }: Refusals[number]) => nearest !== undefined && reason.startsWith('has ')
  texts.push(...missedText(analysis, plan.refused.filter(misses)))
  for (const { id, reason, nearest } of plan.refused.filter((entry) => !misses(entry))) {
    const near =
      nearest === undefined || /nearest|^is the same network/.test(reason)
        ? ''
        : ` The nearest reachable is ${times(nearest.macs / plan.base.macs)} the base’s cost, ${nearest.error > 0 ? '+' : '−'}${Math.abs(100 * nearest.error).toFixed(1)} % off the budget.`
    texts.push(`Refused: ${id}: ${reason.replace(/\.?$/, '.')}${near}`)
  }
  texts.push(...seedTexts(analysis), ...levelTexts(analysis), scaleOf(analysis))
  const { caveat } = datasetNamed(plan.data.dataset ?? DEFAULT_DATASET) ?? {}
  if (caveat !== undefined) texts.push(caveat)
  texts.push(
    'All arms have the same hyper-parameters, which were not tuned for each arm. Another recipe may favour another arm.',
  )
  texts.push('Cost means counted multiply-adds. Arms of equal cost can differ in time and memory.')
  if (kind === 'study' && comparisons.length > 0) {
    texts.push('Only the declared comparisons are tested. Other differences between arms are not.')
  }
  if (kind === 'grid') {
    texts.push('The best candidate was chosen by the results shown here, so its mean is biased upwards.')
    texts.push('The ranking’s intervals assume the same spread between seeds for all candidates.')
  }
  if (strangers > 0)
    texts.push(
      `${counted(strangers, 'line')} of results.jsonl belong to no arm and seed of the plan and were left out.`,
    )
  return texts
}
