/** `mbconv pull`: fetches published weights into the folder of weights; `--list` shows which there are. */

import path from 'node:path'
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { DownloadProgress } from '../../files/download'
import { publishedWeights, publishedWeightsNamed, weightsFolder } from '../../models/weights/published'
import { type Pulled, pull as pullOne } from '../../models/weights/pull'
import { exitOfInterruption, onSignals } from '../../process/signals'
import { printable } from '../../text/foreign-text'
import { shortPath } from '../input/runs'
import * as format from '../view/format'
import { cutTo, type GlobalOptions, Output, table } from '../view/output'
import { writeLines } from '../view/progress'

export interface PullOptions extends GlobalOptions {
  list?: boolean
}

export async function pull(names: string[], options: PullOptions): Promise<number> {
  const output = new Output(options)
  if (options.list) return showList(output)
  if (names.length === 0) {
    throw new MbconvError('ERR_USAGE', 'no weights are named', { hint: 'mbconv pull --list shows which there are' })
  }
  const controller = new AbortController()
  let status: number = EXIT.failure
  const stop = (signal: NodeJS.Signals) => {
    status = exitOfInterruption(signal)
    if (controller.signal.aborted) process.exit(status)
    controller.abort()
  }
  const restore = onSignals(stop)
  try {
    for (const name of names) {
      known(name)
      const line = new ProgressLine(name, process.stderr, output.quiet || output.json)
      const pulled = await pullOne(name, {
        signal: controller.signal,
        onProgress: (progress) => line.show(progress),
        onNote: (text) => line.note(text),
      }).finally(() => line.end())
      output.data(pulled)
      output.result(described(pulled))
    }
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof MbconvError) || error.code !== 'ERR_ABORTED') throw error
    output.note(`stopped; the same command goes on where it was: mbconv pull ${names.join(' ')}`)
    return status
  } finally {
    restore()
  }
}

/** A wrong name is a wrong call of the command. */
function known(name: string): void {
  try {
    publishedWeightsNamed(name)
  } catch (error) {
    const { message, hint } = error as MbconvError
    throw new MbconvError('ERR_USAGE', message.replace(/^\w+: /, ''), { hint, cause: error })
  }
}

const SOURCES = {
  server: 'SHA-256 not pinned, as the server says',
  name: "SHA-256 as pinned in the file's name",
  record: 'SHA-256 as when it was fetched',
} as const

function described({ name, path: file, bytes, verifiedBy, wasThere }: Pulled): string {
  const proof = verifiedBy === null ? 'SHA-256 not pinned' : SOURCES[verifiedBy]
  return `${name}: ${shortPath(file)} (${(bytes / 1e6).toFixed(1)} MB, ${proof}${wasThere ? ', was there' : ''})`
}

function showList(output: Output): number {
  const all = publishedWeights()
  output.data(all)
  const columns = [
    { title: 'weights' },
    { title: 'model' },
    { title: 'profile' },
    ...['classes', 'px', 'crop'].map((title) => ({ title, right: true })),
    { title: 'interpolation' },
    { title: 'mean' },
    { title: 'fit' },
    { title: 'license' },
  ]
  const rows = all.map(({ name, arch, profile, numClasses, preprocessing, license }) => [
    name,
    arch,
    profile,
    format.whole(numClasses),
    String(preprocessing.resolution),
    String(preprocessing.cropShare),
    preprocessing.interpolation,
    preprocessing.mean.join(', '),
    preprocessing.fit,
    license,
  ])
  output.result(...table(columns, rows, output.paint))
  output.note(`they are kept in ${shortPath(path.resolve(weightsFolder()))}`)
  return EXIT.ok
}

/** How far a file is: one line drawn again on a terminal, elsewhere a line for each tenth. */
class ProgressLine {
  readonly #name: string
  readonly #stream: NodeJS.WriteStream
  readonly #quiet: boolean
  readonly #began = performance.now()
  #drawn = 0
  #tenth = -1
  #first: number | undefined

  constructor(name: string, stream: NodeJS.WriteStream, quiet: boolean) {
    this.#name = name
    this.#stream = stream
    this.#quiet = quiet
  }

  show({ bytes, total }: DownloadProgress): void {
    if (this.#quiet) return
    this.#first ??= bytes
    const share = total ? bytes / total : 0
    const seconds = Math.max(performance.now() - this.#began, 1) / 1000
    const rate = (bytes - this.#first) / seconds
    const left = total && rate > 0 ? `, ${format.clock((total - bytes) / rate)} left` : ''
    const of = total ? ` of ${(total / 1e6).toFixed(1)} MB (${Math.floor(100 * share)} %)` : ' MB'
    const text = `${this.#name}: ${(bytes / 1e6).toFixed(1)}${of}, ${(rate / 1e6).toFixed(1)} MB/s${left}`
    if (!this.#stream.isTTY) {
      const tenth = Math.floor(10 * share)
      if (tenth === this.#tenth) return
      this.#tenth = tenth
      writeLines(this.#stream, [text])
      return
    }
    const now = performance.now()
    if (now - this.#drawn < 100 && bytes !== total) return
    this.#drawn = now
    this.#stream.write(`\r\u001b[K${cutTo(printable(text), (this.#stream.columns || 80) - 1)}`)
  }

  note(text: string): void {
    this.end()
    if (!this.#quiet) writeLines(this.#stream, [text])
  }

  end(): void {
    if (this.#drawn > 0) this.#stream.write('\r\u001b[K')
    this.#drawn = 0
  }
}
