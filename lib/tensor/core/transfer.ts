/**
 * Tensors from one thread to another without copying: {@link send} in one, `postMessage`, {@link receive} in the other.
 *
 * Both threads then have a tensor over the same memory, as with a SharedArrayBuffer: what one writes the other sees, and
 * nothing keeps them from writing at the same time; messages do. Gradients and the graph stay behind.
 */
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import { Tensor } from './tensor'

/** Stands for a tensor in a message. Plain data; it is good for one {@link receive}. */
export interface SentTensor {
  readonly mbconvTensor: number
}

/** What a message holds in place of `T`. */
export type Sent<T> = T extends Tensor ? SentTensor : T extends object ? { [K in keyof T]: Sent<T[K]> } : T
/** What comes out of such a message. */
export type Received<T> = T extends SentTensor ? Tensor : T extends object ? { [K in keyof T]: Received<T[K]> } : T

/**
 * Makes a message of a tensor, or of arrays and plain objects with tensors anywhere inside; everything else in it stays
 * as it is. The tensors remain the sender's, who may dispose them at once: their memory lives until the receiver
 * disposes its own. What is sent and never received holds its memory; {@link cancel} lets go of it.
 *
 * Waits for the GPU where a tensor lies on one. On several streams, the rules are those of `Stream.record`.
 *
 * @throws MbconvError ERR_TYPE, ERR_DISPOSED; nothing is under way then
 */
export function send<T>(value: T): Sent<T> {
  const sent: SentTensor[] = []
  try {
    return replace(value, (part) => {
      if (!(part instanceof Tensor)) return undefined
      const ticket = { mbconvTensor: native().sendTensor(part) }
      sent.push(ticket)
      return ticket
    }) as Sent<T>
  } catch (error) {
    cancel(sent)
    throw error
  }
}

/**
 * The tensors of a message that {@link send} has made in any thread of this process. They belong to the scope around.
 *
 * @throws MbconvError ERR_VALUE when a tensor of it has been received or cancelled before; those found until then are
 *   disposed
 */
export function receive<T>(message: T): Received<T> {
  const received: Tensor[] = []
  try {
    return replace(message, (part) => {
      if (!isTicket(part)) return undefined
      const tensor = native().receiveTensor(part.mbconvTensor)
      received.push(tensor)
      return tensor
    }) as Received<T>
  } catch (error) {
    for (const tensor of received) tensor.dispose()
    throw error
  }
}

/** Lets go of the tensors of a message that nobody will receive; those received already are left alone. */
export function cancel(message: unknown): void {
  replace(message, (part) => (isTicket(part) ? native().cancelTensor(part.mbconvTensor) : undefined))
}

/** Tensors of all threads that have been sent and not yet received, and the bytes of their elements. */
export function inTransit(): { tensors: number; bytes: number } {
  const [tensors, bytes] = native().tensorsInTransit()
  return { tensors, bytes }
}

function isTicket(value: unknown): value is SentTensor {
  return typeof value === 'object' && value !== null && Number.isSafeInteger((value as SentTensor).mbconvTensor)
}

/** A copy of arrays and plain objects, with each part for which `change` gives something replaced by that. */
function replace(value: unknown, change: (part: unknown) => unknown, around: unknown[] = []): unknown {
  const changed = change(value)
  if (changed !== undefined) return changed
  if (typeof value !== 'object' || value === null) return value
  const prototype = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value
  if (around.includes(value)) {
    throw new MbconvError('ERR_TYPE', 'threads: the message contains itself', { op: 'threads' })
  }
  const inside = [...around, value]
  if (Array.isArray(value)) return value.map((part) => replace(part, change, inside))
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replace(part, change, inside)]))
}
