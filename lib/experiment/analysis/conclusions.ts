/**
 * What the statistics allow to be said, in sentences. A difference is claimed only where its test, corrected for all
 * that were declared, finds it; everything else is said to be open, with what these seeds could have found.
 */
import { DEFAULT_DATASET, datasetNamed } from '../../data/sources/kinds'
import { counted } from '../../text/figures'
import { type Analysis, type ArmFindings, baseOf, type ComparisonFindings, LEVEL, POWER } from './analysis'
import { objectives, type RankedArms, rankings } from './search-findings'
import { amount, listed, percent, points, pValue, range, times } from './wording'

function interval({ test }: ComparisonFindings): string {
  return test.interval === null ? '' : `95 % ${range(test.interval, { sign: true })}`
}

const inWords = (share: number) => `${points(share, { sign: true })} points`

/** `compound` opens a sentence as `Compound`; the name of a candidate stays as it is. */
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
      const alone = test.p! < LEVEL && declared > 1 ? ' Taken alone the test would have found it.' : ''
      const reach =
        entry.detectable === null
          ? ''
          : ` ${seeds} could have detected about ${points(entry.detectable)} points${declared > 1 ? ' after the correction' : ''}.`
      return `${arm} against ${against}: no difference could be shown (${test.interval === null ? 'all seeds alike' : measured}).${alone}${reach}`
    }
    case 'no spread':
      return `${arm} against ${against}: ${inWords(test.mean)} in each of ${seeds}; without any spread there is nothing to judge that by.`
    case 'one seed':
      return `${arm} against ${against}: ${inWords(test.mean)} in the only seed that both have finished; one seed cannot show a difference.`
    case 'no data':
      return `${arm} against ${against}: no seed has finished both.`
  }
}

/** Where a curve leads from its base. Describes; nothing is tested. */
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
  const summit = best === last ? '' : `, the highest mean ${percent(best.top1.mean)} at ${cost(best)}`
  return `${name}: ${percent(base.top1.mean)} at 1×, ${percent(last.top1.mean)} at ${cost(last)} the base's cost${summit}.`
}

function curveTexts({ arms }: Analysis): string[] {
  const curves = new Map(arms.map(({ group, dimension }) => [JSON.stringify([group, dimension]), { group, dimension }]))
  const texts = [...curves.values()]
    .filter(({ dimension }) => dimension !== 'baseline')
    .flatMap(({ group, dimension }) => curveText(arms, group, dimension) ?? [])
  return texts.length === 0 ? [] : ['No comparison was declared, so nothing is tested. The means:', ...texts]
}

/** A ranking, in a few sentences. */
function rankingText({ ranking, candidates, seeds, phi, left }: RankedArms): string[] {
  const [best, ...others] = ranking.ranked
  const name = candidates[best.index].arm.id
  const lead = `At φ = ${phi}, ${name} has the highest mean of ${candidates.length} candidates, ${percent(best.mean)} over ${counted(seeds.length, 'seed')}.`
  const open = others.filter(({ undecided }) => undecided)
  const lacking = left.length > 0 ? [`${counted(left.length, 'candidate')} without all seeds: not ranked.`] : []
  if (ranking.width === null) {
    return [lead, 'With one seed nothing tells whether any other is worse: the order may be chance.', ...lacking]
  }
  const reach = `two means must lie ${points(ranking.width)} points apart`
  if (open.length === others.length) {
    return [lead, `None of the others can be told from it: for that, ${reach}.`, ...lacking]
  }
  if (open.length === 0) return [lead, `It is ahead of all others beyond what chance explains (${reach}).`, ...lacking]
  const names = open.slice(0, 6).map(({ index }) => candidates[index].arm.id)
  const all = listed(open.length > 6 ? [...names, `${open.length - 6} more`] : names)
  const worse = others.length - open.length
  return [
    lead,
    `${open.length} of the others cannot be told from it (${all}); ${worse === 1 ? 'one is' : `${worse} are`} worse (${reach}).`,
    ...lacking,
  ]
}

/** All rankings of a grid, and whether the best ray of the smallest φ is still the best where φ is raised. */
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
    const judgement = place === 0 ? '' : known ? ', beyond chance behind the best' : ', not told apart from the best'
    return [...texts, `The best ray of φ = ${first.phi} is number ${rank} at φ = ${entry.phi}${judgement}.`]
  })
}

function evolutionTexts({ arms, plan }: Analysis): string[] {
  const [best, ...others] = objectives(arms, plan)
  if (best === undefined) return []
  const { entry, value } = best
  const found = `${entry.arm.id} has the highest objective of ${others.length + 1} networks, ${value.toFixed(4)}: ${percent(entry.top1.mean)} at ${times(entry.arm.macs / plan.base.macs)} the base's cost.`
  return [
    found,
    'The search chose by these same results, so the winner’s figure is flattered by chance; its order is not tested.',
  ]
}

