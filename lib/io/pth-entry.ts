/**
 * Chooses the dictionary of a file that holds the weights: the requested one, else the one that timm takes, else the
 * only one.
 */
import { listed } from '../errors/check'
import { quoted } from '../files/open'
import { type Reject, StoredTensor } from './stored-tensor'
import { asksFor, type PickleDict, Placeholder } from './unpickle'

/** Entries with averaged weights come first, as in timm's load_state_dict (use_ema=True), 1.0.29. */
const AVERAGED = ['state_dict_ema', 'model_ema']
const PLACES = ['state_dict', 'model', 'model_state_dict', 'module']

export interface FoundEntry {
  dict: ReadonlyMap<string, StoredTensor>
  /** The dictionary's name, dotted if nested; null if the file is the dictionary itself. */
  entry: string | null
  /** The rest of the requested name that no dictionary has: the tensors' names begin with it. */
  within: string
  /** Names of the other entries beside the dictionary. */
  left: string[]
}

const isDict = (value: unknown): value is PickleDict => value instanceof Map

const tensorsOf = (dict: PickleDict) =>
  [...dict].filter((pair): pair is [string, StoredTensor] => {
    return typeof pair[0] === 'string' && pair[1] instanceof StoredTensor
  })

/** Most values are tensors. Some files save a number or two beside them. */
const holdsTensors = (dict: PickleDict) => dict.size > 0 && 2 * tensorsOf(dict).length > dict.size

// Keys may have any type, even lists that contain themselves.
const textKeys = (dict: PickleDict) => [...dict.keys()].filter((key): key is string => typeof key === 'string')

const listedKeys = (keys: readonly string[]) => listed(keys, { most: 8, show: (key) => quoted(key, 40) })

export function findEntry(value: unknown, asked: string | undefined, reject: Reject): FoundEntry {
  if (value instanceof Placeholder) reject(asksFor(value))
  if (!isDict(value)) reject('it holds no dictionary of tensors')
  const top = value as PickleDict
  const found = asked === undefined ? chosen(top, reject) : named(top, asked, reject)
  const { dict, path, within } = found
  const outside = path.length === 0 ? [] : textKeys(top).filter((key) => key !== path[0])
  const inside = textKeys(dict).filter((key) => !(dict.get(key) instanceof StoredTensor))
  return {
    dict: new Map(tensorsOf(dict)),
    entry: path.length === 0 ? null : path.join('.'),
    within,
    left: [...outside, ...inside],
  }
}

interface Place {
  dict: PickleDict
  path: string[]
  within: string
}

function chosen(top: PickleDict, reject: Reject): Place {
  const at = (name: string): Place => ({ dict: top.get(name) as PickleDict, path: [name], within: '' })
  const averaged = AVERAGED.find((name) => top.get(name) != null)
  if (averaged !== undefined) {
    const value = top.get(averaged)
    if (isDict(value) && tensorsOf(value).length > 0) return at(averaged)
    // Do not silently take other weights in place of the averaged ones.
    const problem = value instanceof Placeholder ? asksFor(value) : `its ${averaged} is no dictionary of tensors`
    reject(
      problem,
      `Choose another: ${listedKeys(textKeys(top).filter((key) => isDict(top.get(key))))} (the option entry).`,
    )
  }
  const place = PLACES.find((name) => isDict(top.get(name)) && tensorsOf(top.get(name) as PickleDict).length > 0)
  if (place !== undefined) return at(place)
  if (holdsTensors(top)) return { dict: top, path: [], within: '' }
  const others = textKeys(top).filter((key) => isDict(top.get(key)) && holdsTensors(top.get(key) as PickleDict))
  if (others.length === 1) return at(others[0])
  if (others.length > 1) reject(`it has several state dicts: ${listedKeys(others)}`, 'Choose one (the option entry).')
  if (tensorsOf(top).length > 0) return { dict: top, path: [], within: '' }
  const unknown = PLACES.map((name) => top.get(name)).find((value) => value instanceof Placeholder)
  if (unknown !== undefined) reject(asksFor(unknown as Placeholder))
  return reject(`it has no state dict under ${PLACES.join(', ')}; its keys are ${listedKeys(textKeys(top))}`)
}

/** Follows a dotted name down through the dictionaries. */
function named(top: PickleDict, asked: string, reject: Reject): Place {
  let dict = top
  let rest = asked
  const path: string[] = []
  for (;;) {
    const whole = dict.has(rest) ? rest : undefined
    const step = whole ?? parents(rest).find((name) => isDict(dict.get(name)))
    if (step === undefined) break
    const value = dict.get(step)
    if (value instanceof Placeholder) reject(`${quoted(asked)}: ${asksFor(value)}`)
    if (value instanceof StoredTensor && value.problem !== undefined) reject(`${quoted(asked)} ${value.problem}`)
    if (!isDict(value)) reject(`${quoted(asked)} in it is no dictionary of tensors`)
    dict = value as PickleDict
    path.push(step)
    rest = rest.slice(step.length + 1)
    if (rest === '') break
  }
  const holds = rest === '' ? tensorsOf(dict).length > 0 : textKeys(dict).some((key) => key.startsWith(`${rest}.`))
  if (!holds) reject(`it has no state dict under ${quoted(asked)}; its keys are ${listedKeys(textKeys(dict))}`)
  return { dict, path, within: rest }
}

/** The parents `a` and `a.b` of `a.b.c`. The limit is far above the parts of a real name. */
function parents(name: string): string[] {
  const parts = name.split('.', 17)
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('.'))
}
