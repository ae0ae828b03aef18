/**
 * Scaling to a budget: finds the coefficients with which a base network costs a given amount.
 *
 * The paper's 2^φ is the intended cost, not the real one: rounding makes φ = 1 cost 2.57 times B0. So the cost of each
 * candidate is counted ({@link count}), predicted ({@link estimateMemory}) or measured ({@link measureLatency}), and
 * the coefficients are chosen by that cost.
 */
import { checkCount, checkNumber, checkOneOf, checkOptions, checkPositive, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { hostMemory } from '../../process/host-memory'
import type { Arch } from '../arch/arch'
import type { CheckedArch } from '../arch/check'
import { PAPER_BASES } from '../arch/scaling'
import { type Counts, count } from '../cost/count'
import { type Latency, type LatencyOptions, measureLatency } from '../cost/latency'
import { estimateMemory, type MemoryOptions } from '../cost/memory'
import { ELEMENT_BYTES } from '../cost/memory-walk'
import type { ModelName } from '../families/catalogue'
import { type FitBase, fitBase, type ModelConfig, modelConfig } from './base'
import { fitLatency } from './latency'
import { type Found, isHit, missOf, type Problem } from './line'
import { type Direction, type FitPlan, solve } from './ray'
import { CIRCUMSTANCES, DIMENSIONS, type Dimension, METRICS, type Metric, TOLERANCES } from './request'

/** An absolute amount, or a multiple of the base's cost. */
export type Amount =
  | number
  | {
      /** A multiple of the base's cost: 4 for four times as much. */
      times: number
    }

type MemorySettings = Omit<MemoryOptions, 'numClasses' | 'inChannels' | 'resolution'>
type LatencySettings = Omit<LatencyOptions, 'numClasses' | 'inChannels'>

/** What the result may cost: one of these, with the settings under which the cost is determined. */
export type Budget =
  /** Multiply-adds of one image. */
  | {
      /** Multiply-adds of one image: a number, or `{ times }`. */
      macs: Amount
    }
  | {
      /** Trainable parameters: a number, or `{ times }`. */
      params: Amount
    }
  /** Bytes at the peak of a forward pass or of a training step. An upper limit unless `atMost` is false. */
  | ({
      /** Bytes at the peak: a number, or `{ times }`. */
      memory: Amount
    } & MemorySettings)
  /** Seconds per batch, measured on this machine. */
  | ({
      /** Seconds per batch: a number, or `{ times }`. */
      latency: Amount
    } & LatencySettings)

/** What is scaled, to which budget, and along which dimension. */
export interface FitOptions {
  /** A published name, or a table. */
  base: ModelName | Arch
  /** What the result may cost. */
  budget: Budget
  /** What grows: all three along the ray α^φ, β^φ, γ^φ, or a single dimension. Default compound. */
  dimension?: Dimension
  /** Largest relative error. Default 0.03; 0.1 for latency, since measurements on a shared machine vary that much. */
  tolerance?: number
  /** Depth base of the compound ray, at least 1. Default 1.2, the paper's. */
  alpha?: number
  /** Width base. Default 1.1. */
  beta?: number
  /** Resolution base. Default 1.15. */
  gamma?: number
  /** Channels are rounded to multiples of this. Default: the base's divisor. */
  divisor?: number
  /** Only resolutions that are multiples of this are tried, px. Default 1. */
  resolutionStep?: number
  /**
   * How far depth, width or resolution may be from the ray if no network on the ray is within the tolerance: 0.1 is 10
   * % each. Rounding does not count. Default 0.1.
   */
  maxDeviation?: number
  /**
   * Treat the budget as an upper limit: a network above it never counts as a hit. Default true for memory, else false.
   */
  atMost?: boolean
  /** Classes of the classifier. Default 1000. */
  numClasses?: number
  /** Channels of the image. Default 3. */
  inChannels?: number
}

/** A network that the search found. */
export interface Fit {
  /** The table, frozen. */
  readonly arch: Arch
  /** Where on the compound ray the network is nearest to the ray; null along a single dimension. */
  readonly phi: number | null
  /** Relative to the base; the resolution in pixels. */
  readonly coefficients: {
    /** Factor on the layers of each stage. */
    readonly depth: number
    /** Factor on the channels. */
    readonly width: number
    /** Side of the input, px. */
    readonly resolution: number
  }
  /**
   * The largest distance of a coefficient from the ray's at `phi`: 0 on the ray, 0.1 for 10 %. Coefficients that give
   * the same network count as equal, so the reported ones may lie farther away by a rounding.
   */
  readonly deviation: number
  /** Everything that is counted of the network. */
  readonly counts: Counts
  /** In the budget's unit: multiply-adds, parameters, bytes or seconds. */
  readonly cost: number
  /** cost / target − 1. */
  readonly error: number
  /** `model:` of a training configuration that makes this network; null if the base has no published name. */
  readonly config: ModelConfig | null
  /** With a budget of latency: how the cost was measured. */
  readonly latency?: Latency
}

/** What every result of a search says of the search. */
interface FitBasics {
  /** What the budget limits. */
  readonly metric: Metric
  /** What was scaled. */
  readonly dimension: Dimension
  /** In the budget's unit. */
  readonly target: number
  /** Largest relative error that counts as reached. */
  readonly tolerance: number
  /** With a latency budget: every measurement of the search, in order. */
  readonly measured?: readonly {
    /** The name of the table that was measured. */
    readonly name: string
    /** Its multiply-adds for one image. */
    readonly macs: number
    /** Its measured time. */
    readonly latency: Latency
  }[]
}

/** The network, or the nearest one if none is within the tolerance. */
export type FitResult =
  | (FitBasics &
      Fit & {
        /** Whether a network within the tolerance was found. */
        readonly reached: true
      })
  | (FitBasics & {
      /** Whether a network within the tolerance was found. */
      readonly reached: false
      /** The network with the nearest cost, outside the tolerance. */
      readonly nearest: Fit
    })

const OPTIONS = [
  'base',
  'budget',
  'dimension',
  'tolerance',
  'alpha',
  'beta',
  'gamma',
  'divisor',
  'resolutionStep',
  'maxDeviation',
  'atMost',
  'numClasses',
  'inChannels',
] as const

/** Smallest target of a counted budget: a cost divided by less may overflow to Infinity. */
const LEAST = 1e-9

function refuse(op: string, message: string, hint?: string): never {
  throw new MbconvError('ERR_VALUE', `${op}: ${message}`, { op, hint })
}

/** @returns the metric, the amount and the settings of the cost */
function checkBudget(op: string, budget: unknown): { metric: Metric; amount: Amount; circumstances: object } {
  checkOptions(op, budget, [...METRICS, ...new Set(Object.values(CIRCUMSTANCES).flat())])
  const given = METRICS.filter((metric) => Object.hasOwn(budget as object, metric))
  if (given.length !== 1)
    refuse(op, `budget must be one of ${METRICS.join(', ')}, got ${given.join(' and ') || 'none'}`)
  const [metric] = given
  checkOptions(op, budget, [metric, ...CIRCUMSTANCES[metric]])
  const { [metric]: amount, ...circumstances } = budget as Record<Metric, Amount>
  if (typeof amount === 'object' && amount !== null) {
    checkOptions(op, amount, ['times'])
    checkPositive(op, `budget.${metric}.times`, amount.times)
  } else if (typeof amount === 'string') {
    refuse(op, `budget.${metric} must be a number, got ${shown(amount)}`, 'Multiples of the base are { times: 4 }.')
  } else {
    checkPositive(op, `budget.${metric}`, amount)
  }
  return { metric, amount, circumstances }
}

function direction(op: string, options: FitOptions): Direction {
  const { alpha = PAPER_BASES.alpha, beta = PAPER_BASES.beta, gamma = PAPER_BASES.gamma } = options
  for (const [name, value] of Object.entries({ alpha, beta, gamma })) {
    checkNumber(op, name, value)
    if (value < 1 || value > 100) refuse(op, `${name} must be from 1 to 100, got ${value}`)
  }
  if (alpha * beta * gamma === 1) refuse(op, 'one of alpha, beta and gamma must be above 1')
  return { depth: Math.log(alpha), width: Math.log(beta), resolution: Math.log(gamma) }
}

/** The base as a candidate, if its channels are multiples of the requested divisor. */
function unscaled({ base, problem, dimension }: FitPlan): Found | undefined {
  const { arch } = base
  if (base.divisor !== arch.divisor || arch.resolution % problem.step !== 0) return undefined
  const cost = problem.cost(arch, arch.resolution)
  const point = { depth: 1, width: 1, resolution: arch.resolution }
  const phi = dimension === 'compound' ? 0 : null
  return { ...point, table: arch, cost, error: cost / problem.target - 1, phi, deviation: 0 }
}

/**
 * Scales a network to a budget.
 *
 * If the base is within the tolerance, it is the answer. Otherwise the network of the compound ray nearest to the
 * budget is the answer, if it is within the tolerance. Otherwise it is the network nearest to the ray among all that
 * are within the tolerance, with each coefficient at most `maxDeviation` from the ray's. Along a single dimension the
 * search covers one coefficient, in thousandths, and nothing else. Coefficients lie from 0.01 to 100, resolutions from
 * 8 to 4096 px.
 *
 * If no network is within the tolerance, `reached` is false and the result has no `arch`, so that nobody builds a
 * network off the budget by mistake. `nearest` then holds the network nearest to the budget.
 *
 * With a latency budget (an hour at most), networks are built and run on the calling thread, which is blocked
 * meanwhile. Networks that do not fit this machine's memory are not tried.
 *
 * @example fit({ base: 'efficientnet_b0', budget: { macs: { times: 4 } } })
 * @example fit({ base: 'efficientnet_b0', budget: { memory: 8 * 2 ** 30, training: true, batch: 32 } })
 * @throws MbconvError ERR_TYPE or ERR_VALUE; with a budget of latency also what building and running a network throws
 */
export function fit(options: FitOptions): FitResult {
  const op = 'fit'
  checkOptions(op, options, OPTIONS)
  const { dimension = 'compound', resolutionStep = 1, maxDeviation = 0.1, numClasses = 1000, inChannels = 3 } = options
  const { metric, amount, circumstances } = checkBudget(op, options.budget)
  const { tolerance = TOLERANCES[metric], atMost = metric === 'memory', divisor } = options
  checkOneOf(op, 'dimension', dimension, DIMENSIONS)
  checkPositive(op, 'tolerance', tolerance)
  if (tolerance >= 1) refuse(op, `tolerance must be less than 1, got ${tolerance}`, '3 % is 0.03.')
  checkNumber(op, 'maxDeviation', maxDeviation)
  if (maxDeviation < 0 || maxDeviation > 1) refuse(op, `maxDeviation must be from 0 to 1, got ${maxDeviation}`)
  checkCount(op, 'resolutionStep', resolutionStep, { max: 1024 })
  if (divisor !== undefined) checkCount(op, 'divisor', divisor)
  if (typeof atMost !== 'boolean')
    throw new MbconvError('ERR_TYPE', `fit: atMost must be a boolean, got ${shown(atMost)}`, { op })
  if (metric === 'params' && dimension === 'resolution')
    refuse(op, 'parameters do not depend on the resolution', 'Scale depth, width or all three.')

  const base = fitBase(op, options.base, divisor)
  const shared = { numClasses, inChannels }
  const byMacs = (table: CheckedArch, resolution: number) => count(table, { ...shared, resolution }).macs
  const costs: Record<Metric, Problem['cost']> = {
    macs: byMacs,
    params: (table, resolution) => count(table, { ...shared, resolution }).params,
    memory: (table, resolution) => estimateMemory(table, { ...circumstances, ...shared, resolution }).peak,
    latency: byMacs, // orders the candidates; they are measured below
  }
  const plan: FitPlan = {
    base,
    dimension,
    direction: direction(op, options),
    maxDeviation,
    problem: { base, cost: costs[metric], target: 1, tolerance, atMost, step: resolutionStep },
  }
  const basics = { metric, dimension, tolerance }
  const described = (found: Found, latency?: Latency): Fit => describe(base, found, shared, latency)

  if (metric === 'latency') {
    const settings: LatencySettings = circumstances
    const measure = (table: CheckedArch) => measureLatency(table, { ...settings, ...shared })
    const fits = (table: CheckedArch) => peakOf(table, settings, shared) <= hostMemory()
    const { found, latency, target, measured } = fitLatency(plan, amount, measure, fits)
    const fit = described(found, latency)
    const all = { ...basics, target, measured }
    return isHit(plan.problem, fit.error)
      ? Object.freeze({ ...all, ...fit, reached: true })
      : Object.freeze({ ...all, reached: false, nearest: fit })
  }

  const own = plan.problem.cost(base.arch, base.arch.resolution)
  const target = typeof amount === 'number' ? amount : amount.times * own
  if (!(target >= LEAST && target < Infinity))
    refuse(op, `budget.${metric} must be at least ${LEAST} and finite, got ${target}`)
  plan.problem.target = target
  const here = unscaled(plan)
  const found = here !== undefined && isHit(plan.problem, here.error) ? here : nearer(plan, here, solve(plan))
  const fit = described(found)
  return isHit(plan.problem, fit.error)
    ? Object.freeze({ ...basics, target, ...fit, reached: true })
    : Object.freeze({ ...basics, target, reached: false, nearest: fit })
}

/** Bytes that a network takes while it is measured on the CPU. 0 if unknown, or if the memory is not the host's. */
function peakOf(
  table: CheckedArch,
  { device = 'cpu', training, batch, dtype = 'float32', backend }: LatencySettings,
  shared: object,
) {
  if (device !== 'cpu' || !Object.hasOwn(ELEMENT_BYTES, dtype)) return 0
  // Predictions, which native kernels compute with less, fit where libtorch's operations do.
  const chosen = backend === 'composite' || training !== true ? 'composite' : 'auto'
  const settings = { training, batch, dtype: dtype as keyof typeof ELEMENT_BYTES, ema: false, ...shared }
  return estimateMemory(table, { ...settings, backend: chosen }).peak
}

/** A search may end where no table is possible; the base is always a candidate. */
function nearer({ base, problem }: FitPlan, here: Found | undefined, found: Found | undefined): Found {
  if (found === undefined && here === undefined)
    refuse('fit', `no scaling of ${base.arch.name} gives a table with channels in multiples of ${base.divisor}`)
  if (found === undefined || here === undefined) return (found ?? here) as Found
  return missOf(problem, here.error) < missOf(problem, found.error) ? here : found
}

function describe(base: FitBase, found: Found, shared: object, latency?: Latency): Fit {
  const { table, depth, width, resolution, phi, deviation, cost, error } = found
  const fit = {
    arch: table,
    phi,
    coefficients: Object.freeze({ depth, width, resolution }),
    deviation,
    counts: count(table, shared),
    cost,
    error,
    config: modelConfig(base, found),
  }
  return Object.freeze(latency === undefined ? fit : { ...fit, latency })
}