/** The sentences at the head of a report, the most important first. */
export function conclusions(analysis: Analysis): string[] {
  const { jobs, comparisons, kind, finished } = analysis
  if (jobs.done === 0) {
    const why =
      jobs.failed > 0
        ? `${jobs.failed === jobs.planned ? 'All' : ''} ${jobs.failed} of ${jobs.planned} jobs failed`
        : 'No job has finished yet'
    return [`${why.trim()}: there is nothing to conclude.`]
  }
  const state = finished
    ? []
    : [`Not finished: ${jobs.done} of ${jobs.planned} jobs are done. What follows may change.`]
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
  return `This is a proxy task at small scale (${side}${data ?? dataset}, ${amount(plan.base.macs)} multiply-adds for the base). It says nothing about ImageNet, where the paper’s points are from.`
}

function seedTexts({ plan, arms, comparisons }: Analysis): string[] {
  const most = Math.max(0, ...arms.map(({ values }) => values.length))
  const texts: string[] = []
  if (plan.seeds.length === 1) texts.push('There is one seed: no spread, no interval and no test.')
  else if (most < 6 && comparisons.some(({ test }) => test.t !== null)) {
    texts.push(
      `There are ${plan.seeds.length} seeds. The t tests assume normal differences, which so few cannot confirm; the exact test, which assumes next to nothing, cannot fall below p = ${Number((2 / 2 ** most).toPrecision(2))} with ${counted(most, 'pair')}.`,
    )
  }
  const detectables = comparisons.filter(({ verdict }) => verdict === 'undecided').map(({ detectable }) => detectable)
  const reaches = detectables.filter((value) => value !== null)
  if (reaches.length > 0) {
    const [low, high] = [Math.min(...reaches), Math.max(...reaches)].map((value) => points(value))
    texts.push(
      `Differences below about ${low === high ? low : `${low} to ${high}`} points could not be expected to show (found in ${100 * POWER} % of repetitions); no difference shown does not mean none.`,
    )
  }
  return texts
}

/** A share of top-1 that only chance explains, or that leaves nothing to gain. */
function levelTexts({ plan, arms }: Analysis): string[] {
  const trained = arms.filter(({ values }) => values.length > 0)
  const low = trained.filter(({ top1 }) => top1.mean < 1.5 * plan.chance)
  const high = trained.filter(({ top1 }) => top1.mean > 0.97)
  const names = (entries: ArmFindings[]) => listed(entries.slice(0, 5).map(({ arm }) => arm.id))
  return [
    ...(low.length > 0
      ? [
          `Near chance (${percent(plan.chance)}): ${names(low)}. They have hardly learned, so comparing them says little.`,
        ]
      : []),
    ...(high.length > 0 ? [`Near 100 %: ${names(high)}. There is hardly anything left to gain.`] : []),
  ]
}

/** Everything a reader might take for shown, and that is not. */
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
  for (const { id, reason, nearest } of plan.refused) {
    const near =
      nearest === undefined || /nearest/.test(reason)
        ? ''
        : ` The nearest reachable is ${times(nearest.macs / plan.base.macs)} the base’s cost, ${nearest.error > 0 ? '+' : '−'}${Math.abs(100 * nearest.error).toFixed(1)} % off the budget.`
    texts.push(`Refused: ${id}: ${reason.replace(/\.?$/, '.')}${near}`)
  }
  texts.push(...seedTexts(analysis), ...levelTexts(analysis), scaleOf(analysis))
  const { caveat } = datasetNamed(plan.data.dataset ?? DEFAULT_DATASET) ?? {}
  if (caveat !== undefined) texts.push(caveat)
  texts.push(
    'The hyper-parameters are the same for all arms and were not tuned for each: another recipe may favour another arm.',
  )
  texts.push('Cost is counted multiply-adds. Time and memory, which the same cost can differ in, are not held equal.')
  if (kind === 'study' && comparisons.length > 0) {
    texts.push('Only the declared comparisons are tested. Other differences in the table are not.')
  }
  if (kind === 'grid') {
    texts.push('The best candidate was chosen by the results it is shown with: its mean is flattered by the choice.')
    texts.push('The ranking’s intervals take the spread between seeds to be the same for all candidates.')
  }
  if (strangers > 0)
    texts.push(
      `${counted(strangers, 'line')} of results.jsonl belong to no arm and seed of the plan and were left out.`,
    )
  return texts
}
