/** The figures of a report: which figures there are, what they show, and their captions. */

import { counted } from '../../text/figures'
import { type Analysis, type ArmFindings, baseOf } from '../analysis/analysis'
import { objectives, rankings } from '../analysis/search-findings'
import { percent, points, pValue } from '../analysis/wording'
import { PAPER_POINTS, type PaperStudyPoints } from './paper'
import { rowsPlot } from './plot-rows'
import { type ScatterPanel, type ScatterPoint, type ScatterSeries, scatterPanels } from './plot-scatter'
import { frame, type Look, looksOf } from './plot-style'

export interface Figure {
  /** Can be used as a file name. */
  id: string
  title: string
  /** How to read it, in sentences. */
  caption: string
  /** @returns content and height, px */
  draw(width: number): Promise<{ body: string; height: number }>
}

const X_LABEL = 'Multiply-adds of one image (log scale)'
const MARKS =
  'Large marks are means over seeds, small dots are single seeds, and whiskers are 95 % intervals of the mean. An arrowhead marks an interval that continues outside the frame.'

const trained = (arms: readonly ArmFindings[]) => arms.filter(({ values }) => values.length > 0)

function pointOf({ arm, top1, values }: ArmFindings): ScatterPoint {
  const seeds = values.map((value) => value.top1)
  return { x: arm.macs, y: top1.mean, seeds: seeds.length > 1 ? seeds : [], interval: top1.interval }
}

const byCost = (a: ScatterPoint, b: ScatterPoint) => a.x - b.x
const groupsOf = (all: readonly { group: string }[]) => [...new Set(all.map(({ group }) => group))]

/** The base of one family and its curves. */
function studySeries(arms: readonly ArmFindings[]): ScatterSeries[] {
  const look = looksOf(arms.map(({ dimension }) => dimension))
  const curves = new Map(arms.map((entry) => [entry.dimension, entry]))
  return [...curves.values()].map(({ group, dimension }): ScatterSeries => {
    const along = arms.filter((entry) => entry.dimension === dimension).map(pointOf)
    const sorted = along.sort(byCost)
    const base = baseOf(arms, group)
    if (dimension === 'baseline') {
      const note = `base ${percent(sorted[0].y)}`
      return { look: look(dimension), joined: false, points: [{ ...sorted[0], note }, ...sorted.slice(1)] }
    }
    return {
      look: look(dimension),
      // A cross (d 2, r 1.3) does not begin at the base.
      from: base && isDimension(dimension) ? { x: base.arm.macs, y: base.top1.mean } : undefined,
      joined: true,
      points: sorted,
      label: `${dimension} ${percent(sorted[sorted.length - 1].y)}`,
    }
  })
}

const isDimension = (dimension: string) => ['depth', 'width', 'resolution', 'compound'].includes(dimension)

/** Candidates of a grid: the best, those indistinguishable from it, those that are worse, and the larger models. */
function gridSeries({ arms, plan }: Analysis): ScatterSeries[] {
  const found = rankings(arms, plan)
  const open = new Set(
    found.flatMap(({ ranking, candidates }) =>
      ranking.width === null ? [] : ranking.ranked.filter((r) => r.undecided).map((r) => candidates[r.index]),
    ),
  )
  const best = new Set(found.map(({ ranking, candidates }) => candidates[ranking.ranked[0].index]))
  const compound: Look = { colour: 'compound', symbol: 'circle' }
  return trained(arms).map((entry): ScatterSeries => {
    const point = pointOf(entry)
    if (entry.dimension === 'baseline') {
      return { look: { colour: 'baseline', symbol: 'circle' }, joined: false, points: [{ ...point, note: 'base' }] }
    }
    const bare = { ...point, interval: null, seeds: [] }
    const label = best.has(entry) || entry.arm.phase > 0 ? entry.arm.id : undefined
    if (entry.arm.compound === undefined) {
      return { look: looksOf([])(entry.dimension), joined: false, points: [point], label: entry.arm.id }
    }
    if (label !== undefined) return { look: compound, joined: false, points: [point], label }
    const look: Look = open.has(entry) ? compound : { colour: 'rule', symbol: 'circle' }
    return { look, joined: false, points: [{ ...bare, faint: true }] }
  })
}

function evolutionSeries({ arms, plan }: Analysis): ScatterSeries[] {
  const found = objectives(arms, plan)
  const front = found.filter((entry) => entry.front).map(({ entry }) => entry)
  const others = trained(arms).filter((entry) => !front.includes(entry))
  const label = (entry: ArmFindings) => ({ ...pointOf(entry), interval: null })
  return [
    {
      look: { colour: 'rule', symbol: 'circle' },
      joined: false,
      points: others.map((e) => ({ ...label(e), faint: true })),
    },
    {
      look: { colour: 'compound', symbol: 'circle' },
      joined: true,
      points: front.map(label).sort(byCost),
      label: 'Pareto front',
    },
    ...found.slice(0, 1).map(
      ({ entry }): ScatterSeries => ({
        look: { colour: 'depth', symbol: 'star' },
        joined: false,
        points: [label(entry)],
        label: `${entry.arm.id} (best objective)`,
      }),
    ),
  ]
}

