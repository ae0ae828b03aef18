/** Which checkpoint of a run a command takes its weights from, in words. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { percent } from '../../text/figures'

/** A note for the user; undefined if `model` is not the folder of a run, or has no whole checkpoint. */
export async function usedCheckpoint(model: string): Promise<string | undefined> {
  if (!existsSync(path.join(model, 'checkpoints'))) return undefined
  const { findCheckpoint } = await import('../../train/run/checkpoint.js')
  const damaged: string[] = []
  let found: ReturnType<typeof findCheckpoint>
  try {
    found = findCheckpoint(model, (message) => damaged.push(message))
  } catch {
    return undefined // opening the model tells why
  }
  const { chosen, state } = found
  const top1 = state.lastEval === null ? '' : ` (top-1 ${percent(state.lastEval.top1, 1)})`
  const which = chosen === 'best' ? `the best evaluation${top1}` : 'the newest checkpoint'
  return [...damaged, `weights of step ${state.step}, ${which}`].join('; ')
}
