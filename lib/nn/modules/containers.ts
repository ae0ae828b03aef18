/** Modules that hold others: Sequential, ModuleList, ModuleDict. */
import { checkObject, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { Tensor } from '../../tensor/core/tensor'
import { described } from './describe'
import { type AnyModule, checkModule, Module } from './module'
import { checkName } from './names'

/** A name that JavaScript takes for a position in an object: such names come first, whatever their place in the text. */
const POSITION = /^(?:0|[1-9]\d*)$/

/**
 * Modules in a list. Their names are their positions, unless they were given names. A module in a property of the
 * container is a child as well: it comes behind the list, unless the list has it.
 */
abstract class Listed<Inputs extends unknown[], Output> extends Module<Inputs, Output> {
  protected readonly list: { name: string | undefined; module: AnyModule }[]

  protected constructor(op: string, modules: readonly unknown[]) {
    super()
    this.list = modules.map((module, i) => {
      checkModule(op, `argument ${i}`, module)
      return { name: undefined, module }
    })
  }

  /** Number of modules. */
  get length(): number {
    return this.childEntries().length
  }
  /** The module at a position. Negative positions count from the end. */
  at(index: number): AnyModule | undefined {
    return this.childEntries().at(index)?.[1]
  }
  /** Replaces the module at a position. Negative positions count from the end. ERR_INDEX if there is none. */
  set(index: number, module: AnyModule): this {
    checkModule('set', 'module', module)
    const position = positionOf('set', index, this.length)
    if (position < this.list.length) this.list[position].module = module
    else Object.assign(this, { [this.childEntries()[position][0]]: module })
    return this
  }
  /** Adds a module at the end of the list. */
  append(module: AnyModule): this {
    checkModule('append', 'module', module)
    this.list.push({ name: undefined, module })
    return this
  }
  /** Adds modules at the end of the list. */
  extend(modules: Iterable<AnyModule>): this {
    const list = [...modules]
    for (const [i, module] of list.entries()) checkModule('extend', `element ${i}`, module)
    for (const module of list) this.append(module)
    return this
  }
  /** Adds a module before the one at a position. ERR_INDEX for a position outside. */
  insert(index: number, module: AnyModule): this {
    checkModule('insert', 'module', module)
    const position = positionOf('insert', index, this.length, this.list.length)
    this.list.splice(position, 0, { name: undefined, module })
    return this
  }
  /** Takes a module out, by default the last one, and returns it. ERR_INDEX if there is none. */
  pop(index = -1): AnyModule {
    const position = positionOf('pop', index, this.length)
    const [name, module] = this.childEntries()[position]
    if (position < this.list.length) this.list.splice(position, 1)
    else Reflect.deleteProperty(this, name)
    return module
  }

  /**
   * Puts a child module under `name`: in place of the module of that name, or at the end.
   *
   * @param module null takes the module of that name out
   * @throws MbconvError ERR_TYPE; ERR_VALUE for a name that is taken, or has a dot
   */
  override registerModule(name: string, module: AnyModule | null): void {
    if (module !== null) checkModule('registerModule', name, module)
    const position = this.list.findIndex((entry, i) => (entry.name ?? String(i)) === name)
    if (position >= 0 && module === null) this.list.splice(position, 1)
    else if (position >= 0) this.list[position].module = module as AnyModule
    else if (name === String(this.length) && module !== null && this.length === this.list.length) this.append(module)
    else super.registerModule(name, module)
  }

  [Symbol.iterator](): Iterator<AnyModule> {
    return this.childEntries()
      .map(([, module]) => module)
      [Symbol.iterator]()
  }

  protected override childEntries(): [string, AnyModule][] {
    const listed = this.list.map(({ name, module }, i): [string, AnyModule] => [name ?? String(i), module])
    return withProperties(this.constructor.name, listed, super.childEntries())
  }
}

/** A container's entries and those of its properties. A property may hold a module of the container: it counts once. */
function withProperties(
  op: string,
  own: [string, AnyModule][],
  properties: [string, AnyModule][],
): [string, AnyModule][] {
  if (properties.length === 0) return own
  const modules = new Set(own.map(([, module]) => module))
  const names = new Set(own.map(([name]) => name))
  const others = properties.filter(([, module]) => !modules.has(module))
  const twice = others.find(([name]) => names.has(name))
  if (twice === undefined) return own.concat(others)
  const message = `${op}: two modules have the name ${JSON.stringify(twice[0])}`
  throw new MbconvError('ERR_VALUE', message, { op, hint: 'Replace a module by registerModule(name, module).' })
}

/** A position of a list, also counted from its end. */
function positionOf(op: string, index: unknown, length: number, most = length - 1): number {
  const position = Number.isInteger(index) && (index as number) < 0 ? (index as number) + length : index
  if (Number.isInteger(position) && (position as number) >= 0 && (position as number) <= most) return position as number
  const given = typeof index === 'number' ? index : shown(index)
  throw new MbconvError('ERR_INDEX', `${op}: there is no position ${given} among ${length}`, { op })
}

/**
 * Modules in sequence: `new Sequential(a, b)`, whose names are '0' and '1', or `new Sequential({ conv: a, norm: b })`.
 * A name must not be a whole number: JavaScript would put it before the others.
 */
export class Sequential extends Listed<[x: Tensor], Tensor> {
  constructor(modules: Record<string, AnyModule>)
  constructor(...modules: AnyModule[])
  constructor(...modules: unknown[]) {
    const [named] = modules
    const isNamed = modules.length === 1 && typeof named === 'object' && named !== null && !(named instanceof Module)
    super('Sequential', isNamed ? Object.values(named as object) : modules)
    if (!isNamed) return
    for (const [i, name] of Object.keys(named as object).entries()) {
      checkName('Sequential', name)
      if (POSITION.test(name)) {
        const message = `Sequential: the name ${JSON.stringify(name)} has no sure place among the names of an object`
        const hint = "Pass the modules as arguments: their names are then '0', '1' and so on."
        throw new MbconvError('ERR_VALUE', message, { op: 'Sequential', hint })
      }
      this.list[i].name = name
    }
  }

  forward(x: Tensor): Tensor {
    let y = x
    for (const [, module] of this.childEntries()) y = module.forward(y)
    return y
  }
}

/** Modules in a list, as children of the module that it is assigned to. It has no forward pass of its own. */
export class ModuleList extends Listed<never[], never> {
  constructor(modules: Iterable<AnyModule> = []) {
    super('ModuleList', [...modules])
  }

  /** @throws MbconvError ERR_NOT_IMPLEMENTED always */
  forward(): never {
    throw withoutForward('ModuleList')
  }

  /** Equal neighbours share a line, as in PyTorch. */
  override toString(): string {
    return described(this.constructor.name, this.extraRepr(), this.childTexts(), true)
  }
}

/**
 * Modules by name, as children of the module that it is assigned to, in the order in which they were set. A module in a
 * property of the dictionary is a child as well, but not one of its entries.
 */
export class ModuleDict extends Module<never[], never> {
  protected readonly map = new Map<string, AnyModule>()

  constructor(modules: Record<string, AnyModule> | Iterable<readonly [string, AnyModule]> = {}) {
    super()
    this.update(modules)
  }

  /** Number of modules. */
  get size(): number {
    return this.map.size
  }
  /** The module of a name, or undefined. */
  get(name: string): AnyModule | undefined {
    return this.map.get(name)
  }
  /** Whether there is a module of that name. */
  has(name: string): boolean {
    return this.map.has(name)
  }
  /** Sets the module of a name. */
  set(name: string, module: AnyModule): this {
    checkName('ModuleDict.set', name)
    checkModule('ModuleDict.set', name, module)
    this.map.set(name, module)
    return this
  }
  /** Takes a module out. Returns whether there was one. */
  delete(name: string): boolean {
    return this.map.delete(name)
  }
  /** Takes all modules out. */
  clear(): void {
    this.map.clear()
  }
  /** Sets each of these modules. */
  update(modules: Record<string, AnyModule> | Iterable<readonly [string, AnyModule]>): this {
    checkObject('ModuleDict', 'modules', modules)
    const entries = Symbol.iterator in modules ? [...modules] : Object.entries(modules)
    for (const entry of entries) {
      if (!Array.isArray(entry) || entry.length !== 2) {
        const message = `ModuleDict: expected pairs of a name and a module, got ${shown(entry)}`
        throw new MbconvError('ERR_TYPE', message, { op: 'ModuleDict' })
      }
      this.set(entry[0], entry[1])
    }
    return this
  }
  /** The names, in order. */
  keys(): IterableIterator<string> {
    return this.map.keys()
  }
  /** The modules, in order. */
  values(): IterableIterator<AnyModule> {
    return this.map.values()
  }
  /** Names with their modules, in order. */
  entries(): IterableIterator<[string, AnyModule]> {
    return this.map.entries()
  }
  [Symbol.iterator](): IterableIterator<[string, AnyModule]> {
    return this.map.entries()
  }

  protected override childEntries(): [string, AnyModule][] {
    return withProperties(this.constructor.name, [...this.map], super.childEntries())
  }

  /**
   * Sets the module of a name, like {@link set}.
   *
   * @param module null takes the module of that name out
   * @throws MbconvError ERR_TYPE; ERR_VALUE for a name with a dot
   */
  override registerModule(name: string, module: AnyModule | null): void {
    if (module === null) this.delete(name)
    else this.set(name, module)
  }

  /** @throws MbconvError ERR_NOT_IMPLEMENTED always */
  forward(): never {
    throw withoutForward('ModuleDict')
  }
}

function withoutForward(op: string): MbconvError {
  const hint = 'Call the forward of its modules.'
  return new MbconvError('ERR_NOT_IMPLEMENTED', `${op}: it has no forward pass of its own`, { op, hint })
}
