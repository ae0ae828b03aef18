// Writes docs/performance.md from the results of a race: what was missed first, then what was measured, on what and how.
import { CONTESTANTS } from './contestants.mjs'
import { titleOf } from './rows.mjs'
import { median } from './statistics.mjs'
import { growthOf, judge, ratioOf } from './targets.mjs'

const times = (value) => `${value.toFixed(2)}×`
const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`
const milliseconds = (seconds) => (1000 * seconds).toFixed(seconds < 0.1 ? 2 : 0)
const megabytes = (bytes) => (bytes === null ? 'unknown' : `${(bytes / 1e6).toFixed(0)} MB`)
const range = ({ median, low, high }) => `${times(median)} (${low.toFixed(2)}–${high.toFixed(2)})`

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** What a target is about, as words; and numbers of its kind. */
const MEASURES = {
  speed: {
    text: 'speed',
    limit: (value) => `at least ${times(value)}`,
    value: (found) => range({ ...found, median: found.value }),
  },
  memory: {
    text: 'peak memory',
    limit: (value) => `at most ${percent(value)}`,
    value: ({ value }) => percent(value),
  },
  outside: {
    text: 'share of time outside of native code',
    limit: (value) => `at most ${percent(value, 1)}`,
    value: ({ value }) => percent(value, 2),
  },
}

const VERDICTS = { missed: '**missed**', met: 'met', goal: 'goal reached', 'not measured': 'not measured' }

/** The name of a contestant on the page. */
const labelOf = (id) => CONTESTANTS.find((each) => each.id === id)?.label ?? id

function subjectOf({ measure, of, over, against }) {
  const rivals = against ?? over.map(labelOf).join(' or ')
  return `${labelOf(of)}: ${MEASURES[measure].text}${over.length > 0 ? `, against ${rivals}` : ''}`
}

/** A load average above this, before the race begins, is other work: it slows contestants that spin more than others. */
const BUSY = 0.5

const busyPart = ({ load: [load] }) =>
  load <= BUSY ? '' : `**The machine was busy** (load average ${load.toFixed(2)} before): these figures say little.`

function missedPart(judged, results) {
  const missed = judged.filter(({ verdict }) => verdict === 'missed')
  const wrong = results.rows.flatMap((row) => row.wrong.map((each) => ({ ...each, row })))
  if (missed.length + wrong.length === 0) return '## Missed targets\n\nNone.'
  const lines = [
    ...wrong.map(
      ({ row, label, error, tolerance }) =>
        `- ${titleOf(row)}. **${label} computes something else**: its output is ${error.toExponential(1)} off, at most ` +
        `${tolerance.toExponential(0)} is allowed. It was not raced.`,
    ),
    ...missed.map((target) => {
      const { limit, value } = MEASURES[target.measure]
      return `- ${titleOf(target.row)}. ${subjectOf(target)}: ${value(target)}, target ${limit(target.must)}.`
    }),
  ]
  return `## Missed targets\n\n${lines.join('\n')}`
}

function absentPart(judged, { absent, rows }) {
  const missing = absent.map(({ label, reason, get }) => `- ${label}: ${reason}. To have it: ${get}.`)
  const failed = rows.flatMap((row) =>
    row.failed.map(({ label, reason }) => `- ${label} failed in "${titleOf(row)}": ${reason}`),
  )
  const open = judged.filter(({ verdict }) => verdict === 'not measured').length
  const count = `${open} of ${judged.length} targets were not measured; the table of targets says why.`
  const parts = [[...missing, ...failed].join('\n'), open > 0 ? count : ''].filter((part) => part !== '')
  return parts.length === 0 ? '' : ['## Not raced', ...parts].join('\n\n')
}

/** Floating-point operations of a call: two for each multiply-add; a training step has three passes of that size. */
const operationsOf = ({ macs, batch, task }) => 2 * macs * batch * (task === 'train' ? 3 : 1)

function rowPart(row, { roofs }) {
  const ours = row.contestants.find(({ id }) => id === 'mbconv')
  const sorted = [...row.contestants].sort((a, b) => median(a.rounds) - median(b.rounds))
  const cells = sorted.map((each) => {
    const seconds = median(each.rounds)
    const share = roofs.flops === undefined ? 'unknown' : percent(operationsOf(row) / seconds / roofs.flops[1])
    return [
      each === ours ? `**${each.label}**` : each.label,
      `${milliseconds(seconds)}${each.settled ? '' : ' (had not settled)'}`,
      (row.batch / seconds).toFixed(row.batch / seconds < 10 ? 2 : 0),
      ours === undefined || each === ours ? '' : range(ratioOf(ours, each)),
      share,
      `${megabytes(growthOf(each))} over ${megabytes(each.base)}`,
    ]
  })
  const head = ['', 'ms a call', 'images/s', 'mbconv is so many times as fast', 'share of the FMA roof', 'peak memory']
  const outside =
    row.outside === null ? '' : `\n\nmbconv spends ${percent(row.outside, 2)} of a step outside of native code.`
  return `### ${titleOf(row)}\n\n${table(head, cells)}${outside}`
}

