/**
 * What computes a network: layer by layer with libtorch's operations (`composite`), or as a whole with the kernels of
 * this package (`native`).
 */
import { checkOneOf } from '../../errors/check'
import { MbconvError } from '../../errors/error'

/** `auto`: native where possible. `native`: an error where it is not possible. `composite`: never native. */
export type Backend = 'auto' | 'composite' | 'native'

export const BACKENDS: readonly Backend[] = Object.freeze(['auto', 'composite', 'native'])

/** Sides of the kernels of depthwise convolutions that are native. */
export const NATIVE_KERNELS: readonly number[] = Object.freeze([3, 5, 7])

/** The backend of networks that are made without one: MBCONV_BACKEND in the environment, otherwise `auto`. */
export function defaultBackend(): Backend {
  const { MBCONV_BACKEND: name } = process.env
  if (name === undefined || name === '') return 'auto'
  if ((BACKENDS as readonly string[]).includes(name)) return name as Backend
  const op = 'MBCONV_BACKEND'
  throw new MbconvError('ERR_VALUE', `${op} is "${name}"; it may be ${BACKENDS.join(', ')}`, { op })
}

/** @throws MbconvError ERR_VALUE */
export function checkBackend(op: string, backend: unknown): asserts backend is Backend {
  checkOneOf(op, 'backend', backend, BACKENDS)
}
