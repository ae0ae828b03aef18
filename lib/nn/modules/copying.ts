/** Deep copies of modules, as Python's copy.deepcopy makes them. */
import { Script } from 'node:vm'
import { MbconvError } from '../../errors/error'
import { keep, scope } from '../../tensor/core/scope'
import { Tensor } from '../../tensor/core/tensor'

/** Typed arrays have this method in common. Buffer's own shares memory. */
const { slice } = Object.getPrototypeOf(Uint8Array.prototype) as { slice: () => unknown }

/** Copies what the properties of a module hold. Everything is copied once, so that what was shared stays shared. */
export class Copier {
  /** The tensors made so far. */
  readonly made: Tensor[] = []
  readonly #copies = new Map<unknown, unknown>()
  readonly #special: (value: object) => object | undefined

  /** @param special copies objects that this class does not know (modules), or returns undefined */
  constructor(special: (value: object) => object | undefined) {
    this.#special = special
  }

  /** Records a copy whose parts are yet to be copied, for what refers to it. */
  record(value: object, copy: object): void {
    this.#copies.set(value, copy)
  }

  tensor(tensor: Tensor): Tensor {
    const known = this.#copies.get(tensor)
    if (known !== undefined) return known as Tensor
    if (!tensor.isLeaf) {
      const op = 'clone'
      throw new MbconvError('ERR_AUTOGRAD', `${op}: a module holds a tensor that is the result of operations`, {
        op,
        hint: 'detach() it first: only tensors without a graph can be copied.',
      })
    }
    const copy = scope(() => keep(tensor.detach().clone().requiresGrad_(tensor.requiresGrad)))
    this.made.push(copy)
    this.#copies.set(tensor, copy)
    return copy
  }

  /** Tensors, arrays, plain objects, maps, sets and typed arrays are copied; functions and other objects are shared. */
  value(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const known = this.#copies.get(value)
    if (known !== undefined) return known
    if (value instanceof Tensor) return this.tensor(value)
    const copy = this.#special(value) ?? this.#plain(value)
    this.#copies.set(value, copy)
    return copy
  }

  #plain(value: object): object {
    const prototype = Object.getPrototypeOf(value)
    let copy: object
    if (Array.isArray(value)) {
      copy = []
      this.record(value, copy)
      for (const each of value) (copy as unknown[]).push(this.value(each))
    } else if (value instanceof Map) {
      copy = new Map()
      this.record(value, copy)
      for (const [key, each] of value) (copy as Map<unknown, unknown>).set(this.value(key), this.value(each))
    } else if (value instanceof Set) {
      copy = new Set()
      this.record(value, copy)
      for (const each of value) (copy as Set<unknown>).add(this.value(each))
    } else if (prototype === Object.prototype || prototype === null) {
      copy = Object.create(prototype)
      this.record(value, copy)
      for (const [key, each] of Object.entries(value)) (copy as Record<string, unknown>)[key] = this.value(each)
    } else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      return slice.call(value) as object
    } else {
      return value
    }
    return Object.isFrozen(value) ? Object.freeze(copy) : copy
  }
}

/**
 * Refuses an object whose class has private fields: they exist only in objects that its constructor made.
 *
 * @param end the prototype at which the search ends
 */
export function refusePrivate(module: object, end: object): void {
  for (let at = Object.getPrototypeOf(module); at !== null && at !== end; at = Object.getPrototypeOf(at)) {
    const source = Function.prototype.toString.call(at.constructor)
    if (!hasPrivateNames(source) && !/__classPrivate(?:Field|Method)/.test(source)) continue
    const op = 'clone'
    throw new MbconvError(
      'ERR_NOT_IMPLEMENTED',
      `${op}: ${at.constructor.name} has private fields, which no copy has`,
      {
        op,
        hint: 'Define clone() in that class, or use properties without #.',
      },
    )
  }
}

/**
 * Whether the source text of a class has names like #x, other than in comments, strings and regular expressions. A space
 * behind each # is an error of syntax exactly where there is such a name. Nothing is run.
 */
function hasPrivateNames(source: string): boolean {
  const apart = source.replace(/#(?=[\p{ID_Start}$_\\])/gu, '# ')
  if (apart === source) return false
  try {
    new Script(`(${apart})`)
    return false
  } catch {
    return true
  }
}
