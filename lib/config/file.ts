/** Configurations from YAML files and from the command line, with the position of every mistake. */
import path from 'node:path'
import { MbconvError } from '../errors/error'
import { applyOverrides, inShell, type Override, prefixOf } from './overrides'
import { keyPath, MOST_PROBLEMS, type Problem, problemTexts, quoteIt } from './problems'
import { namedDefaults } from './schema'
import { overrideHint } from './shorthand'
import { checkConfig, type TrainConfig } from './train'
import { type Located, readYaml } from './yaml'

/** Where a configuration came from. */
export interface ConfigSource {
  /** Absolute path of the file. */
  file: string
  /** The file's name without folder and extension: what runs are called after. */
  stem: string
  /** Overrides as they were given. */
  overrides: string[]
}

type Path = Problem['path']

/** A kind of file: what it may say, and how it is spoken of. */
export interface FileKind<T> {
  /** An override as people write it: `--optimizer.lr=0.01`. What stands before the key is written in messages, too. */
  override: string
  /** See {@link applyOverrides}. */
  namedDefaults: ReadonlyMap<string, string>
  /** What the overrides apply to, where that is not the file itself. */
  select?: (value: unknown) => unknown
  /** Where the key of a problem with what was selected stands in the file. */
  origin?: (problem: Problem) => Path
  /** @param baseOf the folder that the path at a dotted key is relative to */
  check: (raw: unknown, baseOf: (key: string) => string) => { value: T } | { problems: Problem[] }
}

const TRAINING: FileKind<TrainConfig> = {
  override: '--optimizer.lr=0.01',
  namedDefaults,
  check: (raw, baseOf) => {
    const { config, problems } = checkConfig(raw, baseOf)
    return config ? { value: config } : { problems }
  },
}

/**
 * Reads and checks a training configuration.
 *
 * @param file a YAML file (JSON is YAML too); data paths in it are relative to its folder
 * @param overrides `--key=value` or `key=value` with dotted keys; the value is a YAML scalar or flow collection; data
 *   paths in them are relative to the working directory, as a shell completes them. A later one wins
 * @throws {MbconvError} ERR_CONFIG: the file cannot be read, is not YAML, or says something wrong. The message has a
 *   line `file:line:column key.path: what is wrong` for every mistake; those of overrides begin with the override
 */
export function parseConfigFile(
  file: string,
  overrides: readonly string[] = [],
): { config: TrainConfig; source: ConfigSource } {
  const config = checkFile(file, readYaml(file, 'configs/digits.yaml'), overrides, TRAINING)
  return { config, source: { file: path.resolve(file), stem: path.parse(file).name, overrides: [...overrides] } }
}

/**
 * What a file says, with overrides, checked.
 *
 * @throws {MbconvError} ERR_CONFIG with a line for every mistake
 */
export function checkFile<T>(file: string, document: Located, overrides: readonly string[], kind: FileKind<T>): T {
  const { select = (value) => value, origin = (problem) => problem.path, namedDefaults, override: example } = kind
  const { raw, applied, complaints } = applyOverrides(select(document.value), overrides, { namedDefaults, example })
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

/** Behind everything that stands in the file. */
const LAST = Number.POSITIVE_INFINITY

/** The override behind a problem that is not at its own key. */
function causeOnCommandLine({ kind, path: keys }: Problem, applied: Override[]): Override | undefined {
  // `--optimizer.name=adamw` makes a learning rate necessary; `--epochs.x=3` makes a mapping of a number.
  const above = kind === 'missing' ? keys.slice(0, -1) : keys
  if (above.length === 0) return undefined
  return applied.filter((override) => startsWith(override.path, above.map(String))).pop()
}

/** A problem and the place that a reader must go to. */
interface Placed {
  place: string
  /** The place is an override, which names a key itself. */
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
      // `--epochs` is the name of the key already.
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
