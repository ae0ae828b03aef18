/**
 * The safety net behind the checks: every error that leaves the package has a code.
 *
 * An argument that no check expects fails somewhere inside, with a TypeError of JavaScript or an error of Node. At the
 * boundary (./public-face) it becomes an {@link MbconvError}, with the first error as its cause. Errors from the
 * caller's own functions, getters or iterators stay unchanged: they began in the caller's code, and the stack says so.
 */
import { types } from 'node:util'
import { callCheck, type Form } from './calls'
import { type ErrorCode, MbconvError } from './error'
import { isDependencyPlace, isOwnPlace, placesOf } from './stack'

/** Any function. */
export type Fn = (this: unknown, ...args: never[]) => unknown

/**
 * Whether an error began in this package: in its own code, or in Node or a dependency that it called. An error of
 * unknown origin (without a stack) counts as ours: it is still the cause of the new error.
 */
function isOurs(error: Error): boolean {
  let frames: unknown
  try {
    const { stack, message } = error
    // The message comes before the frames, and may look like a frame.
    frames = typeof stack === 'string' ? stack.slice(stack.indexOf(message) + message.length) : ''
  } catch {
    return false // a getter in the caller's code
  }
  const place = placesOf(frames as string).find((each) => isOwnPlace(each) || !isDependencyPlace(each))
  return place === undefined || isOwnPlace(place)
}

function codeOf(error: Error & { code?: unknown; syscall?: unknown }): ErrorCode {
  if (typeof error.syscall === 'string') return 'ERR_IO'
  if (error.code === 'ERR_INVALID_ARG_VALUE' || error.code === 'ERR_OUT_OF_RANGE') return 'ERR_VALUE'
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') return 'ERR_OOM'
  if (error instanceof TypeError) return 'ERR_TYPE'
  if (error instanceof RangeError) return /allocation failed/.test(error.message) ? 'ERR_OOM' : 'ERR_VALUE'
  return error instanceof SyntaxError || error instanceof URIError ? 'ERR_VALUE' : 'ERR_INTERNAL'
}

/** Descriptions of an argument for V8's messages. */
const PHRASES: readonly [RegExp, string][] = [
  [/^Maximum call stack.*/, 'arguments are nested too deeply, or a function calls itself without end'],
  [/^Cannot read properties of (null|undefined) \(reading '(\w+)'\)$/, 'found $1 in place of something with $2'],
  [/^Cannot destructure property '(\w+)' of .* as it is (null|undefined)\.$/, 'found $2 in place of something with $1'],
  [/^(?:\w+\.)+(\w+) is not a function$/, 'found something without $1() in its place'],
  [/^(?:Cannot (?:read|write) private|Receiver must be).*/, 'called on an object of another class'],
]

/**
 * The error to throw from `op` after `error` was thrown inside. Errors with a code and the caller's own stay unchanged.
 */
export function coded(op: string, error: unknown): unknown {
  if (error instanceof MbconvError || !(types.isNativeError(error) || error instanceof DOMException)) return error
  if (!isOurs(error)) return error
  const { message } = error
  const phrase = PHRASES.find(([pattern]) => pattern.test(message))
  const what = phrase === undefined ? message : message.replace(...phrase)
  return new MbconvError(codeOf(error), `${op}: ${what}`, { op, cause: error })
}

/** Checks the arguments of a call that has more than `unchecked` of them. */
type Check = ReturnType<typeof callCheck>

/** Wrappers that put the net behind `fn`, by kind of function. The check comes first. */
const GUARDS: Record<string, (op: string, fn: Fn, check: Check) => Fn> = {
  plain: (op, fn, { unchecked, check }) => {
    const checked: Fn = function (...args) {
      check(args)
      return fn.apply(this, args)
    }
    // A list of arguments that is only passed on is never made, which saves 0.3 µs. So the check is in another function.
    return function (...args) {
      try {
        return args.length > unchecked ? checked.apply(this, args) : fn.apply(this, args)
      } catch (error) {
        throw coded(op, error)
      }
    }
  },
  async: (op, fn, { unchecked, check }) =>
    async function (...args) {
      try {
        if (args.length > unchecked) check(args)
        return await fn.apply(this, args)
      } catch (error) {
        throw coded(op, error)
      }
    },
  generator: (op, fn, { unchecked, check }) =>
    function* (...args) {
      try {
        if (args.length > unchecked) check(args)
        return yield* fn.apply(this, args) as Generator
      } catch (error) {
        throw coded(op, error)
      }
    },
  asyncGenerator: (op, fn, { unchecked, check }) =>
    async function* (...args) {
      try {
        if (args.length > unchecked) check(args)
        return yield* fn.apply(this, args) as AsyncGenerator
      } catch (error) {
        throw coded(op, error)
      }
    },
}

function kindOf(fn: Fn): keyof typeof GUARDS {
  if (types.isGeneratorFunction(fn)) return types.isAsyncFunction(fn) ? 'asyncGenerator' : 'generator'
  return types.isAsyncFunction(fn) ? 'async' : 'plain'
}

/**
 * Puts the net behind `fn`, under the same name. Its errors name `op`.
 *
 * @param forms the signatures of `fn`; calls that fit none of them are refused. Without any, nothing is checked
 */
export function guarded<F extends Fn>(op: string, fn: F, forms?: readonly Form[]): F {
  const guard = GUARDS[kindOf(fn)](op, fn, callCheck(op, forms))
  for (const key of ['name', 'length'] as const) {
    Object.defineProperty(guard, key, { value: fn[key], configurable: true })
  }
  return guard as F
}
