/** `mbconv experiment job`: runs one task of a cluster's array job; the task's number selects the job. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import * as format from '../../view/format'
import { Output } from '../../view/output'

export const jobCommand: CommandDescription = {
  name: 'job',
  summary: 'run one job of an experiment: a task of the array script',
  arguments: [
    { name: '<folder>', help: "the experiment's folder" },
    { name: '<index>', help: 'number of the job' },
  ],
  examples: ['mbconv experiment job runs/experiments/table7-cluster 12'],
  run,
}

async function run(folder: string, index: string, options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { runTask } = await import('../../../experiment/run/slurm.js')
  const { savingLine } = await import('../../view/experiment-tables.js')
  const { exitOfInterruption, stopOnSignals } = await import('../../../process/signals.js')
  const controller = new AbortController()
  const restore = stopOnSignals(controller, (signal) => output.note(savingLine(signal)))
  try {
    const outcome = await runTask(folder, index, controller.signal)
    if (outcome === undefined) return exitOfInterruption(controller.signal.reason)
    output.data(outcome)
    const { row } = outcome
    if (row.status === 'failed') {
      output.warn(`${row.arm} seed ${row.seed} failed: ${row.error.message} (${row.error.code})`)
      return EXIT.failure
    }
    output.result(`${row.arm} seed ${row.seed}: top-1 ${format.percent(row.top1)}`)
    return EXIT.ok
  } finally {
    restore()
  }
}
