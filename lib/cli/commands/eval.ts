/** `mbconv eval`: evaluates a trained model on the test images. */
import type { Views } from '../../data/images/views'
import { EXIT } from '../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { DEVICE, RUN_ARGUMENT, VIEWS_OPTION } from '../command-line/options'
import { Output } from '../view/output'

export const evalCommand: CommandDescription = {
  name: 'eval',
  summary: 'measure a trained model on the test images',
  arguments: [RUN_ARGUMENT],
  options: [VIEWS_OPTION, DEVICE],
  examples: ['mbconv eval', 'mbconv eval runs/digits-20260101-120000'],
  run,
}

interface EvalOptions extends GlobalOptions {
  device?: string
  views?: Views
}

async function run(named: string | undefined, options: EvalOptions): Promise<number> {
  const output = new Output(options)
  const { newestRunOrThrow } = await import('../input/runs.js')
  const folder = named ?? newestRunOrThrow()
  const { usedCheckpoint } = await import('../input/used-checkpoint.js')
  const { evaluateRun } = await import('../../inference/evaluate.js')
  const { evaluationLines } = await import('../view/result.js')
  const evaluation = await evaluateRun(folder, {
    device: options.device,
    ...(options.views && { views: options.views }),
    onWarning: (message) => output.warn(message),
  })
  const used = await usedCheckpoint(folder)
  if (used) output.note(output.paintNote('dim', used))
  output.data({ run: folder, ...evaluation })
  output.result(...evaluationLines(evaluation, folder, output))
  return EXIT.ok
}
