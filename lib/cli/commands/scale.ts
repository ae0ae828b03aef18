/** `mbconv scale`: a network scaled to a budget, as the `model:` of a training configuration. */

import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { Arch } from '../../models/arch/arch'
import { scale as scaleArch } from '../../models/arch/scaling'
import { COUNTING_RULE, count } from '../../models/cost/count'
import type { Dimension, ModelConfig } from '../../models/fit/base'
import { type Amount, type Budget, type Fit, type FitResult, fit, type Metric } from '../../models/fit/fit'
import { parseAmount, parseShare, UNITS } from '../../text/amount'
import * as format from '../view/format'
import { type GlobalOptions, Output, table, wrap } from '../view/output'
import { known } from './models'

/** As the command line gives them; amounts and shares are still text. */
export interface ScaleOptions extends GlobalOptions {
  macs?: string
  params?: string
  memory?: string
  latency?: string
  dimension?: string
  compare?: boolean
  tolerance?: string
  alpha?: number
  beta?: number
  gamma?: number
  /** The base's own scaling. */
  width?: number
  depth?: number
  resolution?: number
  divisor?: number
  step?: number
  classes: number
  channels: number
  train?: boolean
  batch?: number
  dtype?: string
  optimizer?: string
  /** False with --no-ema. */
  ema: boolean
  runs?: number
  device?: string
}

const METRICS: readonly Metric[] = ['macs', 'params', 'memory', 'latency']
const DIMENSIONS: readonly Dimension[] = ['depth', 'width', 'resolution', 'compound']

export async function scale(name: string, options: ScaleOptions): Promise<number> {
  const output = new Output(options)
  try {
    const { width = 1, depth = 1, divisor } = options
    const named = known(name)
    const base = scaleArch(named, { width, depth, resolution: options.resolution ?? named.resolution, divisor })
    return options.compare ? compare(base, options, output) : scaleOne(base, options, output)
  } catch (error) {
    // A number that no network can have was typed; the library cannot know that.
    if (error instanceof MbconvError && (error.code === 'ERR_VALUE' || error.code === 'ERR_TYPE'))
      throw new MbconvError('ERR_USAGE', error.message, { hint: error.hint, cause: error })
    throw error
  }
}

const METRIC_UNITS: Record<Metric, Record<string, number>> = {
  macs: UNITS.count,
  params: UNITS.count,
  memory: UNITS.bytes,
  latency: UNITS.seconds,
}
const EXAMPLES: Record<Metric, string> = { macs: '1.5G', params: '20M', memory: '8GiB', latency: '10ms' }

/** `4x`, or a number with a unit of the metric. */
function amountOf(metric: Metric, text: string): Amount {
  const amount = parseAmount(text, METRIC_UNITS[metric])
  if (amount === undefined)
    throw new MbconvError('ERR_USAGE', `--${metric} cannot be ${text}`, {
      hint: `for example ${EXAMPLES[metric]}, or 4x for four times the base`,
    })
  return amount
}

/** `3%` or `0.03`. */
function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = parseShare(text)
  if (value === undefined)
    throw new MbconvError('ERR_USAGE', `--tolerance cannot be ${text}`, { hint: 'for example 3% or 0.03' })
  return value
}

function budgetOf(options: ScaleOptions): { metric: Metric; budget: Budget } {
  const given = METRICS.filter((metric) => options[metric] !== undefined)
  if (given.length !== 1)
    throw new MbconvError('ERR_USAGE', given.length === 0 ? 'no budget given' : 'one budget at a time', {
      hint: 'one of --macs, --params, --memory and --latency, for example --macs 4x',
    })
  const [metric] = given
  const amount = amountOf(metric, options[metric] as string)
  const { train: training, batch, dtype, optimizer, ema, runs, device } = options
  const circumstances = {
    memory: { training, batch, dtype, optimizer, ema: ema === false ? false : undefined },
    latency: { training, batch, dtype, runs, device: device === 'auto' ? 'cpu' : device },
    macs: {},
    params: {},
  }
  refuseOthers(metric, { train: training, batch, dtype, optimizer, 'no-ema': ema === false || undefined, runs, device })
  return { metric, budget: { [metric]: amount, ...present(circumstances[metric]) } as Budget }
}

/** The entries that are not undefined: a default is the library's to choose. */
function present<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}

