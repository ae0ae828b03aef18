/** `mbconv eval`: how well a trained model does on the test images. */
import { type GlobalOptions, Output } from './output'
import { evaluationLines } from './result'
import { newestRunOrThrow } from './runs'

export interface EvalOptions extends GlobalOptions {
  device?: string
}

export async function evaluate(run: string | undefined, options: EvalOptions): Promise<number> {
  const output = new Output(options)
  const folder = run ?? newestRunOrThrow()
  const { evaluateRun } = await import('../train/evaluate.js')
  const evaluation = await evaluateRun(folder, { device: options.device })
  output.data({ run: folder, ...evaluation })
  output.result(...evaluationLines(evaluation, folder, output))
  return 0
}
