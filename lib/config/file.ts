/** Reads configurations from YAML files and the command line, and reports the position of every mistake. */
import path from 'node:path'
import { MbconvError } from '../errors/error'
import { applyOverrides, type DefaultName, inShell, type Override, prefixOf } from './overrides'
import { keyPath, MOST_PROBLEMS, type Problem, problemTexts, quoteIt } from './problems'
import { shippedFile } from './shipped'
import { overrideHint } from './shorthand'
import { checkConfig, defaultName, type TrainConfig } from './train'
import { type Located, readYaml } from './yaml'

/** The origin of a configuration. */
export interface ConfigSource {
  /** Absolute path of the file. */
  file: string
  /** The file's name without folder and extension; runs are named after it. */
  stem: string
  /** The overrides, as given. */
  overrides: string[]
}

type Path = Problem['path']

/** A kind of file: its schema, and how messages refer to it. */
export interface FileKind<T> {
  /** An example of an override: `--optimizer.lr=0.01`. Messages use the same prefix before the key. */
  override: string
  /** See {@link applyOverrides}. */
  defaultName: DefaultName
  /** Selects what the overrides apply to, if that is not the file itself. */
  select?: (value: unknown) => unknown
  /** Translates a problem in the selected part to the path of its key in the file. */
  origin?: (problem: Problem) => Path
  /** @param baseOf the folder that the path at a dotted key is relative to */
  check: (raw: unknown, baseOf: (key: string) => string) => { value: T } | { problems: Problem[] }
}

const TRAINING: FileKind<TrainConfig> = {
  override: '--optimizer.lr=0.01',
  defaultName,
  check: (raw, baseOf) => {
    const { config, problems } = checkConfig(raw, baseOf)
    return config ? { value: config } : { problems }
  },
}

/** A configuration, and the file that it came from. */
export interface FileConfig {
  /** The configuration, with every default filled in. */
  config: TrainConfig
  /** Where it came from, as `train` stores it with the run. */
  source: ConfigSource
}

/**
 * Reads and checks a training configuration.
 *
 * @param given a YAML file (JSON is YAML too), or the name of one in the package's configs; data paths in it are relative
 *   to its folder
 * @param overrides `--key=value` or `key=value` with dotted keys; the value is a YAML scalar or flow collection; data
 *   paths in them are relative to the working directory, so that a shell can complete them. The last one wins
 * @throws {MbconvError} ERR_CONFIG if the file cannot be read, is not YAML, or contains mistakes. The message has a
 *   line `file:line:column key.path: what is wrong` for every mistake; for overrides the line begins with the override
 */
export function parseConfigFile(given: string, overrides: readonly string[] = []): FileConfig {
  const file = shippedFile(given, 'configs')
  const config = checkFile(file, readYaml(file, 'configs'), overrides, TRAINING)
  return { config, source: { file: path.resolve(file), stem: path.parse(file).name, overrides: [...overrides] } }
}

/**
 * Applies overrides to a configuration that was made, not written, and checks the result.
 *
 * @param name of what it was made from, in messages
 * @throws MbconvError ERR_CONFIG with a line for every mistake
 */
export function parseConfigObject(name: string, value: unknown, overrides: readonly string[]): TrainConfig {
  const locate = () => ({ line: 1, column: 1, offset: 0 })
  return checkFile(name, { value, locate, written: () => undefined }, overrides, TRAINING)
}

/**
 * Reads a file, applies overrides and checks the result.
 *
 * @throws {MbconvError} ERR_CONFIG with a line for every mistake
 */
export function checkFile<T>(file: string, document: Located, overrides: readonly string[], kind: FileKind<T>): T {
  const { select = (value) => value, origin = (problem) => problem.path, defaultName, override: example } = kind
  const { raw, applied, complaints } = applyOverrides(select(document.value), overrides, { defaultName, example })
  const prefix = prefixOf(example)
  const nameOf = (keys: Path) => prefix + keyPath(keys)
  const setting = (key: string, value: string) =>
    /^[\w./+-]+$/.test(value) ? `${prefix}${key}=${value}` : inShell(example, `${key}=${value}`)
  const hintOf = ({ path, shorthand, hint }: Problem, inside: Path) =>
    shorthand && inside.length === 0 ? overrideHint(keyPath(path), shorthand, setting) : hint
  const onCommandLine = (keys: Path) => applied.filter((override) => startsWith(keys, override.path)).pop()
  const fileFolder = path.dirname(path.resolve(file))
  const checked = kind.check(raw, (key) => (onCommandLine(key.split('.')) ? process.cwd() : fileFolder))
  if ('value' in checked && complaints.length === 0) return checked.value

  const problems = 'problems' in checked ? checked.problems : []
  const placed = problems.slice(0, MOST_PROBLEMS).map((problem): Placed => {
    const override = onCommandLine(problem.path) ?? causeOnCommandLine(problem, applied)
    if (override) {
      const inside = problem.path.slice(override.path.length)
      const quoted = problem.quote ? override.quoted(inside) : undefined
      const hint = problem.meant ? `did you mean ${prefix}${problem.meant}?` : hintOf(problem, inside)
      const there = {
        ...problem,
        written: override.written(inside),
        hint: quoted ? quoteIt(inShell(example, `${override.path.join('.')}=${quoted}`)) : hint,
      }
      return { place: nameOf(override.path), named: true, problem: there, order: LAST }
    }
    const path = origin(problem)
    const written = document.written(path)
    const hint = problem.quote && written ? quoteIt(`"${written}"`) : problem.hint
    const there = { ...problem, path, written, hint }
    const { line, column, offset } = document.locate(there)
    return { place: `${file}:${line}:${column}`, named: false, problem: there, order: offset }
  })
  placed.sort((a, b) => a.order - b.order)
  const unread = complaints.map(({ name, problem }) => ({ place: nameOf([name]), named: true, problem, order: LAST }))
  throw report([...placed, ...unread], problems.length + unread.length, nameOf)
}

/** Sorts after everything in the file. */
const LAST = Number.POSITIVE_INFINITY

/** The override that caused a problem at another key. */
function causeOnCommandLine({ kind, path: keys }: Problem, applied: Override[]): Override | undefined {
  // `--optimizer.name=adamw` makes a learning rate necessary; `--epochs.x=3` replaces a number with a mapping.
  const above = kind === 'missing' ? keys.slice(0, -1) : keys
  if (above.length === 0) return undefined
  return applied.filter((override) => startsWith(override.path, above.map(String))).pop()
}

/** A problem and the place where the reader should look. */
interface Placed {
  place: string
  /** Whether the place is an override, which already names a key. */
  named: boolean
  problem: Problem
  /** Offset in the file, for reading order; overrides come last. */
  order: number
}

function report(placed: Placed[], all: number, nameOf: (keys: Path) => string): MbconvError {
  const places = new Map(placed.map((each) => [each.problem, each]))
  const lines = problemTexts(
    placed.map(({ problem }) => problem),
    (problem) => {
      const { place, named } = places.get(problem) as Placed
      // `--epochs` already is the name of the key.
      if (named && (problem.path.length === 0 || place === nameOf(problem.path))) return place
      return `${place} ${keyPath(problem.path)}`
    },
    all,
  )
  return new MbconvError('ERR_CONFIG', lines.join('\n'), {
    hint: placed.length === 1 ? placed[0].problem.hint : undefined,
  })
}

const startsWith = (keys: Path, prefix: string[]) =>
  prefix.length <= keys.length && prefix.every((key, i) => key === String(keys[i]))
