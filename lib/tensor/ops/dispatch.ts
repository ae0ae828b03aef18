/** Access to the libtorch operators that have no method here. */
import { MbconvError } from '../../errors/error'
import { quoted } from '../../files/open'
import { native } from '../../native/addon'
import { excessOf } from './operator-limits'
import { operatorOf, refusalOf } from './operator-refusals'

/**
 * Calls an operator of libtorch's dispatcher, with autograd, e.g.
 * `callOp('aten::conv2d', [x, w, null, [1, 1], [1, 1], [1, 1], 1])`.
 *
 * @param name `namespace::operator`, optionally with `.overload`; otherwise the first overload that takes the arguments
 *   is called. The default namespace is `aten`.
 * @param args In the schema's order; dtypes, devices and memory formats as strings.
 * @param kwargs Further arguments, by name.
 * @returns A tensor, a number, an array of results, or undefined.
 * @throws MbconvError ERR_TYPE with every overload's schema and why it does not fit; ERR_VALUE for an operator that
 *   cannot be called from here (docs/operators.md says which, and why) and for arguments beyond the operator's limits.
 */
export function callOp(name: string, args: unknown[] = [], kwargs?: Record<string, unknown>): unknown {
  if (typeof name === 'string' && Array.isArray(args)) {
    const refusal = refusalOf(name)
    if (refusal !== undefined) {
      const { reason, instead } = refusal
      throw new MbconvError('ERR_VALUE', `callOp: ${quoted(name)} ${reason}`, {
        op: 'callOp',
        hint: instead === undefined ? undefined : `Call ${instead}.`,
      })
    }
    const excess = excessOf(operatorOf(name), args, kwargs)
    if (excess !== undefined) throw new MbconvError('ERR_VALUE', `callOp: ${quoted(name)}: ${excess}`, { op: 'callOp' })
  }
  return native().callOp(name, args, kwargs)
}

/** The names of all operators that {@link callOp} accepts. */
export function opNames(): string[] {
  return native()
    .opNames()
    .filter((name) => refusalOf(name) === undefined)
}

/** The schemas of all overloads of an operator. */
export function opSchemas(name: string): string[] {
  return native().opSchemas(name)
}
