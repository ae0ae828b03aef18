/**
 * Lists of image files: CSV with a first line that names the columns (RFC 4180), or JSONL with an object on each line.
 *
 * `path,label` and, where wanted, `split` (train, val or test) and `group` (images of one group stay together when some
 * are held out).
 */
import type { CsvError } from 'csv-parse/sync'
import { listed } from '../../errors/check'
import { dataError, readWhole } from '../../files/data-file'
import { quoted } from '../../text/foreign-text'
import { nearest } from '../../text/nearest'
import { LONGEST_LINE, linesOf, textOfFile } from './lines'
import { PART_WORDS, type Part, partNamed } from './parts'

/** The names of the columns, or keys. */
export interface ListColumns {
  path: string
  label: string
  /** Null: `split`, if there is such a column. */
  split: string | null
  /** Null: `group`, if there is such a column. */
  group: string | null
}

export interface ListOptions {
  columns: ListColumns
  /** Whether `label` has any number of classes: `cat|dog` in CSV, a list in JSONL. */
  multiLabel: boolean
}

export interface ListRow {
  /** Counted from 1. */
  line: number
  path: string
  labels: string[]
  part?: Part
  group?: string
}

/** A row as the file has it. */
interface RawRow {
  path: unknown
  label: unknown
  split: unknown
  group: unknown
}

const HINT = 'A list is CSV with the columns path and label, or JSONL: {"path": "a.jpg", "label": "cat"} on each line.'

/**
 * Reads a list. Its format follows from its first character.
 *
 * @param add receives each row
 * @throws MbconvError ERR_DATA naming the file and the line
 */
export function readList(file: string, options: ListOptions, add: (row: ListRow) => void): void {
  const content = readWhole(file)
  const rows = rowReader(file, options, add)
  if (/^\s*\{/.test(textOfStart(content))) readJsonLines(file, content, options.columns, rows)
  else readCsv(file, content, options, rows)
}

/** The first characters of a text in any encoding: only whether it begins with a brace matters. */
const textOfStart = (content: Buffer): string =>
  content
    .subarray(0, 256)
    .toString('latin1')
    .replaceAll('\0', '')
    .replace(/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '')

type AddRaw = (row: RawRow, line: number) => void

function rowReader(file: string, { multiLabel }: ListOptions, add: (row: ListRow) => void): AddRaw {
  return (raw, line) => {
    const refuse = (problem: string, hint = HINT) => dataError(file, `line ${line}: ${problem}`, hint)
    const { path } = raw
    if (typeof path !== 'string' || path === '') throw refuse('has no path')
    // A lone half of a character cannot be in a file's name, nor can a zero byte.
    if (/[\0\p{Cs}]/u.test(path)) throw refuse(`${quoted(path)} is no path`)
    const labels = labelsOf(raw.label, multiLabel, refuse)
    const row: ListRow = { line, path, labels }
    if (raw.split !== undefined) {
      row.part = typeof raw.split === 'string' ? partNamed(raw.split.trim()) : undefined
      if (row.part === undefined) throw refuse(`split must be ${listed(PART_WORDS, { most: 9 })}`, HINT)
    }
    const { group } = raw
    if (typeof group === 'string' || typeof group === 'number') row.group = String(group)
    else if (group !== undefined && group !== null) throw refuse('group must be text')
    add(row)
  }
}

function labelsOf(value: unknown, multiLabel: boolean, refuse: (problem: string, hint?: string) => Error): string[] {
  const values = Array.isArray(value) ? value : [value]
  const labels = values.map((each) => {
    if (typeof each === 'string' && each.trim() !== '') return each.trim()
    if (Number.isSafeInteger(each) && each >= 0) return String(each)
    throw refuse(each === undefined || each === '' ? 'has no label' : 'label must be text or a whole number')
  })
  if (multiLabel) return [...new Set(labels)]
  if (labels.length === 1) return labels
  throw refuse(`has ${labels.length} labels`, 'data.list.multiLabel: true allows several.')
}

function readCsv(file: string, content: Buffer, { columns, multiLabel }: ListOptions, add: AddRaw): void {
  const text = textOfFile(file, content)
  // Loaded here, because a configuration that names no list loads this file too.
  const csv = require('csv-parse/sync') as typeof import('csv-parse/sync')
  let places: Record<keyof RawRow, number> | undefined
  try {
    csv.parse(text, {
      delimiter: delimiterOf(text),
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      max_record_size: LONGEST_LINE,
      on_record(record: string[], { lines }) {
        if (places === undefined) places = placesOf(file, record, columns)
        else {
          const at = (place: number) => (place < 0 ? undefined : record[place])
          const { path, label, split, group } = places
          const text = record[label].trim()
          const labels = multiLabel ? text.split('|').flatMap((each) => each.trim() || []) : text
          add({ path: at(path), label: labels, split: at(split), group: at(group) || undefined }, lines)
        }
        return null
      },
    })
  } catch (error) {
    throw error instanceof csv.CsvError ? csvError(file, error) : error
  }
  if (places === undefined) throw dataError(file, 'is empty', HINT)
}

/** The separator of the first line: that of comma, semicolon and tab which it has most of. */
function delimiterOf(text: string): string {
  const first = /^[^\r\n]*/.exec(text.slice(0, LONGEST_LINE))![0]
  const count = (separator: string) => first.split(separator).length
  return [',', ';', '\t'].reduce((best, each) => (count(each) > count(best) ? each : best))
}

const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quoted field does not end',
  CSV_INVALID_CLOSING_QUOTE: 'a quoted field goes on behind its closing quote',
  INVALID_OPENING_QUOTE: 'a quote is inside a field that does not begin with one',
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'has another number of fields than the first line',
  CSV_MAX_RECORD_SIZE: `is longer than ${LONGEST_LINE} characters`,
}

