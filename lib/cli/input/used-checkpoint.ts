/** Which checkpoint of a run a command takes its weights from, in words. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { percent } from '../../text/figures'
import { scoreName, scoreValue } from '../../train/run/score'

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
  const { lastEval } = state
  const score = lastEval === null ? '' : ` (${scoreName(lastEval)} ${percent(scoreValue(lastEval), 1)})`
  const which = chosen === 'best' ? `the best evaluation${score}` : 'the newest checkpoint'
  return [...damaged, `weights of step ${state.step}, ${which}`].join('; ')
}
