/** Functions of the caller that must be synchronous. */
import { MbconvError } from './error'

/** Refuses a promise: an asynchronous function would go on after its scope, mode or call has ended. */
export function refusePromise(result: unknown, op: string): void {
  const promise = result as PromiseLike<unknown> | null
  if (typeof promise?.then !== 'function') return
  // Nobody else handles this promise. Its rejection, most likely from a freed tensor, must not end the process.
  promise.then(undefined, () => {})
  throw new MbconvError('ERR_SCOPE', `${op}: the function must be synchronous, it returned a promise`, {
    op,
    hint: 'await what is asynchronous first and enter the scope for the synchronous part',
  })
}
