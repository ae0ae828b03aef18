/** The choices of a fit: which cost the budget bounds and which dimension grows. Plain lists without imports. */

/** What grows: all three along the compound ray, or a single dimension. */
export const DIMENSIONS = ['compound', 'depth', 'width', 'resolution'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** What a budget can bound. */
export const METRICS = ['macs', 'params', 'memory', 'latency'] as const
export type Metric = (typeof METRICS)[number]

/** Keys of a budget besides the metric: the settings under which the cost is determined. */
export const CIRCUMSTANCES: Readonly<Record<Metric, readonly string[]>> = {
  macs: [],
  params: [],
  // biome-ignore format: one line a kind
  memory: [
    'training', 'batch', 'dtype', 'optimizer', 'ema', 'dropPath', 'dropout', 'memoryFormat', 'scratch', 'backend', 'threads',
  ],
  latency: ['training', 'batch', 'dtype', 'device', 'memoryFormat', 'profile', 'backend', 'runs', 'warmup'],
}

/** Default of the largest relative error. Measurements on a shared machine vary by about 10 %. */
export const TOLERANCES: Readonly<Record<Metric, number>> = { macs: 0.03, params: 0.03, memory: 0.03, latency: 0.1 }