/** A panel for each family; searches have one. */
function ourPanels(analysis: Analysis, title: string): ScatterPanel[] {
  const { kind, plan } = analysis
  const common = { unit: plan.base.macs, xLabel: X_LABEL, apart: kind !== 'evolution' }
  if (kind === 'grid') return [{ ...common, title, series: gridSeries(analysis) }]
  if (kind === 'evolution') return [{ ...common, title, series: evolutionSeries(analysis) }]
  const arms = trained(analysis.arms)
  return groupsOf(arms).map((group) => ({
    ...common,
    title: group === '' ? title : `${group}: ${title[0].toLowerCase()}${title.slice(1)}`,
    series: studySeries(arms.filter((entry) => entry.group === group)),
    unit: baseOf(arms, group)?.arm.macs ?? plan.base.macs,
  }))
}

const TITLE = 'Test accuracy (top-1, %)'

function costFigure(analysis: Analysis): Figure {
  const captions: Record<Analysis['kind'], string> = {
    study: `${MARKS} Each curve scales the base in one way. Marks of nearly the same cost are moved apart sideways.`,
    grid: `Labelled marks are the best candidates and the larger models, with their seeds and 95 % intervals. Hollow marks are the other candidates: coloured if they are indistinguishable from the best, gray if they are worse.`,
    evolution:
      'Each hollow mark is a network that the search trained. The line joins the Pareto front: the networks that no other network beats in both accuracy and cost.',
  }
  return {
    id: analysis.kind === 'evolution' ? 'pareto' : 'accuracy-cost',
    title: 'Accuracy against cost',
    caption: captions[analysis.kind],
    draw: (width) => scatterPanels(ourPanels(analysis, TITLE), width),
  }
}

function armsFigure({ arms, plan }: Analysis): Figure {
  const look = looksOf(arms.map(({ dimension }) => dimension))
  const rows = trained(arms)
    .sort((a, b) => b.top1.mean - a.top1.mean)
    .map(({ arm, dimension, top1, values }) => ({
      label: arm.id,
      look: look(dimension),
      seeds: values.map((value) => value.top1),
      mean: top1.mean,
      interval: top1.interval,
      hollow: dimension === 'baseline',
      value: `${percent(top1.mean)}${top1.sd === null ? '' : ` ± ${points(top1.sd)}`}`,
    }))
  const base = baseOf(trained(arms), '')
  return {
    id: 'arms',
    title: 'The arms, by mean accuracy',
    caption: `${MARKS} The column on the right is mean ± standard deviation over ${counted(plan.seeds.length, 'seed')}. All arms share their seeds, so two intervals may overlap although the paired difference is significant.`,
    draw: (width) =>
      rowsPlot(
        {
          rows,
          xLabel: TITLE,
          reference: base && { at: base.top1.mean, label: base.arm.id },
          format: (value) => String(Number((100 * value).toFixed(2))),
        },
        width,
      ),
  }
}

function comparisonsFigure({ arms, comparisons }: Analysis): Figure {
  const look = looksOf(arms.map(({ dimension }) => dimension))
  const dimensionOf = (id: string) => arms.find(({ arm }) => arm.id === id)?.dimension ?? 'baseline'
  const valuesOf = (id: string) => new Map(arms.find(({ arm }) => arm.id === id)?.values.map((v) => [v.seed, v.top1]))
  const rows = comparisons
    .filter(({ seeds }) => seeds.length > 0)
    .map(({ arm, against, seeds, test, p, verdict }) => ({
      label: `${arm} − ${against}`,
      look: look(dimensionOf(against)),
      seeds: seeds.map((seed) => valuesOf(arm).get(seed)! - valuesOf(against).get(seed)!),
      mean: test.mean,
      interval: test.interval,
      hollow: verdict !== 'better' && verdict !== 'worse',
      value: points(test.mean, { sign: true }),
      detail: p === null ? undefined : pValue(p),
    }))
  return {
    id: 'comparisons',
    title: 'The declared comparisons',
    caption:
      'Small dots are differences within one seed. The large mark and the bar are their mean and its 95 % interval. A filled mark is a significant difference (p below 0.05 after Holm’s correction); a hollow mark is not. The bars are not corrected.',
    draw: (width) =>
      rowsPlot(
        {
          rows,
          xLabel: 'Difference in test accuracy (points)',
          reference: { at: 0, label: 'no difference' },
          format: (value) => points(value, { sign: true }),
        },
        width,
      ),
  }
}

