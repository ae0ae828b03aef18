/** Converts the budget options of `mbconv scale` to the library's options. */
import { MbconvError } from '../../errors/error'
import type { Amount, Budget, FitOptions } from '../../models/fit/fit'
import { CIRCUMSTANCES, DIMENSIONS, type Dimension, METRICS, type Metric } from '../../models/fit/request'
import { parseAmount, parseShare, UNITS } from '../../text/amount'
import type { GlobalOptions } from '../command-line/command'

/** As typed: amounts and shares are still text. */
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
  /** Scaling of the base itself. */
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

/** Same as {@link DIMENSIONS}, with the single ones first. */
export const DIMENSIONS_IN_ORDER: readonly Dimension[] = [
  ...DIMENSIONS.filter((dimension) => dimension !== 'compound'),
  'compound',
]

const METRIC_UNITS: Record<Metric, Record<string, number>> = {
  macs: UNITS.count,
  params: UNITS.count,
  memory: UNITS.bytes,
  latency: UNITS.seconds,
}
const EXAMPLES: Record<Metric, string> = { macs: '1.5G', params: '20M', memory: '8GiB', latency: '10ms' }

/** Parses `4x`, or a number with a unit of the metric. */
function amountOf(metric: Metric, text: string): Amount {
  const amount = parseAmount(text, METRIC_UNITS[metric])
  if (amount === undefined)
    throw new MbconvError('ERR_USAGE', `--${metric} cannot be ${text}`, {
      hint: `for example ${EXAMPLES[metric]}, or 4x for four times the base`,
    })
  return amount
}

/** Parses `3%` or `0.03`. */
function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = parseShare(text)
  if (value === undefined)
    throw new MbconvError('ERR_USAGE', `--tolerance cannot be ${text}`, { hint: 'for example 3% or 0.03' })
  return value
}

export function budgetOf(options: ScaleOptions): { metric: Metric; budget: Budget } {
  const given = METRICS.filter((metric) => options[metric] !== undefined)
  if (given.length !== 1)
    throw new MbconvError('ERR_USAGE', given.length === 0 ? 'no budget given' : 'one budget at a time', {
      hint: 'one of --macs, --params, --memory and --latency, for example --macs 4x',
    })
  const [metric] = given
  const amount = amountOf(metric, options[metric] as string)
  return { metric, budget: { [metric]: amount, ...circumstancesOf(metric, options) } as Budget }
}

/** Options for the settings of a cost, with the library's name for each. */
const CIRCUMSTANCE_OPTIONS: Readonly<Record<string, string>> = {
  train: 'training',
  batch: 'batch',
  dtype: 'dtype',
  optimizer: 'optimizer',
  'no-ema': 'ema',
  runs: 'runs',
  device: 'device',
}

/**
 * The settings of a budget. An option that has no effect is a usage error.
 *
 * @throws MbconvError ERR_USAGE
 */
function circumstancesOf(metric: Metric, options: ScaleOptions): Record<string, unknown> {
  const { train, batch, dtype, optimizer, ema, runs, device } = options
  const given = present({
    train,
    batch,
    dtype,
    optimizer,
    'no-ema': ema ? undefined : false,
    runs,
    device: metric === 'latency' && device === 'auto' ? 'cpu' : device,
  })
  for (const option of Object.keys(given)) {
    const takes = (each: Metric) => CIRCUMSTANCES[each].includes(CIRCUMSTANCE_OPTIONS[option])
    if (takes(metric)) continue
    throw new MbconvError('ERR_USAGE', `--${option} has no effect with --${metric}`, {
      hint: `it belongs to ${METRICS.filter(takes)
        .map((each) => `--${each}`)
        .join(' and ')}`,
    })
  }
  return Object.fromEntries(Object.entries(given).map(([option, value]) => [CIRCUMSTANCE_OPTIONS[option], value]))
}

/** Drops undefined entries, so that the library chooses their defaults. */
function present<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}

export function dimensionOf(text: string | undefined): Dimension {
  const found = DIMENSIONS.find((dimension) => dimension === (text ?? 'compound'))
  if (found === undefined)
    throw new MbconvError('ERR_USAGE', `no dimension is called ${text}`, {
      hint: `there are ${DIMENSIONS_IN_ORDER.join(', ')}`,
    })
  return found
}

/** The library's options for the request. */
export function fitOptionsOf(base: FitOptions['base'], dimension: Dimension, options: ScaleOptions): FitOptions {
  const { alpha, beta, gamma, step, classes, channels } = options
  const { budget } = budgetOf(options)
  const wanted = { alpha, beta, gamma, tolerance: shareOf(options.tolerance), resolutionStep: step }
  return { base, budget, dimension, numClasses: classes, inChannels: channels, ...present(wanted) }
}
