/** Errors on their way from a worker thread to the thread that started it. */
import { type ErrorCode, MbconvError, type MemoryShortage } from './error'

/** What else an error of the operating system says of itself, as Node sets it. */
const SYSTEM_FACTS = ['code', 'errno', 'syscall', 'path'] as const

/** An error in a form for structured cloning, which would lose the object's class and code. */
export interface PlainError {
  /** Undefined if the error is not an {@link MbconvError}. */
  code: ErrorCode | undefined
  name: string
  message: string
  op?: string
  hint?: string
  nativeTrace?: string
  memory?: MemoryShortage
  system?: Partial<Record<(typeof SYSTEM_FACTS)[number], unknown>>
  stack?: string
  cause?: PlainError
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { code: undefined, name: 'Error', message: String(error) }
  const { name, message, stack, cause } = error
  const plain: PlainError = { code: undefined, name, message, stack }
  if (error instanceof MbconvError) {
    const { code, op, hint, nativeTrace, memory } = error
    Object.assign(plain, { code, op, hint, nativeTrace, memory })
  } else {
    const facts = SYSTEM_FACTS.map((key) => [key, (error as NodeJS.ErrnoException)[key]])
    plain.system = Object.fromEntries(facts.filter(([, value]) => ['string', 'number'].includes(typeof value)))
  }
  if (cause !== undefined) plain.cause = toPlainError(cause)
  return plain
}

export function fromPlainError(plain: PlainError): Error {
  const { code, name, message, op, hint, nativeTrace, memory, system, stack } = plain
  const cause = plain.cause === undefined ? undefined : fromPlainError(plain.cause)
  const error =
    code === undefined
      ? Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { name }, system)
      : new MbconvError(code, message, { op, hint, nativeTrace, memory, cause })
  // Show where the error happened, not where it was unpacked.
  if (stack !== undefined) error.stack = stack
  return error
}