function csvError(file: string, error: CsvError) {
  const { lines } = error as { lines?: number }
  const where = lines === undefined ? '' : `line ${lines}: `
  return dataError(file, where + (PROBLEMS[error.code] ?? 'is no CSV'), HINT, error)
}

/** The positions of the columns; -1 for a column that is not there. */
function placesOf(file: string, names: readonly string[], columns: ListColumns): Record<keyof RawRow, number> {
  const known = names.map((name) => name.trim().toLowerCase())
  const place = (name: string, needed: boolean) => {
    const found = known.indexOf(name.toLowerCase())
    if (found >= 0 && known.indexOf(name.toLowerCase(), found + 1) >= 0)
      throw dataError(file, `has two columns called ${quoted(name)}`, HINT)
    if (found >= 0 || !needed) return found
    const near = nearest(name, [...names])
    const problem = `has no column ${quoted(name)}; its first line has ${listed(names, { show: (each) => quoted(each, 40) })}`
    throw dataError(file, problem, near ? `data.list.columns.${keyOf(columns, name)} may be ${quoted(near)}.` : HINT)
  }
  return {
    path: place(columns.path, true),
    label: place(columns.label, true),
    split: place(columns.split ?? 'split', columns.split !== null),
    group: place(columns.group ?? 'group', columns.group !== null),
  }
}

const keyOf = (columns: ListColumns, name: string): string =>
  Object.entries(columns).find(([, column]) => column === name)?.[0] ?? 'path'

function readJsonLines(file: string, content: Buffer, columns: ListColumns, add: AddRaw): void {
  for (const { text, line } of linesOf(file, content)) {
    if (text.trim() === '') continue
    let row: unknown
    try {
      row = JSON.parse(text)
    } catch (cause) {
      throw dataError(file, `line ${line} is not JSON`, HINT, cause)
    }
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw dataError(file, `line ${line} is no JSON object`, HINT)
    const at = (key: string) => (Object.hasOwn(row, key) ? (row as Record<string, unknown>)[key] : undefined)
    const split = at(columns.split ?? 'split')
    if (split === undefined && columns.split !== null)
      throw dataError(file, `line ${line} has no ${quoted(columns.split)}`, HINT)
    add({ path: at(columns.path), label: at(columns.label), split, group: at(columns.group ?? 'group') }, line)
  }
}
