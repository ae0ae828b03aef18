/** Which runs the page shows: the named ones, or the newest of a folder, those included that begin later. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { MbconvError } from '../errors/error'
import { isFolder, listFolder, statOf } from '../files/folders'
import { RUN_FILES } from '../train/run/folder'
import { WatchedRun } from './run'

/** The most runs on a page: more curves than that cannot be told apart. */
export const MOST_RUNS = 50

export interface RunChoice {
  /** Folders of runs. Empty: the newest runs of `dir`. */
  folders: readonly string[]
  /** Folder of all runs. It need not exist yet. */
  dir: string
  /** Number of newest runs. */
  newest: number
}

/** Whether a folder is that of a run: its configuration is the first file that a run writes. */
const isRun = (folder: string): boolean =>
  existsSync(join(folder, RUN_FILES.config)) || existsSync(join(folder, RUN_FILES.metrics))

/** Milliseconds since 1970 of a run's last sign of life. */
function lastSign(folder: string): number {
  const times = [RUN_FILES.metrics, RUN_FILES.config].map((name) => statOf(join(folder, name))?.mtimeMs ?? 0)
  return Math.max(...times)
}

export class Runs {
  readonly #choice: RunChoice
  /** By absolute path. A run that has been shown keeps its id, and so its colour on the page. */
  readonly #known = new Map<string, WatchedRun>()
  /** The runs that are shown now, in the order in which they were found. */
  shown: WatchedRun[] = []

  /** @throws MbconvError ERR_USAGE for a folder that is no run's, or too many of them */
  constructor(choice: RunChoice) {
    const { folders, newest } = choice
    if (Math.max(folders.length, newest) > MOST_RUNS) {
      throw new MbconvError('ERR_USAGE', `a page shows at most ${MOST_RUNS} runs`, { hint: 'name those to compare' })
    }
    for (const folder of folders) {
      if (isFolder(folder) && isRun(folder)) continue
      const problem = isFolder(folder) ? 'is not the folder of a run' : 'there is no such folder'
      const hint = isFolder(folder) ? `--dir ${folder} shows the newest runs in it` : undefined
      throw new MbconvError('ERR_USAGE', `${folder}: ${problem}`, { hint })
    }
    this.#choice = choice
    this.discover()
  }

  /** Looks for runs that have begun since the last call. */
  discover(): void {
    const { folders, dir, newest } = this.#choice
    const paths = folders.length > 0 ? folders.map((folder) => resolve(folder)) : newestIn(resolve(dir), newest)
    for (const path of paths)
      if (!this.#known.has(path)) this.#known.set(path, new WatchedRun(`run${this.#known.size + 1}`, path))
    // In the order in which they were found: a run that goes on is the newest, but its row stays where it is.
    this.shown = [...this.#known].filter(([path]) => paths.includes(path)).map(([, run]) => run)
  }

  /** The shown run with an id. */
  find(id: string): WatchedRun | undefined {
    return this.shown.find((run) => run.id === id)
  }
}

/** The newest runs in a folder, oldest first. */
function newestIn(dir: string, count: number): string[] {
  if (!isFolder(dir)) return []
  return listFolder(dir)
    .filter((entry) => !entry.name.startsWith('.'))
    .map(({ name }) => join(dir, name))
    .filter((path) => isFolder(path) && isRun(path))
    .map((path) => ({ path, time: lastSign(path) }))
    .sort((a, b) => a.time - b.time)
    .slice(-count)
    .map(({ path }) => path)
}