function rankingFigures({ arms, plan }: Analysis): Figure[] {
  const found = rankings(arms, plan)
  return found.map(({ ranking, candidates, phase, phi, seeds }): Figure => {
    const shown = ranking.ranked.slice(0, 30)
    const best = new Map(candidates[shown[0].index].values.map((value) => [value.seed, value.top1]))
    const rows = shown.map(({ index, behind, interval, undecided }, place) => ({
      label: candidates[index].arm.id,
      look: { colour: place === 0 || undecided ? 'compound' : 'baseline', symbol: 'circle' } as Look,
      seeds:
        place === 0
          ? []
          : seeds.map((seed) => candidates[index].values.find((v) => v.seed === seed)!.top1 - best.get(seed)!),
      mean: -behind,
      interval: interval && ([-interval[1], -interval[0]] as const),
      hollow: place > 0 && undecided,
      value: percent(candidates[index].top1.mean),
    }))
    const open = shown.filter(({ undecided }) => undecided).length - 1
    return {
      id: found.length > 1 ? `ranking-phase${phase}-phi${phi}` : 'ranking',
      title: `The candidates at φ = ${phi}, best first`,
      caption:
        ranking.width === null
          ? 'With one seed there are no intervals, and the order may be chance.'
          : `Difference from the best candidate within the same seeds, with intervals that hold for all pairs at once (Tukey, 95 %). Hollow marks are indistinguishable from the best (${counted(open, 'candidate')}); filled gray marks are worse. ${candidates.length > 30 ? `The first 30 of ${candidates.length} candidates are shown.` : `All ${candidates.length} candidates are shown.`}`,
      draw: (width) =>
        rowsPlot(
          {
            rows,
            xLabel: 'Behind the best (points of test accuracy)',
            reference: { at: 0, label: 'best' },
            format: (value) => points(value),
          },
          width,
        ),
    }
  })
}

/** The paper's points of one family. */
function paperPanel({ name, series }: PaperStudyPoints, group: string): ScatterPanel {
  const family = series.filter((entry) => entry.group === group)
  const look = looksOf(series.map(({ dimension }) => dimension))
  const base = family.find(({ dimension }) => dimension === 'baseline')?.points[0]
  const curves = family.map(({ dimension, points: all }): ScatterSeries => {
    const sorted = all.map(({ macs, top1 }) => ({ x: macs, y: top1 })).sort(byCost)
    if (dimension === 'baseline') {
      const note = `base ${percent(sorted[0].y)}`
      return { look: look(dimension), joined: false, points: sorted.map((point) => ({ ...point, note })) }
    }
    return {
      look: look(dimension),
      from: base && { x: base.macs, y: base.top1 },
      joined: true,
      points: sorted,
      label: `${dimension} ${percent(sorted[sorted.length - 1].y)}`,
    }
  })
  return {
    title: `The paper’s ${name}${group === '' ? '' : `, ${group}`}: ImageNet (%)`,
    series: curves,
    unit: (base ?? family[0].points[0]).macs,
    xLabel: X_LABEL,
    apart: true,
    tinted: true,
  }
}

function paperFigure(analysis: Analysis): Figure | undefined {
  const { plan } = analysis
  if (plan.paper === undefined) return undefined
  const study = PAPER_POINTS[plan.paper]
  const [ours, theirs] = [groupsOf(trained(analysis.arms)), groupsOf(study.series)]
  const measured = new Map(ourPanels(analysis, 'Measured here (%)').map((panel, i) => [ours[i], panel]))
  const published = new Map(theirs.map((group) => [group, paperPanel(study, group)]))
  // Each family's panels side by side, ours and the paper's. If the families differ, all of ours come first.
  const paired = ours.length === theirs.length && ours.every((group) => published.has(group))
  const panels = paired
    ? ours.flatMap((group) => [measured.get(group)!, published.get(group)!])
    : [...measured.values(), ...published.values()]
  return {
    id: 'paper',
    title: `Beside the paper’s ${study.name}`,
    caption: `White panels show what was measured here. Tinted panels show the paper’s own points: ${study.source} Task and scale differ, so only the shapes of the curves can be compared, not their heights.`,
    draw: (width) => scatterPanels(panels, width),
  }
}

/** The figures that can be drawn from these results, in the order of the report. */
export function figuresOf(analysis: Analysis): Figure[] {
  if (trained(analysis.arms).length === 0) return []
  const paper = paperFigure(analysis)
  return [
    ...(analysis.kind === 'grid' ? rankingFigures(analysis) : []),
    costFigure(analysis),
    ...(analysis.kind === 'study' && trained(analysis.arms).length <= 40 ? [armsFigure(analysis)] : []),
    ...(analysis.comparisons.some(({ seeds }) => seeds.length > 0) ? [comparisonsFigure(analysis)] : []),
    ...(paper === undefined ? [] : [paper]),
  ]
}

/** Widths of a figure: for screens and paper, and for phones. */
export const WIDTHS = { wide: 880, narrow: 358 } as const

/** A figure as a separate SVG. */
export async function figureSvg(figure: Figure, width: number, heading?: { title: string; subtitle: string }) {
  const { body, height } = await figure.draw(width)
  return frame({ width, height, description: figure.title, heading }, body)
}
