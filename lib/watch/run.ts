/** One run on the page: what its folder says, read again as the folder changes. */
import { basename, join } from 'node:path'
import type { MbconvError } from '../errors/error'
import { statOf } from '../files/folders'
import { runIsLocked } from '../files/lock'
import { readText } from '../files/open'
import { isMapping } from '../schema/values'
import { printable } from '../text/foreign-text'
import { shortPath } from '../text/short-path'
import { RUN_FILES } from '../train/run/folder'
import { type EvalLine, parseLine, type StepLine } from '../train/run/metrics'
import { scoreValue } from '../train/run/score'
import { Series } from './series'
import { Tail } from './tail'

/**
 * Whether a process trains the run; if none does, how it ended. `ended`: without a result, so it was killed or it
 * failed.
 */
export type RunState = 'running' | 'finished' | 'interrupted' | 'ended'

/** A row of the page's table. Numbers are null until the run has them. */
export interface RunFacts {
  id: string
  name: string
  folder: string
  state: RunState
  model: string
  dataset: string
  /** Epochs in the whole run. */
  epochs: number | null
  /** Steps done, and the epoch of the last one, counted from 1. */
  step: number
  epoch: number
  loss: number | null
  lr: number | null
  imagesPerSecond: number | null
  dataWait: number | null
  memory: number | null
  /** The latest evaluation, and the best one: top-1, or mAP where images have several labels. */
  metric: 'top-1' | 'mAP'
  score: number | null
  testLoss: number | null
  best: { score: number; step: number } | null
  /** Seconds of training. */
  seconds: number
  /** Milliseconds since 1970 when the metrics last changed. */
  changed: number | null
  /** Changes with the sample predictions; null if there are none. */
  samples: string | null
  /** Why the folder could not be read; null if it could. */
  problem: string | null
}

const finite = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)
const words = (value: unknown): string => (typeof value === 'string' ? printable(value.slice(0, 200)) : '')

/** What a JSON file of the run says; undefined if it does not exist or is damaged. */
function readJson(path: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(readText(path, { op: 'watch', most: 2 ** 24 }))
    return isMapping(value) ? value : undefined
  } catch {
    return undefined
  }
}

const stampOf = (path: string): string | null => {
  const stat = statOf(path)
  return stat === undefined ? null : `${stat.ino}-${stat.size}-${Math.round(stat.mtimeMs)}`
}

export class WatchedRun {
  /** [step, training loss, learning rate] */
  readonly steps = new Series()
  /** [step, test loss, top-1 or mAP] */
  readonly evaluations = new Series()
  readonly #tail: Tail
  #last: StepLine | undefined
  #evaluation: EvalLine | undefined
  #best: RunFacts['best'] = null
  #changed: number | null = null
  #config: { stamp: string | null; value: Record<string, unknown> | undefined } = { stamp: null, value: undefined }
  #problem: string | null = null

  constructor(
    readonly id: string,
    readonly folder: string,
  ) {
    this.#tail = new Tail(join(folder, RUN_FILES.metrics))
  }

  /**
   * Reads what has come since the last call.
   *
   * @returns whether there is more to read right now
   */
  poll(): boolean {
    try {
      const { isNew, lines, hasMore } = this.#tail.read()
      if (isNew) this.#forget()
      for (const text of lines) {
        const line = parseLine(text)
        if (line?.type === 'step') this.#addStep(line)
        else if (line?.type === 'eval') this.#addEvaluation(line)
      }
      if (isNew || lines.length > 0) this.#changed = statOf(this.#tail.path)?.mtimeMs ?? null
      this.#problem = null
      return hasMore
    } catch (error) {
      this.#problem = printable((error as MbconvError).message)
      return false
    }
  }

  #forget(): void {
    this.steps.clear()
    this.evaluations.clear()
    this.#last = undefined
    this.#evaluation = undefined
    this.#best = null
  }

  #addStep(line: StepLine): void {
    this.steps.add([line.step, finite(line.loss), finite(line.lr)])
    this.#last = line
  }

  #addEvaluation(line: EvalLine): void {
    const score = finite(scoreValue(line))
    this.evaluations.add([line.step, finite(line.loss), score])
    this.#evaluation = line
    if (score !== null && score > (this.#best?.score ?? -1)) this.#best = { score, step: line.step }
  }

  #settings(): Record<string, unknown> {
    const path = join(this.folder, RUN_FILES.config)
    const stamp = stampOf(path)
    if (stamp !== this.#config.stamp) this.#config = { stamp, value: readJson(path) }
    return this.#config.value ?? {}
  }

  #state(): RunState {
    if (runIsLocked(this.folder)) return 'running'
    const result = readJson(join(this.folder, RUN_FILES.result))
    if (result === undefined) return 'ended'
    return result.interrupted === false ? 'finished' : 'interrupted'
  }

  facts(): RunFacts {
    const last: Partial<StepLine> = this.#last ?? {}
    const evaluation: Partial<EvalLine> = this.#evaluation ?? {}
    let config: Record<string, unknown> = {}
    let state: RunState = 'ended'
    let samples: string | null = null
    let problem = this.#problem
    try {
      config = this.#settings()
      state = this.#state()
      samples = stampOf(join(this.folder, RUN_FILES.samples))
    } catch (error) {
      problem ??= printable((error as MbconvError).message)
    }
    const part = (key: string) => (isMapping(config[key]) ? config[key] : {}) as Record<string, unknown>
    return {
      id: this.id,
      name: printable(basename(this.folder)),
      folder: printable(shortPath(this.folder)),
      state,
      model: words(part('model').name),
      dataset: words(part('data').dataset),
      epochs: finite(config.epochs),
      step: last.step ?? 0,
      epoch: last.epoch === undefined ? 0 : last.epoch + 1,
      loss: finite(last.loss),
      lr: finite(last.lr),
      imagesPerSecond: finite(last.imagesPerSecond),
      dataWait: finite(last.dataWait),
      memory: finite(last.memory),
      metric: config.task === 'multiLabel' ? 'mAP' : 'top-1',
      score: finite(scoreValue(evaluation)),
      testLoss: finite(evaluation.loss),
      best: this.#best,
      seconds: finite(last.seconds) ?? 0,
      changed: this.#changed,
      samples,
      problem,
    }
  }
}
