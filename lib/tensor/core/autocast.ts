/** Mixed precision: 16-bit floats for the operations that tolerate them. */
import { checkFunction, checkOptions } from '../../errors/check'
import { refusePromise } from '../../errors/promise'
import { native } from '../../native/addon'
import type { Device, DType, Synchronous } from '../../native/types'

/** Where autocast acts, and with which dtype. */
export interface AutocastOptions {
  /** Default cpu. */
  device?: Device
  /** Default bfloat16. */
  dtype?: 'bfloat16' | 'float16'
  /** False switches it off inside another autocast. Default true. */
  enabled?: boolean
}

/**
 * Runs `fn` under autocast: convolutions and products compute in the 16-bit type, operations that need the range in
 * float32, by libtorch's lists. Parameters and their gradients stay float32. The previous mode is restored, also after
 * a throw. Synchronous functions only (ERR_SCOPE). Call `backward()` outside.
 */
export function autocast<T>(options: AutocastOptions, fn: () => Synchronous<T>): T {
  checkOptions('autocast', options, ['device', 'dtype', 'enabled'])
  checkFunction('autocast', 'fn', fn)
  const { device = 'cpu', dtype = 'bfloat16', enabled = true } = options
  const [wasEnabled, before] = native().enterAutocast(device, enabled, dtype as DType)
  try {
    const result = fn()
    refusePromise(result, 'autocast')
    return result
  } finally {
    native().exitAutocast(device, wasEnabled, before)
  }
}

/** Remembers the current mode of a device. The result runs a function in that mode. */
export function captureAutocast(device: Device): <T>(fn: () => T) => T {
  const addon = native()
  const [enabled, dtype] = addon.enterAutocast(device, false, 'bfloat16')
  addon.exitAutocast(device, enabled, dtype)
  return (fn) => {
    const [wasEnabled, before] = addon.enterAutocast(device, enabled, dtype)
    try {
      return fn()
    } finally {
      addon.exitAutocast(device, wasEnabled, before)
    }
  }
}

/** Whether an {@link autocast} is in force on this thread for a kind of device. */
export function isAutocastEnabled(device: Device = 'cpu'): boolean {
  return native().isAutocastEnabled(device)
}
