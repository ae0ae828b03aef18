/** Shows the progress of a download on stderr. */
import type { DownloadProgress } from '../../files/download'
import { printable } from '../../text/foreign-text'
import * as format from './format'
import { cutTo } from './output'
import { writeLines } from './progress'

/** The progress of one file: a redrawn line on a terminal, otherwise a line for each tenth. */
export class DownloadLine {
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
