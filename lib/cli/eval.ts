/** `mbconv eval`: how well a trained model does on the test images. */
import { type GlobalOptions, Output } from './output'
import { evaluationLines } from './result'
import { newestRunOrThrow } from './runs'

export async function evaluate(run: string | undefined, options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const folder = run ?? newestRunOrThrow()
  const { evaluateRun } = await import('../train/evaluate.js')
  const evaluation = await evaluateRun(folder)
  output.data({ run: folder, ...evaluation })
  output.result(...evaluationLines(evaluation, folder, output))
  return 0
}
