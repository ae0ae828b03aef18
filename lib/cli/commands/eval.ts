/** `mbconv eval`: how well a trained model does on the test images. */

import { newestRunOrThrow } from '../input/runs'
import { type GlobalOptions, Output } from '../view/output'
import { evaluationLines } from '../view/result'

export interface EvalOptions extends GlobalOptions {
  device?: string
}

export async function evaluate(run: string | undefined, options: EvalOptions): Promise<number> {
  const output = new Output(options)
  const folder = run ?? newestRunOrThrow()
  const { evaluateRun } = await import('../../inference/evaluate.js')
  const evaluation = await evaluateRun(folder, { device: options.device })
  output.data({ run: folder, ...evaluation })
  output.result(...evaluationLines(evaluation, folder, output))
  return 0
}
