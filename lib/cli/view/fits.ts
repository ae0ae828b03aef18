/** Formats networks scaled to a budget: a table, and the `model:` of a configuration. */
import { MbconvError } from '../../errors/error'
import type { Arch } from '../../models/arch/arch'
import { count } from '../../models/cost/count'
import type { ModelConfig } from '../../models/fit/base'
import type { Fit, FitResult } from '../../models/fit/fit'
import type { Metric } from '../../models/fit/request'
import * as format from './format'
import { type Output, table } from './output'

/** The network of the result, or the nearest one. */
export const fitOf = (result: FitResult): Fit => (result.reached ? result : result.nearest)

/** Formats a count. A budget may be less than one. */
const counted = (value: number) => (value >= 1 ? format.whole(value) : value.toExponential(2))

const COSTS: Record<Metric, { title: string; text: (value: number) => string; option: (value: number) => string }> = {
  macs: { title: 'multiply-adds', text: (value) => `${counted(value)} multiply-adds`, option: String },
  params: { title: 'parameters', text: (value) => `${counted(value)} parameters`, option: String },
  memory: {
    title: 'memory',
    text: (value) => `${(value / 2 ** 20).toPrecision(4)} MiB`,
    option: (value) => `${value}B`,
  },
  latency: {
    title: 'latency',
    text: (value) => `${(1000 * value).toPrecision(4)} ms`,
    option: (value) => `${Number((1000 * value).toPrecision(2))}ms`,
  },
}

/** The measurements of the search, one per line. */
export function measuredLines({ measured = [] }: FitResult): string[] {
  return measured.map(({ name, macs, latency }) => {
    const spread = `spread ${format.percent(latency.spread)}`
    return `measured ${name}, ${format.scaled(macs)}: ${COSTS.latency.text(latency.median)}, ${spread}`
  })
}

/** The hint does not propose a tolerance above this. */
const MOST_TOLERANCE = 0.25

/**
 * The error for a budget that no network meets. Its hint proposes only what would find a network.
 *
 * @param compoundReaches whether compound scaling meets the same budget
 */
export function missed(result: FitResult, compoundReaches: () => boolean): MbconvError {
  const { metric, target, tolerance, dimension } = result
  const { cost, error } = fitOf(result)
  const { text, option } = COSTS[metric]
  const near = Math.abs(error) <= MOST_TOLERANCE
  const nearest = near ? `is off by ${format.signedPercent(error)}` : `has ${text(cost)}`
  const share = tolerance < 1e-4 ? `${Number((100 * tolerance).toPrecision(3))} %` : format.percent(tolerance)
  const message = `no network within ${share} of ${text(target)} by ${dimension}: the nearest ${nearest}`
  const tries: string[] = []
  const isMeasured = metric === 'latency'
  // Measuring again would take too long for a hint.
  if (dimension !== 'compound' && !isMeasured && compoundReaches()) tries.push('--dimension compound')
  // Memory is an upper limit, so no tolerance allows more.
  if (near && !(metric === 'memory' && error > 0))
    tries.push(`--tolerance ${(Math.ceil(1000 * Math.abs(error)) / 10).toFixed(1)}%`)
  else tries.push(`--${metric} ${option(cost)}, the nearest this reaches`)
  return new MbconvError('ERR_UNREACHED', message, { hint: tries.join(', or ') })
}

/** The `model:` of a configuration that makes the network. */
export function configLines(base: Arch, result: FitResult): string[] {
  const found = fitOf(result)
  return [...comment(base, result, found), ...yaml(found.config as ModelConfig)]
}

/** Comments that describe the fragment. */
function comment(base: Arch, { metric, target, dimension }: FitResult, found: Fit): string[] {
  const { text } = COSTS[metric]
  const phi = found.phi === null ? '' : `, φ ${format.short(found.phi)}`
  const off = found.deviation > 0 ? `, ${format.percent(found.deviation)} beside the ray` : ''
  const spread = found.latency ? `, spread ${format.percent(found.latency.spread)}` : ''
  return [
    `# ${base.name} scaled by ${dimension}${phi}${off}: ${text(found.cost)}${spread}`,
    `# (${format.signedPercent(found.error)} of the budget, ${text(target)})`,
  ]
}

function yaml(config: ModelConfig): string[] {
  return ['model:', ...Object.entries(config).map(([key, value]) => `  ${key}: ${value}`)]
}

interface Counted {
  classes: number
  /** Channels of the image. */
  channels: number
}

/** The base and the scaled networks, one per row. */
export function fitTable(
  base: Arch,
  results: readonly FitResult[],
  { classes, channels }: Counted,
  output: Output,
): string[] {
  const { metric } = results[0]
  const own = metric === 'memory' || metric === 'latency'
  const titles = [
    'depth',
    'width',
    'px',
    'parameters',
    'multiply-adds',
    ...(own ? [COSTS[metric].title] : []),
    'off by',
  ]
  const columns = [{ title: 'scaled by' }, ...titles.map((title) => ({ title, right: true }))]
  const counts = count(base, { numClasses: classes, inChannels: channels })
  const [params, macs] = [counts.params, counts.macs].map(format.whole)
  const first = [base.name, '1', '1', String(base.resolution), params, macs, ...(own ? [''] : []), '']
  const rows = results.map((result) => {
    const { coefficients, counts, cost, error } = fitOf(result)
    const off = `${format.signedPercent(error)}${result.reached ? '' : ' (nearest)'}`
    return [
      result.dimension,
      format.short(coefficients.depth),
      format.short(coefficients.width),
      String(coefficients.resolution),
      format.whole(counts.params),
      format.whole(counts.macs),
      ...(own ? [COSTS[metric].text(cost)] : []),
      off,
    ]
  })
  return table(columns, [first, ...rows], output.paint)
}
