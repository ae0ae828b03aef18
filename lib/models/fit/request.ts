/** What a fit can be asked for: what the budget bounds and what grows. Plain lists that load nothing. */

/** What grows: all three along the compound ray, or one alone. */
export const DIMENSIONS = ['compound', 'depth', 'width', 'resolution'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** What a budget can bound. */
export const METRICS = ['macs', 'params', 'memory', 'latency'] as const
export type Metric = (typeof METRICS)[number]

/** Keys of a budget beside the metric itself: under which circumstances its cost is to hold. */
export const CIRCUMSTANCES: Readonly<Record<Metric, readonly string[]>> = {
  macs: [],
  params: [],
  memory: ['training', 'batch', 'dtype', 'optimizer', 'ema', 'dropPath', 'dropout', 'memoryFormat', 'scratch'],
  latency: ['training', 'batch', 'dtype', 'device', 'memoryFormat', 'profile', 'runs', 'warmup'],
}

/** The largest relative error unless a caller says otherwise. A measurement repeats no better on a shared machine. */
export const TOLERANCES: Readonly<Record<Metric, number>> = { macs: 0.03, params: 0.03, memory: 0.03, latency: 0.1 }
