/**
 * Moves tensors between threads without copying: {@link send} in one, `postMessage`, {@link receive} in the other.
 *
 * Both threads then have a tensor over the same memory, as with a SharedArrayBuffer: each sees the other's writes.
 * Nothing prevents both from writing at the same time, except the messages that they exchange. Gradients and the graph
 * are not sent.
 */
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import { Tensor } from './tensor'

/** Stands for a tensor in a message. Plain data, valid for one {@link receive}. */
export interface SentTensor {
  /** Number of the tensor among those in transit. */
  readonly mbconvTensor: number
}

/** The type of a message made from a `T`. */
export type Sent<T> = T extends Tensor ? SentTensor : T extends object ? { [K in keyof T]: Sent<T[K]> } : T
/** The type that receiving such a message gives. */
export type Received<T> = T extends SentTensor ? Tensor : T extends object ? { [K in keyof T]: Received<T[K]> } : T

/**
 * Makes a message of a tensor, or of arrays and plain objects with tensors anywhere inside. Other contents are
 * unchanged. The tensors remain the sender's, which may dispose them at once: their memory lives until the receiver
 * disposes its own tensors. A tensor that is never received holds its memory until {@link cancel}.
 *
 * Waits for the GPU if a tensor lies on one. With several streams, the rules of `Stream.record` apply.
 *
 * @throws MbconvError ERR_TYPE, ERR_DISPOSED; nothing has been sent then
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
 * The tensors of a message that {@link send} has made in any thread of this process. They belong to the current scope.
 *
 * @throws MbconvError ERR_VALUE when one of its tensors has been received or cancelled before; tensors received until
 *   then are disposed
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

/** Releases the tensors of a message that will not be received. Tensors received already are left alone. */
export function cancel(message: unknown): void {
  replace(message, (part) => (isTicket(part) ? native().cancelTensor(part.mbconvTensor) : undefined))
}

/** What tensors in transit hold. */
export interface TransitMemory {
  /** Number of tensors that were sent and not yet received. */
  tensors: number
  /** The memory that they hold. */
  bytes: number
}

/** Number of tensors, of all threads, that have been sent and not yet received, and the bytes of their elements. */
export function inTransit(): TransitMemory {
  const [tensors, bytes] = native().tensorsInTransit()
  return { tensors, bytes }
}

function isTicket(value: unknown): value is SentTensor {
  return typeof value === 'object' && value !== null && Number.isSafeInteger((value as SentTensor).mbconvTensor)
}

/** A copy of arrays and plain objects. Each part for which `change` returns a value is replaced by that value. */
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
