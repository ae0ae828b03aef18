/** Looking for tensors that nobody frees. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { native, packageRoot } from './native'
import type { Device, DType } from './tensor/types'

/** A tensor that is alive. */
export interface LiveTensor {
  dtype: DType
  shape: number[]
  device: Device
  /** Of the memory behind it, which views share. */
  bytes: number
  /** The operation that made it; empty when it was made before {@link trackTensors}. */
  op: string
  /** The first line of the caller's own code on the stack that made it, `file:line:column`; empty as above. */
  where: string
  /** That stack whole. */
  stack: string
}

/**
 * Strict mode of this thread: a tensor made outside every scope is an error (ERR_SCOPE). Models and optimisers, too, are
 * then to be made inside a scope; what they keep lives on all the same.
 */
export function setStrict(on: boolean): void {
  native().setStrict(on)
}

/** Whether tensors made from now on remember what made them. Every operation becomes some 10 µs dearer. */
export function trackTensors(on: boolean): void {
  native().setTracking(on)
}

/** Every live tensor of this thread, largest memory first. */
export function liveTensors(): LiveTensor[] {
  const list = native()
    .liveTensorList()
    .map(([dtype, shape, device, bytes, op, stack]) => ({
      dtype,
      shape,
      device,
      bytes,
      op,
      where: where(stack),
      stack,
    }))
  return list.sort((a, b) => b.bytes - a.bytes)
}

/** This package's code, as compiled or, with source maps, as written. */
const own = ['dist', 'lib'].map((folder) => join(packageRoot, folder))

/** `file:///a%20b.mjs:1:2` as `/a b.mjs:1:2`. */
function fileOfFrame(place: string): string {
  const [, url, position] = /^(.*?)((?::\d+){2})$/.exec(place)!
  return fileURLToPath(url) + position
}

/** The innermost frame that is neither this package's nor Node's. */
function where(stack: string): string {
  for (const line of stack.split('\n').slice(1)) {
    // "at name (place)" or "at place"; a place may hold blanks and parentheses, a name holds no parenthesis.
    const [, named, bare] = /^\s*at (?:async )?(?:[^(]*? \((.+:\d+:\d+)\)|(.+:\d+:\d+))$/.exec(line) ?? []
    const place = named ?? bare
    if (place === undefined || place.startsWith('node:')) continue
    const path = place.startsWith('file://') ? fileOfFrame(place) : place
    if (!own.some((folder) => path.startsWith(folder))) return path
  }
  return ''
}
