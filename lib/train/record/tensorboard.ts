/**
 * Event files for TensorBoard in the run's folder: `tensorboard --logdir runs` shows all runs.
 *
 * A resumed run continues in a new file. That file begins with the start of a session, which makes a reader drop what
 * came after the checkpoint, so that TensorBoard shows a single history.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { LoggerOptions } from '../../config/loggers'
import { type PngImage, pngOfPlanes } from '../../drawing/pixels-png'
import { listFolder } from '../../files/folders'
import { readableJson } from '../../files/json'
import * as eventFile from '../../io/protobuf/event-file'
import { printable } from '../../text/foreign-text'
import { AppendLog } from '../run/append-log'
import { RUN_FILES } from '../run/folder'
import { type MetricsLine, readMetrics } from '../run/metrics'
import type { ShownImage } from '../session/material'
import type { EvalEvent, StepEvent, TrainEvent } from './events'
import type { LoggedRun, LoggerKind } from './logger'

const NAME = /^events\.out\.tfevents\.(\d{10})\.mbconv$/

/**
 * The path of a new event file. Readers take the files of a folder in the order of their names, so the time in a name is
 * later than those of all earlier files, whatever the clock says.
 */
function newFile(runDir: string, now: number): { path: string; isFirst: boolean } {
  const matches = listFolder(runDir).map(({ name }) => NAME.exec(name))
  const earlier = matches.filter((match) => match !== null).map((match) => Number(match[1]))
  const seconds = Math.max(Math.floor(now), ...earlier.map((time) => time + 1))
  return {
    path: join(runDir, `events.out.tfevents.${String(seconds).padStart(10, '0')}.mbconv`),
    isFirst: earlier.length === 0,
  }
}

/** Fields of a line that are no measurements. */
const POSITION = ['type', 'step', 'epoch', 'seconds']

/** The numbers of a line by tag: `train/loss`, `test/top1` … */
function numbersOf(line: StepEvent | EvalEvent | MetricsLine): Record<string, number> {
  const group = line.type === 'step' ? 'train' : 'test'
  const fields = Object.entries(line).filter(([key]) => !POSITION.includes(key))
  return Object.fromEntries(
    fields.flatMap(([key, value]) => {
      // A loss that is not finite is null in metrics.jsonl.
      const number = value === null ? Number.NaN : value
      return typeof number === 'number' ? [[`${group}/${key}`, number]] : []
    }),
  )
}

function picturesOf(images: readonly ShownImage[]): Map<string, PngImage> {
  const digits = String(images.length - 1).length
  const tagOf = ({ label }: ShownImage, i: number) =>
    `test images/${String(i).padStart(digits, '0')} ${printable(label)}`
  return new Map(images.map((image, i) => [tagOf(image, i), pngOfPlanes(image.pixels, image.shape)]))
}

const secondsNow = () => Date.now() / 1000

/** Writes histograms at the start, and after every `every` epochs. */
class Histograms {
  #last: number

  /** @param from the first step that the earlier files do not have */
  constructor(
    readonly run: LoggedRun,
    readonly every: number | null,
    from: number,
  ) {
    this.#last = this.#indexAt(from - 1)
  }

  #indexAt(step: number): number {
    return Math.floor(step / this.run.start.stepsPerEpoch / (this.every ?? 1))
  }

  /**
   * The record, if one is due, with the step of the weights. On a GPU losses are read in groups, so that step may be some
   * steps after the end of the epoch.
   */
  due(): Buffer | undefined {
    const { step } = this.run.position
    if (this.every === null || this.#indexAt(step) <= this.#last) return undefined
    this.#last = this.#indexAt(step)
    return eventFile.histograms({ step, time: secondsNow() }, this.run.weights())
  }
}

export const tensorboard: LoggerKind<LoggerOptions<'tensorboard'>> = {
  name: 'TensorBoard',
  isEssential: false,
  open(run, options) {
    const { runDir, position, config, warn } = run
    const { path, isFirst } = newFile(runDir, secondsNow())
    const header = eventFile.fileHeader(secondsNow())
    const log = new AppendLog<Buffer>(path, warn, { noun: 'event', encode: (event) => event, preamble: header })
    const { step } = position
    // An evaluation at the checkpoint's own step may still follow: then that whole step is written again.
    const from = isFirst ? 0 : position.lastEval?.step === step ? step + 1 : step
    const now = { step, time: secondsNow() }
    log.append(header)
    // A reader ignores the first start that it sees, so the first file needs one, too.
    log.append(eventFile.sessionStart({ ...now, step: from }))
    for (const line of linesFrom(runDir, from))
      log.append(eventFile.scalars({ step: line.step, time: now.time }, numbersOf(line)))
    log.append(eventFile.text(now, 'configuration', indented(readableJson(config))))
    let isOpen = true
    if (isFirst && options.images > 0) {
      run.images(options.images).then(
        (images) => isOpen && log.append(eventFile.pictures(now, picturesOf(images))),
        (error: Error) => isOpen && warn(`TensorBoard gets no images: ${error.message}`),
      )
    }
    const histograms = new Histograms(run, options.histograms, from)
    return {
      record(event: TrainEvent) {
        if (event.type === 'step' || event.type === 'eval')
          log.append(eventFile.scalars({ step: event.step, time: secondsNow() }, numbersOf(event)))
        const due = histograms.due()
        if (due !== undefined) log.append(due)
      },
      sync: () => log.sync(),
      settle: () => log.settle(),
      close() {
        isOpen = false
        log.close()
      },
    }
  },
}

/** The lines of metrics.jsonl from a step on. It has been cut back to the checkpoint already. */
function linesFrom(runDir: string, from: number): MetricsLine[] {
  const path = join(runDir, RUN_FILES.metrics)
  return existsSync(path) ? readMetrics(path).filter((line) => line.step >= from) : []
}

/** A block of code in Markdown. */
const indented = (text: string): string => text.trimEnd().replace(/^/gm, '    ')
