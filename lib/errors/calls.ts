/**
 * Refuses calls that JavaScript would accept: with more arguments than a function takes, with options that are not an
 * object, or with a key that the options do not have. Without this check each of them is ignored silently.
 *
 * scripts/setup/calls.mjs reads what a function takes from its TypeScript declaration, and writes it to
 * dist/calls.json. Only the public functions and methods are checked, in ../public-face.
 */
import { shown, unknownKey } from './check'
import { MbconvError } from './error'

/** The kinds of values other than plain objects. */
type Kind = 'array' | 'bigint' | 'boolean' | 'function' | 'instance' | 'number' | 'string'

/** What a value may be: options with known keys, a list of them, or something else. */
export interface Shape {
  /** The known keys. 0 stands for a value that is not described further. */
  keys?: Record<string, Shape | 0>
  /** The elements of a list. */
  each?: Shape
  /** Other values that are allowed: names of kinds, or of classes, which begin with a capital. */
  besides?: string[]
}

/** One signature of a function. */
export interface Form {
  /** The number of arguments; undefined with a rest parameter. */
  most?: number
  /** Names of the parameters. A rest parameter begins with three dots. */
  names: string[]
  /** The parameters that are options, by position. */
  options?: Record<string, Shape>
}

/** The content of dist/calls.json. A class is described without its base class. */
export interface Calls {
  functions: Record<string, Form[]>
  classes: Record<string, { construct: Form[]; members: Record<string, Form[]>; statics: Record<string, Form[]> }>
}

/** Throws ERR_TYPE for arguments that fit none of a function's signatures. */
export type CheckCall = (args: readonly unknown[]) => void

interface Misfit {
  message: string
  hint: string
  /** How far the arguments fit: the position of the first that does not, and a half more if only a key is wrong. */
  fits: number
}

/** `sum(dim, { keepdim, dtype })` */
function callText(op: string, { names, options = {} }: Form): string {
  const parameters = names.map((name, position) => {
    const keys = Object.keys(options[position]?.keys ?? {})
    const isPlain = options[position]?.besides === undefined && !name.startsWith('...')
    return isPlain && keys.length > 0 && keys.length <= 8 ? `{ ${keys.join(', ')} }` : name
  })
  return `${op}(${parameters.join(', ')})`
}

function kindOf(value: unknown): Kind | 'object' {
  if (Array.isArray(value)) return 'array'
  if (typeof value !== 'object' || value === null) return typeof value as Kind
  const prototype = Object.getPrototypeOf(value)
  // Other realms (of vm, of test runners) have an Object of their own.
  return prototype === null || Object.getPrototypeOf(prototype) === null ? 'object' : 'instance'
}

/** A kind or a class, with its article. */
const KINDS: Record<string, string> = { array: 'an array', bigint: 'a BigInt', boolean: 'true or false' }
const kindText = (kind: string): string => KINDS[kind] ?? `a ${kind}`

const allows = (besides: readonly string[], kind: Kind | 'object'): boolean =>
  kind === 'instance' ? besides.some((each) => /^[A-Z]/.test(each)) : besides.includes(kind)

/** Whether a value can be options: a plain object, or an instance that has one of the keys itself. */
function isOptions(value: object, kind: Kind | 'object', keys: object): boolean {
  if (kind === 'object') return true
  return kind === 'instance' && Object.keys(value).some((key) => Object.hasOwn(keys, key))
}

/** Any value, in a form for error messages, an instance with the name of its class. */
function named(value: unknown): string {
  const name = kindOf(value) === 'instance' ? (value as object).constructor?.name : undefined
  return typeof name === 'string' && name !== '' ? `a ${name}` : shown(value)
}

/**
 * What is wrong with a value in place of options.
 *
 * @param call how to call the function; undefined inside options and lists, where another kind of value is left to the
 *   function itself
 */
