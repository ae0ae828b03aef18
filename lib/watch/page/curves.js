/** The curves of the charts, from the points of the runs. */

/** Of fewer points, the smoothed curve would be no better than the points. */
const FEWEST_SMOOTHED = 20

/**
 * The moving average of a curve with exponentially falling weights, corrected for its beginning as in Adam.
 *
 * @param {(number | null)[]} values
 * @param {number} weight of what came before, 0 … 1
 */
export function smoothed(values, weight) {
  let [sum, total] = [0, 0]
  return values.map((value) => {
    if (value === null) return null
    sum = weight * sum + (1 - weight) * value
    total = weight * total + 1 - weight
    return sum / total
  })
}

const column = (points, i) => points.map((point) => point[i])

/** A curve of some points; undefined if there are none. */
function curve(run, what, points, i, options) {
  const [x, y] = [column(points, 0), column(points, i)]
  return y.every((value) => value === null) ? [] : [{ run, what, x, y, ...options }]
}

/**
 * The curves of each chart.
 *
 * @param {{ id: string, name: string, colour: number, steps: number[][], evaluations: number[][] }[]} runs
 * @param {number} smoothing 0: none
 */
export function curvesOf(runs, smoothing) {
  const training = runs.flatMap((run) => {
    const raw = curve(run, 'training', run.steps, 1, { counts: true })
    const [{ x, y } = { x: [], y: [] }] = raw
    if (smoothing === 0 || y.length < FEWEST_SMOOTHED) return raw
    return [
      { ...raw[0], faint: true },
      { run, what: 'training, smoothed', x, y: smoothed(y, smoothing), readout: true },
    ]
  })
  const test = runs.flatMap((run) => curve(run, 'test', run.evaluations, 1, { counts: true, dashed: true }))
  const scaled = runs.map((run) => ({
    ...run,
    evaluations: run.evaluations.map(([step, , score]) => [step, null, score === null ? null : 100 * score]),
  }))
  return {
    loss: [...training, ...test],
    score: scaled.flatMap((run) => curve(run, 'test', run.evaluations, 2, { counts: true, dashed: true })),
    lr: runs.flatMap((run) => curve(run, 'learning rate', run.steps, 2, { counts: true })),
  }
}

/** What the scores of the runs are. */
export function scoreTitle(runs) {
  const metrics = new Set(runs.map(({ metric }) => metric))
  if (!metrics.has('mAP')) return 'Top-1 accuracy, %'
  return metrics.size === 1 ? 'mAP, %' : 'Top-1 accuracy or mAP, %'
}

/** What a chart shows, in words: for those who cannot see it. */
export function summary(title, curves) {
  const parts = curves
    .filter(({ counts }) => counts)
    .map(({ run, what, x }) => `${run.name}, ${what}: ${x.length} ${x.length === 1 ? 'point' : 'points'}`)
  return `${title}. ${parts.length > 0 ? parts.join('; ') : 'No points yet'}.`
}