function targetsPart(judged) {
  const cells = judged.map((target) => {
    const { limit, value } = MEASURES[target.measure]
    return [
      titleOf(target.row),
      subjectOf(target),
      limit(target.must),
      target.goal === undefined ? '' : limit(target.goal),
      target.missing === undefined ? value(target) : target.missing,
      VERDICTS[target.verdict],
    ]
  })
  return `## Targets\n\n${table(['row', 'what', 'target', 'goal', 'measured', 'verdict'], cells)}`
}

function machinePart({ machine, roofs, versions }) {
  const { model, cores, instructions, memory, system, load } = machine
  const giga = ([one, all]) => `${(one / 1e9).toFixed(0)} and ${(all / 1e9).toFixed(0)}`
  const roof =
    roofs.flops === undefined
      ? [['roofs', `not measured: ${roofs.reason}`]]
      : [
          [`float32 FMA, 10⁹ operations/s, with one thread and with all`, giga(roofs.flops)],
          [`copying memory, GB/s read and written, with one thread and with all`, giga(roofs.copy)],
        ]
  const cells = [
    ['processor', `${model}, ${cores} physical cores`],
    ['instruction sets', instructions.join(', ') || 'unknown'],
    ['memory', `${(memory / 2 ** 30).toFixed(0)} GiB`],
    ['system', system],
    ['load average before', load.map((each) => each.toFixed(2)).join(', ')],
    ...roof,
    [
      'versions',
      Object.entries(versions)
        .map((pair) => pair.join(' '))
        .join(', '),
    ],
  ]
  return `## Machine\n\n${table(['', ''], cells)}`
}

const HOW = `## How it is measured

Each contestant is a process of its own, with the same number of threads, the same weights and the same images. Before the
race its output is compared with mbconv's in float64; one that is further off than rounding explains is not raced. It is
then called until its time has settled. In every round each contestant takes a turn of several calls, in an order that is
shuffled for each round with a fixed seed; the others wait meanwhile. The median of a turn is its time in that round. A
ratio is computed in each round. The tables have the medians over the rounds, and in brackets the range of the middle half.
A target against several contestants is held against the best of them.

- A prediction ends with the logits in the memory of the program that asked. mbconv predicts with \`fuse()\`, where nothing
  else is said, and in bf16 under \`autocast\`.
- onnxruntime, OpenVINO and tfjs get the ONNX file that mbconv exports; the first two know the batch in advance.
- A training step is forward, cross-entropy with label smoothing, backward and RMSProp in float32, with 10 classes.
- \`torch.compile\` predicts with frozen weights. Images and weights are channels-last there and in mbconv.
- The share of the FMA roof counts the operations of convolutions and linear layers, three times as many in a training step.
- Peak memory is what the resident memory's highest value (VmHWM) has grown by since before the network was made, and the
  value from before, which contains the libraries.
- The time outside of native code is measured in a process of its own, with a clock around each function of the addon.
  The clock itself counts as outside.`

/**
 * The page, and whether the race was won.
 *
 * @param results what scripts/bench/race.mjs collects: see there
 * @returns {{text: string, status: 0 | 1}} status 1: a target was missed, or a contestant computed something else
 */
export function pageOf(results) {
  const judged = judge(results.rows)
  const { command, date, rounds, threads, rows } = results
  const parts = [
    '# Performance',
    `\`${command}\` wrote this page on ${date}: rounds: ${rounds}, threads: ${threads}.`,
    busyPart(results.machine),
    missedPart(judged, results),
    absentPart(judged, results),
    `## Results\n\n${rows.map((row) => rowPart(row, results)).join('\n\n')}`,
    targetsPart(judged),
    machinePart(results),
    HOW,
  ]
  const isMissed = judged.some(({ verdict }) => verdict === 'missed') || rows.some(({ wrong }) => wrong.length > 0)
  return { text: `${parts.filter((part) => part !== '').join('\n\n')}\n`, status: isMissed ? 1 : 0 }
}