function misfitOf(value: unknown, shape: Shape, name: string, call?: () => string): Omit<Misfit, 'fits'> | undefined {
  if (value === undefined || value === null) return undefined
  const kind = kindOf(value)
  if (kind === 'array' && shape.each !== undefined) {
    for (const element of value as unknown[]) {
      const misfit = misfitOf(element, shape.each, name)
      if (misfit !== undefined) return misfit
    }
    return undefined
  }
  const besides = shape.besides ?? []
  if (kind !== 'object' && allows(besides, kind)) return undefined
  if (shape.keys === undefined || !isOptions(value, kind, shape.keys)) {
    if (call === undefined) return undefined
    const object = shape.keys === undefined ? [] : ['an object']
    const list = shape.each === undefined ? [] : ['a list']
    const wanted = [...object, ...list, ...besides.map(kindText)].join(' or ')
    return { message: `${name} must be ${wanted}, got ${named(value)}`, hint: `Call ${call()}.` }
  }
  const { keys } = shape
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(keys, key)) return unknownKey(key, Object.keys(keys))
    const inside = keys[key]
    const misfit = inside === 0 ? undefined : misfitOf((value as Record<string, unknown>)[key], inside, key)
    if (misfit !== undefined) return misfit
  }
  return undefined
}

/** The keys of options, and whether there may be options inside. */
type Keys = Map<string, boolean>

function keysOf(shape: Shape | undefined): Keys | undefined {
  if (shape?.keys === undefined) return undefined
  return new Map(Object.entries(shape.keys).map(([key, inside]) => [key, inside !== 0]))
}

/**
 * Whether a value is a plain object that has known keys only, with nothing inside that has to be looked at. That is so
 * in nearly every call, and this takes 0.1 µs.
 */
function isPlainFit(value: unknown, keys: Keys): boolean {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
  for (const key in value) {
    if (keys.get(key) !== false) return false
  }
  return true
}

/** Whether the arguments are those that map() or forEach() give: an element, its index and the list. */
const isMapped = (args: readonly unknown[]): boolean =>
  args.length === 3 && Array.isArray(args[2]) && args[2][args[1] as number] === args[0]

function misfit(op: string, form: Form, args: readonly unknown[]): Misfit | undefined {
  const { most = Number.POSITIVE_INFINITY, options = {}, names } = form
  const call = () => callText(op, form)
  for (let position = 0; position < args.length; position++) {
    const value = args[position]
    if (value === undefined) continue
    if (position >= most) {
      // A function of one argument is also what map() and forEach() want.
      if (most === 1 && isMapped(args)) return undefined
      const count = most === 0 ? 'no argument' : most === 1 ? 'one argument' : `${most} arguments`
      // Another signature may have the argument, and say what is wrong with it.
      return { message: `takes ${count}, got ${args.length}`, hint: `Call ${call()}.`, fits: position - 0.5 }
    }
    const place = Math.min(position, names.length - 1) // a rest parameter is the last one
    const shape = options[place]
    if (shape === undefined) continue
    const found = misfitOf(value, shape, names[place].replace('...', ''), call)
    if (found !== undefined) return { ...found, fits: position + (found.message.startsWith('unknown') ? 0.5 : 0) }
  }
  return undefined
}

/**
 * The check of a function's arguments, and the number of arguments up to which nothing has to be checked.
 *
 * @param op the function's name in errors
 * @param forms its signatures; without any, nothing is checked
 */
export function callCheck(op: string, forms: readonly Form[] | undefined): { unchecked: number; check: CheckCall } {
  if (forms === undefined || forms.length === 0) return { unchecked: Number.POSITIVE_INFINITY, check: () => {} }
  const unchecked = Math.min(
    ...forms.flatMap(({ most = Number.POSITIVE_INFINITY, options = {} }) => [
      most,
      ...Object.keys(options).map(Number),
    ]),
  )
  // One signature whose options are the last argument is checked without looking for the reason.
  const [{ most, options = {} }] = forms
  const last = forms.length === 1 && most !== undefined ? keysOf(options[most - 1]) : undefined
  const isQuick = last !== undefined && unchecked === (most as number) - 1
  const check: CheckCall = (args) => {
    if (isQuick && args.length === most && isPlainFit(args[unchecked], last)) return
    explain(args)
  }
  const explain: CheckCall = (args) => {
    let furthest: Misfit | undefined
    for (const form of forms) {
      const found = misfit(op, form, args)
      if (found === undefined) return
      if (furthest === undefined || found.fits > furthest.fits) furthest = found
    }
    if (furthest === undefined) return
    const { message, hint } = furthest
    throw new MbconvError('ERR_TYPE', `${op}: ${message}`, { op, hint })
  }
  return { unchecked, check }
}