/** An option without effect is a mistake. */
function refuseOthers(metric: Metric, options: Record<string, unknown>): void {
  const fitting: Record<Metric, string[]> = {
    macs: [],
    params: [],
    memory: ['train', 'batch', 'dtype', 'optimizer', 'no-ema'],
    latency: ['train', 'batch', 'dtype', 'runs', 'device'],
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || fitting[metric].includes(name)) continue
    const metrics = METRICS.filter((other) => fitting[other].includes(name)).map((other) => `--${other}`)
    throw new MbconvError('ERR_USAGE', `--${name} has no effect with --${metric}`, {
      hint: `it belongs to ${metrics.join(' and ')}`,
    })
  }
}

function fitted(base: Arch, dimension: Dimension, options: ScaleOptions): FitResult {
  const { alpha, beta, gamma, step, classes, channels } = options
  const { budget } = budgetOf(options)
  const wanted = { alpha, beta, gamma, tolerance: shareOf(options.tolerance), resolutionStep: step }
  return fit({ base, budget, dimension, numClasses: classes, inChannels: channels, ...present(wanted) })
}

const fitOf = (result: FitResult): Fit => (result.reached ? result : result.nearest)

/** A count, which may be asked for as less than one. */
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

function dimensionOf(text: string | undefined): Dimension {
  const found = DIMENSIONS.find((dimension) => dimension === (text ?? 'compound'))
  if (found === undefined)
    throw new MbconvError('ERR_USAGE', `no dimension is called ${text}`, { hint: `there are ${DIMENSIONS.join(', ')}` })
  return found
}

function scaleOne(base: Arch, options: ScaleOptions, output: Output): number {
  const result = fitted(base, dimensionOf(options.dimension), options)
  const found = fitOf(result)
  for (const { name, macs, latency } of result.measured ?? []) {
    const spread = `spread ${format.percent(latency.spread)}`
    output.note(`measured ${name}, ${format.scaled(macs)}: ${COSTS.latency.text(latency.median)}, ${spread}`)
  }
  output.note(...tableOf(base, [result], options, output))
  if (!output.json && !result.reached) throw missed(base, result, options)
  output.data(result)
  output.result(...comment(base, result, found), ...yaml(found.config as ModelConfig))
  return result.reached ? EXIT.ok : EXIT.failure
}

/** A miss by more than this is no matter of tolerance. */
const MOST_TOLERANCE = 0.25

/** What leads to a network is tried before it is said; measured times alone are not measured again for that. */
function missed(base: Arch, result: FitResult, options: ScaleOptions): MbconvError {
  const { metric, target, tolerance, dimension } = result
  const { cost, error } = fitOf(result)
  const { text, option } = COSTS[metric]
  const near = Math.abs(error) <= MOST_TOLERANCE
  const nearest = near ? `is off by ${format.signedPercent(error)}` : `has ${text(cost)}`
  const share = tolerance < 1e-4 ? `${Number((100 * tolerance).toPrecision(3))} %` : format.percent(tolerance)
  const message = `no network within ${share} of ${text(target)} by ${dimension}: the nearest ${nearest}`
  const tries: string[] = []
  const isMeasured = metric === 'latency'
  if (dimension !== 'compound' && !isMeasured && fitted(base, 'compound', options).reached)
    tries.push('--dimension compound')
  // Memory is an upper limit: no tolerance takes what is above.
  if (near && !(metric === 'memory' && error > 0))
    tries.push(`--tolerance ${(Math.ceil(1000 * Math.abs(error)) / 10).toFixed(1)}%`)
  else tries.push(`--${metric} ${option(cost)}, the nearest this reaches`)
  return new MbconvError('ERR_UNREACHED', message, { hint: tries.join(', or ') })
}

/** Says in the fragment itself what it is. */
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

function compare(base: Arch, options: ScaleOptions, output: Output): number {
  if (options.dimension !== undefined)
    throw new MbconvError('ERR_USAGE', '--compare shows every dimension', { hint: 'leave --dimension out' })
  const { metric } = budgetOf(options)
  const dimensions = DIMENSIONS.filter((dimension) => metric !== 'params' || dimension !== 'resolution')
  const results = dimensions.map((dimension) => fitted(base, dimension, options))
  output.data(results)
  output.result(
    ...tableOf(base, results, options, output),
    '',
    ...wrap(`Counted: ${COUNTING_RULE}.`, Math.min(output.columns, 100)).map((line) => output.paint('dim', line)),
  )
  const missing = results.filter(({ reached }) => !reached)
  if (missing.length > 0)
    output.note(
      `not within ${format.percent(results[0].tolerance)}: ${missing.map((each) => each.dimension).join(', ')}`,
    )
  return EXIT.ok
}

/** The base and what became of it, one a row. */
function tableOf(base: Arch, results: FitResult[], options: ScaleOptions, output: Output): string[] {
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
  const counts = count(base, { numClasses: options.classes, inChannels: options.channels })
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
