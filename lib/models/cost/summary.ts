/** A network as a readable table: `mbconv models NAME` prints it, and scripts can. */
import { whole } from '../../text/figures'
import { type Column, table } from '../../text/table'
import type { Arch } from '../arch/arch'
import { resolutionText } from '../arch/resolution'
import { Network } from '../network/network'
import { COUNTING_RULE, type CountOptions, type Counts, count, type StageRow, stageTable } from './count'

/** A network as a table. `String(summary)` is text for people. */
export interface Summary {
  /** The totals. */
  readonly counts: Counts
  /** The figures of each stage. */
  readonly stages: readonly StageRow[]
  /** The table's columns and cells; the last row has the totals. */
  readonly columns: readonly Column[]
  /** The cells of the printed table, row by row. */
  readonly rows: readonly string[][]
  /** The whole table as lines of text, with the counting rule below it. */
  readonly text: string
}

const COLUMNS: readonly Column[] = [
  { title: 'stage' },
  { title: 'operator' },
  ...['input px', 'stride', 'output', 'layers', 'parameters', 'multiply-adds'].map((title) => ({ title, right: true })),
]

/**
 * The network stage by stage: operator, input size, stride, output (channels x height x width), blocks, parameters,
 * multiply-adds. Counted from the table; nothing is built.
 *
 * @param model an architecture, or a network, whose classes and channels then are the defaults
 * @throws MbconvError ERR_TYPE or ERR_VALUE
 */
export function summary(model: Arch | Network, options: CountOptions = {}): Summary {
  const built = model instanceof Network ? { numClasses: model.numClasses, inChannels: model.inChannels } : {}
  const arch = model instanceof Network ? model.arch : model
  const wanted = typeof options === 'object' && options !== null ? { ...built, ...options } : options
  const counts = count(arch, wanted)
  const stages = stageTable(arch, wanted)
  const rows = stages.map(({ stage, operator, inputSize, stride, outputShape, layers, params, macs }) => [
    ...[stage, operator, resolutionText(inputSize), String(stride), outputShape.join('x'), String(layers)],
    ...[whole(params), whole(macs)],
  ])
  // Count stem, head and classifier as layers, too.
  const layers = stages.reduce((sum, each) => sum + each.layers, 0)
  rows.push(['total', '', '', '', '', String(layers), whole(counts.params), whole(counts.macs)])
  const text = [arch.name, '', ...table(COLUMNS, rows), '', `Counted: ${COUNTING_RULE}.`].join('\n')
  return Object.freeze({ counts, stages, columns: COLUMNS, rows, text })
}
