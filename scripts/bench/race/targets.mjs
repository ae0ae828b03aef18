// The targets of the race, and how its results are judged.
import { median, middleHalf } from './statistics.mjs'

const EAGER = ['pytorch', 'pytorch-channels-last']
const ONNXRUNTIME = ['onnxruntime', 'onnxruntime-node']

/*
 * measure `speed`: so many times as fast as the fastest of `over`; `memory`: growth of peak memory ÷ the least of `over`;
 * `outside`: share of a training step that is spent outside of native code. `must` is held, `goal` is hoped for.
 */
const speed = (row, over, must, goal, of = 'mbconv') => ({ row, measure: 'speed', of, over, must, goal })
const memory = (row, over, must, goal) => ({ row, measure: 'memory', of: 'mbconv', over, must, goal })
const outside = (row, must, goal) => ({ row, measure: 'outside', of: 'mbconv', over: [], must, goal })

export const TARGETS = [
  speed('predict-b0-1', ONNXRUNTIME, 1.15, 1.4),
  speed('predict-b0-16', ONNXRUNTIME, 1.4, 1.8),
  speed('predict-b0-1', ['openvino-bf16'], 1.0, 1.4, 'mbconv-bf16'),
  speed('predict-b0-16', ['openvino-bf16'], 1.1, 1.4, 'mbconv-bf16'),
  speed('predict-b0-1', ['mbconv-unfused'], 1.0),
  speed('predict-b0-16', ['mbconv-unfused'], 1.0),
  speed('predict-b4', ONNXRUNTIME, 1.0, 1.3),
  speed('predict-v2-s', ONNXRUNTIME, 1.0, 1.3),
  speed('predict-mobilenet', ONNXRUNTIME, 1.0, 1.3),
  speed('predict-resnet', ONNXRUNTIME, 1.0, 1.3),
  speed('train-b0-224', EAGER, 2.0, 3.5),
  speed('train-b0-32', EAGER, 1.5, 2.5),
  speed('train-b0-224', ['torch-compile'], 1.5),
  speed('train-b0-32', ['torch-compile'], 1.2),
  memory('train-b0-224', EAGER, 0.5, 0.3),
  memory('train-b0-32', EAGER, 0.5, 0.3),
  outside('train-b0-224', 0.02, 0.005),
  outside('train-b0-32', 0.02, 0.005),
]

/** Bytes that a contestant's peak memory grew by since before its model was made; null where it is not known. */
export const growthOf = ({ peak, base }) => (peak === null || base === null ? null : peak - base)

/** How many times as fast `ours` is as `theirs`: the median and the middle half of the rounds' ratios. */
export const ratioOf = (ours, theirs) => middleHalf(theirs.rounds.map((seconds, round) => seconds / ours.rounds[round]))

/** Of the contestants, the one with the least of a measure. */
const least = (contestants, measure) =>
  contestants.reduce((best, each) => (measure(each) < measure(best) ? each : best))

/**
 * @param row the row's results
 * @returns {{value?: number, low?: number, high?: number, against?: string, missing?: string}} what was measured, or what
 *   was missing for it
 */
function measured({ measure, of, over }, row) {
  if (measure === 'outside') {
    return row.outside === null ? { missing: 'the share was not measured' } : { value: row.outside }
  }
  const ours = row.contestants.find(({ id }) => id === of)
  if (ours === undefined) return { missing: `${of} was not raced` }
  const rivals = row.contestants.filter(({ id }) => over.includes(id))
  if (rivals.length === 0) return { missing: `${over.join(', ')}: not raced` }
  if (measure === 'speed') {
    const rival = least(rivals, ({ rounds }) => median(rounds))
    const { median: value, low, high } = ratioOf(ours, rival)
    return { value, low, high, against: rival.label }
  }
  if ([ours, ...rivals].some((each) => growthOf(each) === null)) return { missing: 'peak memory is not known here' }
  const rival = least(rivals, growthOf)
  return { value: growthOf(ours) / growthOf(rival), against: rival.label }
}

/** What a value says of a target. */
function verdictOf({ measure, must, goal }, value) {
  const reaches = (limit) => (measure === 'speed' ? value >= limit : value <= limit)
  if (!reaches(must)) return 'missed'
  return goal !== undefined && reaches(goal) ? 'goal' : 'met'
}

/**
 * The targets of rows that were run, with the row, what was measured and the verdict: `missed`, `met`, `goal` if what is
 * hoped for was reached, or `not measured`.
 */
export function judge(rows, targets = TARGETS) {
  return targets.flatMap((target) => {
    const row = rows.find(({ name }) => name === target.row)
    if (row === undefined) return []
    const found = measured(target, row)
    const verdict = found.missing === undefined ? verdictOf(target, found.value) : 'not measured'
    return [{ ...target, row, ...found, verdict }]
  })
}
