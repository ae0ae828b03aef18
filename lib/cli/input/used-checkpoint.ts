/** Which checkpoint of a run a command takes its weights from, in words. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { percent } from '../../text/figures'

/** A note for the user; undefined if `model` is not the folder of a run. */
export async function usedCheckpoint(model: string): Promise<string | undefined> {
  if (!existsSync(path.join(model, 'checkpoints'))) return undefined
  const { listCheckpoints, keptEvaluations } = await import('../../train/run/checkpoint.js')
  const saved = listCheckpoints(model).map(({ step }) => step)
  const best = keptEvaluations(model).find(({ step }) => saved.includes(step))
  if (best !== undefined) return `weights of step ${best.step}, the best evaluation (top-1 ${percent(best.top1, 1)})`
  return saved.length > 0 ? `weights of step ${saved[0]}, the newest checkpoint` : undefined
}
