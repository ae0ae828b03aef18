/** Sets single keys of a configuration from the command line: `--optimizer.lr=0.01`. */
import { isCollection } from 'yaml'
import { MbconvError } from '../errors/error'
import { isMapping } from '../schema/values'
import { printable } from '../text/foreign-text'
import type { Problem } from './problems'
import { readDocument, scalarAt } from './yaml'

/**
 * A configuration has about sixty keys. More overrides than this are an accident, and each one copies part of the data.
 */
const MOST_OVERRIDES = 1000

/** One parsed override. */
export interface Override {
  path: string[]
  value: unknown
  /** The original text of the number or boolean at a path inside the value. */
  written(inside: Problem['path']): string | undefined
  /** The value with that text in quotes. */
  quoted(inside: Problem['path']): string | undefined
}

/**
 * The `name` of a mapping that a configuration omits; undefined for keys without one.
 *
 * @param key dotted
 * @param root the configuration
 */
export type DefaultName = (key: string, root: unknown) => string | undefined

/** An override that cannot be parsed. */
export interface BadOverride {
  name: string
  problem: Problem
}

/**
 * Returns a configuration with single keys changed.
 *
 * @param overrides `--key=value` or `key=value` with dotted keys; the value is a YAML scalar or flow collection. The
 *   last one wins
 * @param defaultName the default `name` of a mapping that the configuration omits, so that an override may change
 *   another key of it; see {@link DefaultName}
 * @param example an example of an override, for hints
 */
export function applyOverrides(
  value: unknown,
  overrides: readonly string[],
  { defaultName, example }: { defaultName: DefaultName; example: string },
): { raw: unknown; applied: Override[]; complaints: BadOverride[] } {
  if (overrides.length > MOST_OVERRIDES) {
    const message = `${overrides.length} keys are set one by one; ${MOST_OVERRIDES} are the most`
    throw new MbconvError('ERR_CONFIG', message, { hint: 'write them into a file' })
  }
  let raw = value
  const applied: Override[] = []
  const complaints: BadOverride[] = []
  for (const text of overrides) {
    const override = parseOverride(text, example)
    if ('problem' in override) {
      complaints.push(override)
      continue
    }
    applied.push(override)
  }
  // A recipe decides what other keys refer to, wherever it stands on the command line.
  const first = applied.filter(({ path }) => path.at(-1) === 'recipe')
  for (const { path, value } of [...first, ...applied.filter((override) => !first.includes(override))])
    raw = withValue(raw, path, value, { root: raw, defaultName })
  return { raw, applied, complaints }
}

/** `key=value` as an override for a shell, which would otherwise interpret the quotes. */
export function inShell(example: string, setting: string): string {
  const prefix = prefixOf(example)
  const [apart, joined] = prefix.endsWith(' ') ? [prefix, setting] : ['', prefix + setting]
  return `${apart}'${joined.replaceAll("'", "'\\''")}'`
}

/** The prefix before the key of an override: `--`, or `--set `. */
export const prefixOf = (example: string): string => example.slice(0, example.search(/[^\s-]+$/))

function parseOverride(text: string, example: string): Override | BadOverride {
  const [, name, source] = /^(?:--)?([^=]*)=([\s\S]*)$/.exec(text) ?? [undefined, text.replace(/^--/, ''), undefined]
  const complain = (message: string, hint?: string) => ({
    name,
    problem: { path: [], kind: 'value' as const, message, hint },
  })
  if (source === undefined) return complain('has no value', `write ${prefixOf(example)}${printable(name)}=VALUE`)
  const keys = name.split('.')
  // No key is deeper than three levels; thousands of levels are an accident.
  if (keys.length > 8 || keys.some((key) => key === '')) return complain('is not a dotted key', `write ${example}, say`)
  try {
    const { document, value, faults } = readDocument(source)
    if (faults.length > 0)
      return complain(
        `cannot be read as YAML: ${faults[0].message.replace(/^is not YAML: /, '')}`,
        `quote text with special characters: ${inShell(example, `${printable(name)}="…"`)}`,
      )
    if (isCollection(document.contents) && !document.contents.flow)
      return complain(
        'must be a single value, a [list] or a {mapping: …}',
        `quote text that has ": " or "- " in it: ${inShell(example, `${printable(name)}="…"`)}`,
      )
    const at = (inside: Problem['path']) => scalarAt(document, inside)
    return {
      path: keys,
      value: value(),
      written: (inside) => at(inside)?.source,
      quoted: (inside) => {
        const { source: plain, range } = at(inside) ?? {}
        return range ? `${source.slice(0, range[0])}"${plain}"${source.slice(range[1])}` : undefined
      },
    }
  } catch {
    return complain('cannot be read as YAML')
  }
}

/** A copy of `target` with one value changed. YAML aliases may share a mapping, so nothing is changed in place. */
function withValue(
  target: unknown,
  [key, ...rest]: string[],
  value: unknown,
  defaults: { root: unknown; defaultName: DefaultName },
  above = '',
): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  const put = (name: string, what: unknown) =>
    // Assigning to __proto__ would set the prototype; a defined property is an unknown key like any other.
    Object.defineProperty(copy, name, { value: what, enumerable: true, configurable: true, writable: true })
  if (isMapping(target)) for (const name of Object.keys(target)) put(name, target[name])
  const known = Object.hasOwn(copy, key) ? copy[key] : undefined
  const fallback = defaults.defaultName(above + key, defaults.root)
  const start = known === undefined && fallback ? { name: fallback } : known
  put(key, rest.length === 0 ? value : withValue(start, rest, value, defaults, `${above}${key}.`))
  return copy
}
