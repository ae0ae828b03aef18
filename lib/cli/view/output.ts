/**
 * The output channels of a command: results on stdout, everything for the person at the terminal on stderr.
 *
 * Output may contain names that other people chose, so the last step makes it printable. Colours are marks until then:
 * only a {@link Paint} can cause control characters on a terminal.
 */
import { MbconvError } from '../../errors/error'
import { jsonLine } from '../../files/json'
import { markOf, onTerminal, type Style } from '../../text/painted-text'
import { widthOf } from '../../text/width'
import type { GlobalOptions } from '../command-line/command'

type Environment = Record<string, string | undefined>
type Terminal = { isTTY?: boolean; columns?: number }

/**
 * Whether to colour output to `stream`. FORCE_COLOR decides if it is set (0 and false mean no), then NO_COLOR, then
 * whether the stream is a terminal with colours. See https://no-color.org and https://force-color.org.
 */
export function wantsColor(stream: Terminal, env: Environment = process.env): boolean {
  const forced = env.FORCE_COLOR
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false'
  if (env.NO_COLOR) return false
  return stream.isTTY === true && env.TERM !== 'dumb'
}

/** Whether the terminal can show more than ASCII, judged by the locale as other programs do. */
export function wantsUnicode(env: Environment = process.env): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG
  // Containers and services have no locale, but their logs are UTF-8.
  return locale ? !/^(C|POSIX)$/.test(locale) && (/utf-?8/i.test(locale) || !locale.includes('.')) : true
}

export type Paint = (style: Style, text: string) => string

/** Marks text for a colour, or leaves it unchanged. */
export function painter(colored: boolean): Paint {
  return (style, text) => (colored ? `${markOf(style)}${text}${markOf('none')}` : text)
}

export { onTerminal, type Style } from '../../text/painted-text'
export { type Column, table } from '../../text/table'
export { cutTo, padEnd, padStart, widthOf } from '../../text/width'

/** Breaks text between words into lines of limited width. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]
    if (last !== undefined && widthOf(`${last} ${word}`) <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** The two channels of one command. */
export class Output {
  readonly json: boolean
  readonly quiet: boolean
  /** Colours for stdout. */
  readonly paint: Paint
  /** Colours for stderr. */
  readonly paintNote: Paint
  readonly unicode = wantsUnicode()
  readonly colored: boolean
  readonly coloredNotes: boolean

  constructor({ json = false, quiet = false }: GlobalOptions = {}) {
    this.json = json
    this.quiet = quiet
    this.colored = wantsColor(process.stdout)
    this.paint = painter(this.colored)
    this.coloredNotes = wantsColor(process.stderr)
    this.paintNote = painter(this.coloredNotes)
  }

  /** Columns of the terminal on stdout; 80 if it is not a terminal. */
  get columns(): number {
    return process.stdout.columns || 80
  }

  /** A result for people. Silent with --json. */
  result(...lines: string[]): void {
    if (!this.json) process.stdout.write(written(lines, this.colored))
  }

  /** A result for machines, one line. Silent without --json. */
  data(value: unknown): void {
    if (this.json) process.stdout.write(jsonLine(value, { named: true }))
  }

  /** Information that is useful but not necessary. Silent with --quiet. */
  note(...lines: string[]): void {
    if (!this.quiet) process.stderr.write(written(lines, this.coloredNotes))
  }

  /** Information that the user must see. */
  warn(text: string): void {
    process.stderr.write(written(indented(`${this.paintNote('yellow', 'warning:')} ${text}`), this.coloredNotes))
  }

  /** Reports the error that ended the command. */
  error(error: unknown): void {
    const { code, message, op, hint } = describeError(error)
    if (this.json) {
      this.data({ error: { code, message, op: op ?? null, hint: hint ?? null } })
      if (process.env.MBCONV_DEBUG === '1') process.stderr.write(written(stackOf(error).split('\n'), this.coloredNotes))
      return
    }
    const paint = this.paintNote
    const lines = indented(`${paint('red', 'mbconv:')} ${message}`)
    if (hint) lines.push(...indented(`  ${paint('cyan', 'hint:')} ${hint}`))
    lines.push(`  ${paint('dim', `code: ${code}`)}`)
    if (process.env.MBCONV_DEBUG === '1') lines.push(...stackOf(error).split('\n'))
    process.stderr.write(written(lines, this.coloredNotes))
  }
}

/** Indents all lines of a text but the first, so that a line injected by a hostile name cannot imitate ours. */
export const indented = (text: string): string[] => text.replaceAll('\n', '\n        ').split('\n')

const written = (lines: readonly string[], colored: boolean): string =>
  lines.map((line) => `${onTerminal(line, colored)}\n`).join('')

function describeError(error: unknown): { code: string; message: string; op?: string; hint?: string } {
  if (error instanceof MbconvError) return error
  const message = error instanceof Error ? error.message : String(error)
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code === 'string') return { code, message }
  return {
    code: 'ERR_UNEXPECTED',
    message,
    hint: 'this is a mistake in mbconv; MBCONV_DEBUG=1 shows where it happened',
  }
}

/** The whole chain: an error, its causes, and the C++ stack if there is one. */
function stackOf(error: unknown): string {
  const parts: string[] = []
  for (let link: unknown = error; link !== undefined && parts.length < 8; link = (link as Error).cause) {
    if (!(link instanceof Error)) {
      parts.push(String(link))
      break
    }
    parts.push(link.stack ?? String(link))
    if (link instanceof MbconvError && link.nativeTrace) parts.push(link.nativeTrace)
  }
  return parts.join('\ncaused by: ')
}
