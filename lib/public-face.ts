/**
 * The package as its users have it: every function and class with the net of ./errors/coded behind it and the check of
 * ./errors/calls before it, at the boundary only.
 */
import { join } from 'node:path'
import { type Calls, callCheck } from './errors/calls'
import { coded, type Fn, guarded } from './errors/coded'
import { MbconvError } from './errors/error'
import { Tensor } from './tensor/core/tensor'

// biome-ignore lint/complexity/noBannedTypes: any class at all, those with private constructors included
type Class = Function & { prototype: object }

/** What every function takes, as scripts/setup/calls.mjs wrote it beside this file. */
function readCalls(): Calls {
  try {
    return require(join(__dirname, 'calls.json'))
  } catch (cause) {
    throw new MbconvError('ERR_ENVIRONMENT', 'calls.json is missing from the compiled package', {
      hint: 'In a checkout: node scripts/setup.mjs. Otherwise install mbconv again.',
      cause,
    })
  }
}

const CALLS = readCalls()

/** Symbols of JavaScript by value, as calls.json names them. */
const WELL_KNOWN = new Map(
  Object.getOwnPropertyNames(Symbol).map((name) => [
    (Symbol as unknown as Record<string, unknown>)[name],
    `Symbol.${name}`,
  ]),
)

/**
 * The name of a class, or of a prototype's class. Reads of `constructor` or `name` would tell V8 that the class is in use
 * before its methods are replaced, and every later call of a method would take 0.4 µs longer.
 */
function classNameOf(owner: object): string {
  const Class = typeof owner === 'function' ? owner : Object.getOwnPropertyDescriptor(owner, 'constructor')?.value
  return String(Object.getOwnPropertyDescriptor(Class ?? owner, 'name')?.value)
}

/** Guards every function among the own properties of a prototype or a class, in place. */
function guardMembers(owner: object, seen: Set<object>): void {
  if (seen.has(owner)) return
  seen.add(owner)
  const isStatic = typeof owner === 'function'
  const described = CALLS.classes[classNameOf(owner)]
  const calls = isStatic ? described?.statics : described?.members
  for (const key of Reflect.ownKeys(owner)) {
    const property = Object.getOwnPropertyDescriptor(owner, key)!
    if (key === 'constructor' || !property.configurable) continue
    const op = typeof key === 'string' ? key : (key.description ?? '').replace(/^.*\./, '')
    if (typeof property.value === 'function') {
      const name = typeof key === 'string' ? key : WELL_KNOWN.get(key)
      property.value = guarded(op, property.value, name === undefined ? undefined : calls?.[name])
    }
    if (property.get) property.get = guarded(op, property.get)
    if (property.set) property.set = guarded(op, property.set)
    Object.defineProperty(owner, key, property)
  }
}

/** Guards methods in place, up to the classes that nobody sees. */
function guardClass(Inner: Class, seen: Set<object>): void {
  guardMembers(Inner, seen)
  const builtIn = new Set<object>([Object.prototype, Error.prototype])
  for (let at = Inner.prototype as object; !builtIn.has(at); at = Object.getPrototypeOf(at)) guardMembers(at, seen)
}

/**
 * Guards methods, and gives a class whose constructor is guarded, too. Both are one and the same to `instanceof`,
 * `extends` and `constructor`. (Asking a proxy takes `instanceof` 0.15 µs longer, so Tensor, whose constructor takes
 * nothing, does without.)
 */
function guardedClass<C extends Class>(Inner: C, seen: Set<object>): C {
  guardClass(Inner, seen)
  const { unchecked, check } = callCheck(Inner.name, CALLS.classes[Inner.name]?.construct)
  const Outer = new Proxy(Inner, {
    construct(target, args, newTarget) {
      try {
        if (args.length > unchecked) check(args)
        return Reflect.construct(target, args, newTarget)
      } catch (error) {
        throw coded(Inner.name, error)
      }
    },
    // Without `new`: JavaScript's own refusal.
    apply() {
      throw new MbconvError('ERR_TYPE', `${Inner.name}: a class, to be called with new`, { op: Inner.name })
    },
  })
  Object.defineProperty(Inner.prototype, 'constructor', { value: Outer, writable: true, configurable: true })
  return Outer
}

const isClass = (value: unknown): value is Class =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
const isNamespace = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && (value as { __esModule?: unknown }).__esModule === true

/**
 * What a module exports, namespaces inside included, with the net behind every function and class.
 *
 * @param others classes that are not exported, but whose instances come out of functions
 */
export function faceOf<T extends object>(module: T, others: readonly Class[] = []): T {
  const seen = new Set<object>()
  const faces = new Map<unknown, unknown>()
  const faceOfValue = (key: string, value: unknown, path: string): unknown => {
    if (faces.has(value)) return faces.get(value)
    let face = value
    if (isNamespace(value)) face = faceOfSpace(value, `${path}.`)
    else if (value === Tensor) guardClass(Tensor, seen)
    else if (isClass(value)) face = guardedClass(value, seen)
    else if (typeof value === 'function') face = guarded(key, value as Fn, CALLS.functions[path])
    if (face !== value) faces.set(value, face)
    return face
  }
  const faceOfSpace = (space: object, prefix: string): object => {
    const face: Record<string, unknown> = {}
    Object.defineProperty(face, '__esModule', { value: true })
    // Plain properties, which users' tests can replace with mocks.
    for (const [key, value] of Object.entries(space)) face[key] = faceOfValue(key, value, prefix + key)
    return face
  }
  for (const Other of others) guardClass(Other, seen)
  return faceOfSpace(module, '') as T
}
