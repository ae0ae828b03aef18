/** Finds the folders of earlier runs. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { MbconvError } from '../../errors/error'
import { listFolder, statOf } from '../../files/folders'
import { UNPRINTABLE } from '../../text/foreign-text'

/** Default name of a run: `digits-20261124-064702`, in local time. */
export function runName(stem: string, date = new Date()): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`
  // A file's name may contain what a run's name must not, such as a leading dot.
  const plain = stem.replace(UNPRINTABLE, '').replace(/^\.+|\\/g, '') || 'run'
  // A run's name has at most 200 characters: the cut leaves room for the time and a number.
  const short = plain.slice(0, 180).replace(/[\ud800-\udbff]$/, '')
  return `${short}-${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`
}

/** The same name, followed by a number if there already is a run of that second. */
export function freeRunName(dir: string, stem: string, date = new Date()): string {
  const name = runName(stem, date)
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`
    if (!existsSync(path.join(dir, candidate))) return candidate
  }
}

/** Whether {@link freeRunName} could have made a folder's name for that configuration. */
function isRunOf(stem: string, name: string): boolean {
  const prefix = runName(stem).slice(0, -'YYYYMMDD-HHMMSS'.length)
  return name.startsWith(prefix) && /^\d{8}-\d{6}(-\d+)?$/.test(name.slice(prefix.length))
}

/**
 * The newest run in a folder of runs: the one whose checkpoints changed last. Skips runs without checkpoints, which are
 * of no use.
 *
 * @param stem only runs named after this configuration
 */
export function newestRun(dir: string, stem?: string): string | undefined {
  const entries = existsSync(dir) ? listFolder(dir) : []
  let newest: { run: string; time: number } | undefined
  for (const entry of entries) {
    if (!entry.isDirectory() || (stem !== undefined && !isRunOf(stem, entry.name))) continue
    const run = path.join(dir, entry.name)
    const time = savedAt(run)
    if (time !== undefined && (!newest || time > newest.time)) newest = { run, time }
  }
  return newest?.run
}

/** Time of a run's last save, ms; undefined for a folder without checkpoints. */
function savedAt(run: string): number | undefined {
  const folder = path.join(run, 'checkpoints')
  try {
    const saved = listFolder(folder).some(({ name }) => name.startsWith('step-'))
    return saved ? statOf(folder)?.mtimeMs : undefined
  } catch {
    return undefined
  }
}

/** The newest run below `runs`, for commands without a run argument. */
export function newestRunOrThrow(dir = 'runs'): string {
  const run = newestRun(dir)
  if (run) return run
  throw new MbconvError('ERR_USAGE', `there is no run in ${path.resolve(dir)}`, {
    hint: 'name the folder of a run, or train one: mbconv train digits',
  })
}
