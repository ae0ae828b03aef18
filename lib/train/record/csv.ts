/**
 * metrics.csv: the lines of metrics.jsonl as a table, for spreadsheets and data frames. An empty field stands where a
 * line has no such value.
 *
 * The table is written anew from metrics.jsonl when the run begins or is resumed. So both have the same lines, and a
 * resumed run may switch the table on.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../files/atomic'
import type { Task } from '../../models/export/task'
import { AppendLog } from '../run/append-log'
import { RUN_FILES } from '../run/folder'
import { type MetricsLine, readMetrics } from '../run/metrics'
import { FIGURES } from '../run/score'
import type { LoggerKind } from './logger'

const FILE = 'metrics.csv'

/** In this order, and after them the figures of the task. Every field of a line has its column. */
const COLUMNS = ['type', 'step', 'epoch', 'seconds', 'loss', 'lr', 'imagesPerSecond', 'dataWait', 'memory'] as const

export const columnsOf = (task: Task): readonly string[] => [...COLUMNS, ...FIGURES[task]]

/** A row. No value needs quotes: all are numbers, except the type, which is `step` or `eval`. */
export function rowOf(line: MetricsLine, task: Task): string {
  const values: Partial<Record<string, unknown>> = { ...line }
  return `${columnsOf(task)
    .map((column) => cell(values[column]))
    .join(',')}\n`
}

/** A loss that is not finite is null in a file, and a number in an event. */
function cell(value: unknown): string {
  if (value === null) return 'NaN'
  return value === undefined ? '' : String(value)
}

export const csv: LoggerKind = {
  name: FILE,
  isEssential: false,
  open({ runDir, config: { task }, position, warn }) {
    const [path, source] = [join(runDir, FILE), join(runDir, RUN_FILES.metrics)]
    const before = existsSync(source) ? readMetrics(source) : []
    const header = `${columnsOf(task).join(',')}\n`
    writeFileAtomic(path, header + before.map((line) => rowOf(line, task)).join(''))
    const encode = (line: MetricsLine) => Buffer.from(rowOf(line, task))
    const log = new AppendLog<MetricsLine>(path, warn, { noun: 'line', encode, preamble: Buffer.from(header) })
    return {
      record(event) {
        if (event.type === 'step' || event.type === 'eval') log.append({ ...event, seconds: position.seconds })
      },
      sync: () => log.sync(),
      settle: () => log.settle(),
      close: () => log.close(),
    }
  },
}
