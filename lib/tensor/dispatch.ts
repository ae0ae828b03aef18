/** The way to every operator of libtorch that has no method here. */
import { MbconvError } from '../errors'
import { native } from '../native'

/**
 * Calls an operator of libtorch's dispatcher, with autograd, e.g.
 * `callOp('aten::conv2d', [x, w, null, [1, 1], [1, 1], [1, 1], 1])`.
 *
 * @param name `namespace::operator`, with `.overload` where one is meant; otherwise the first overload that takes the
 *   arguments is called. Without a namespace it is `aten`.
 * @param args In the schema's order; dtypes, devices and memory formats as strings.
 * @param kwargs By name, for arguments after those.
 * @returns A tensor, a number, an array of results, or undefined.
 * @throws MbconvError ERR_TYPE with every overload's schema and why it does not fit. Operators trust their callers more
 *   than the methods here do: read libtorch's documentation of the one you call.
 */
export function callOp(name: string, args: unknown[] = [], kwargs?: Record<string, unknown>): unknown {
  if (typeof name === 'string' && /(^|::)_/.test(name)) {
    throw new MbconvError('ERR_VALUE', `callOp: ${name} is internal to libtorch and checks nothing`, { op: 'callOp' })
  }
  return native().callOp(name, args, kwargs)
}

/** The names of all operators, as {@link callOp} takes them; those with a leading underscore are internal to libtorch. */
export function opNames(): string[] {
  return native().opNames()
}

/** Schemas of all overloads of an operator. */
export function opSchemas(name: string): string[] {
  return native().opSchemas(name)
}
