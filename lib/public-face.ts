/**
 * The net behind the checks: no error without a code leaves the package.
 *
 * A function that is given what nobody thought of fails somewhere inside, with a TypeError of JavaScript's or an error
 * of Node's. {@link faceOf} wraps what is exported, once and at the boundary only, so that it comes out as a
 * {@link MbconvError} with the first error as its cause. What a caller's own function, getter or iterator threw comes out
 * as it is: it began in the caller's code, and the stack says so.
 */
import { types } from 'node:util'
import { type ErrorCode, MbconvError } from './errors'
import { isDependencyPlace, isOwnPlace, placesOf } from './stack'
import { Tensor } from './tensor/tensor'

// biome-ignore lint/suspicious/noExplicitAny: any function at all
type Fn = (this: any, ...args: any[]) => any
// biome-ignore lint/complexity/noBannedTypes: any class at all, those with private constructors included
type Class = Function & { prototype: object }

/**
 * Whether an error began in this package: in its own code, or in Node's or a dependency's that it called. One whose
 * beginning cannot be told (no stack was kept) counts as ours: it still comes out as the cause.
 */
function isOurs(error: Error): boolean {
  let frames: unknown
  try {
    const { stack, message } = error
    // The message stands in front of the frames, and may look like some.
    frames = typeof stack === 'string' ? stack.slice(stack.indexOf(message) + message.length) : ''
  } catch {
    return false // a getter of the caller's
  }
  const place = placesOf(frames as string).find((each) => isOwnPlace(each) || !isDependencyPlace(each))
  return place === undefined || isOwnPlace(place)
}

function codeOf(error: Error & { code?: unknown; syscall?: unknown }): ErrorCode {
  if (typeof error.syscall === 'string') return 'ERR_IO'
  if (error.code === 'ERR_INVALID_ARG_VALUE' || error.code === 'ERR_OUT_OF_RANGE') return 'ERR_VALUE'
  if (error instanceof TypeError) return 'ERR_TYPE'
  if (error instanceof RangeError) return /allocation failed/.test(error.message) ? 'ERR_OOM' : 'ERR_VALUE'
  return error instanceof SyntaxError || error instanceof URIError ? 'ERR_VALUE' : 'ERR_INTERNAL'
}

/** What leaves `op` when `error` was thrown in it: errors with a code and the caller's own as they are. */
export function coded(op: string, error: unknown): unknown {
  if (error instanceof MbconvError || !(types.isNativeError(error) || error instanceof DOMException)) return error
  if (!isOurs(error)) return error
  const deep = error instanceof RangeError && error.message.startsWith('Maximum call stack')
  const what = deep ? 'arguments nested too deeply, or a function that calls itself without end' : error.message
  return new MbconvError(codeOf(error), `${op}: ${what}`, { op, cause: error })
}

/** `fn` with the net behind it, under the same name. */
export function guarded<F extends Fn>(op: string, fn: F): F {
  const outer: Record<string, Fn> = {
    plain(...args) {
      try {
        return fn.apply(this, args)
      } catch (error) {
        throw coded(op, error)
      }
    },
    async async(...args) {
      try {
        return await fn.apply(this, args)
      } catch (error) {
        throw coded(op, error)
      }
    },
    *generator(...args) {
      try {
        return yield* fn.apply(this, args)
      } catch (error) {
        throw coded(op, error)
      }
    },
    async *asyncGenerator(...args) {
      try {
        return yield* fn.apply(this, args)
      } catch (error) {
        throw coded(op, error)
      }
    },
  }
  const asynchronous = types.isAsyncFunction(fn)
  const kind = types.isGeneratorFunction(fn)
    ? asynchronous
      ? 'asyncGenerator'
      : 'generator'
    : asynchronous
      ? 'async'
      : 'plain'
  const guard = outer[kind]
  for (const key of ['name', 'length'] as const)
    Object.defineProperty(guard, key, { value: fn[key], configurable: true })
  return guard as F
}

/** Guards every function among the own properties of a prototype or a class, in place. */
function guardMembers(owner: object, seen: Set<object>): void {
  if (seen.has(owner)) return
  seen.add(owner)
  for (const key of Reflect.ownKeys(owner)) {
    const property = Object.getOwnPropertyDescriptor(owner, key)!
    if (key === 'constructor' || !property.configurable) continue
    const op = typeof key === 'string' ? key : (key.description ?? '').replace(/^.*\./, '')
    if (typeof property.value === 'function') property.value = guarded(op, property.value)
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
  const Outer = new Proxy(Inner, {
    construct(target, args, newTarget) {
      try {
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
  const faceOfValue = (key: string, value: unknown): unknown => {
    if (faces.has(value)) return faces.get(value)
    let face = value
    if (isNamespace(value)) face = faceOfSpace(value)
    else if (value === Tensor) guardClass(Tensor, seen)
    else if (isClass(value)) face = guardedClass(value, seen)
    else if (typeof value === 'function') face = guarded(key, value as Fn)
    if (face !== value) faces.set(value, face)
    return face
  }
  const faceOfSpace = (space: object): object => {
    const face = Object.defineProperty({}, '__esModule', { value: true })
    for (const [key, value] of Object.entries(space))
      Object.defineProperty(face, key, { value: faceOfValue(key, value), enumerable: true })
    return face
  }
  for (const Other of others) guardClass(Other, seen)
  return faceOfSpace(module) as T
}
