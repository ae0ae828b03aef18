/** Module: a part of a network with parameters, buffers and child modules. */
import { checkFunction, checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import { noGrad } from '../../tensor/core/autograd'
import { keep, scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { Copier, refusePrivate } from './copying'
import { described } from './describe'
import { Hookable } from './hookable'
import { type MoveOptions, moveTensors } from './moving'
import { absent, accessorOf, checkName, joined, taken } from './names'
import { checkTensor, type LoadOptions, loadInto, type Skipped } from './state-dict'

/** A module of any inputs and outputs. */
// biome-ignore lint/suspicious/noExplicitAny: the only type that every module is assignable to, and that can be called
export type AnyModule = Module<any, any>

/** How a buffer belongs to its module. */
export interface BufferOptions {
  /** Whether it is part of the state dict. Default true. */
  persistent?: boolean
}

/** What becomes of gradients. */
export interface ZeroGradOptions {
  /** Remove them; false fills them with zeros. Default true. */
  setToNone?: boolean
}

type Kind = 'parameters' | 'buffers'

/** The tensors that are parameters of some module: they keep their `requiresGrad` when another one registers them. */
const trained = new WeakSet<Tensor>()

/**
 * Base class of every layer and network.
 *
 * A subclass assigns its child modules to properties (the property's name becomes part of the state dict's keys),
 * passes its own tensors to {@link registerParameter} and {@link registerBuffer}, and defines {@link forward}. Tensors
 * of a module are kept out of every scope; {@link dispose} frees them. `String(module)` and Node's inspection give
 * PyTorch's text.
 *
 * A function assigned to `forward` replaces the class's method wherever the module is used.
 */
export abstract class Module<Inputs extends unknown[] = [x: Tensor], Output = Tensor> extends Hookable<Inputs, Output> {
  /** Training mode: batch norm uses the batch's statistics, and dropout drops. See {@link train} and {@link eval}. */
  training = true
  readonly #parameters = new Map<string, Tensor | null>()
  readonly #buffers = new Map<string, Tensor | null>()
  /** The names of buffers that are not part of the state dict. */
  readonly #transient = new Set<string>()

  // --- what it is made of --------------------------------------------------------------------------------------------

  /**
   * Adds `tensor` as a trained parameter: `module.name` reads it, and assigning a tensor or null there registers that
   * instead. A tensor may be a parameter of several modules (tied weights); it then counts once in {@link parameters}.
   * The tensor before is not freed.
   *
   * @param tensor a leaf, which requires a gradient from now on, unless it is a parameter of another module; null for
   *   a parameter that is left out, which reads as undefined
   * @throws MbconvError ERR_TYPE; ERR_VALUE for a name that is taken, or has a dot; ERR_AUTOGRAD for no leaf
   */
  registerParameter(name: string, tensor: Tensor | null): void {
    const op = 'registerParameter'
    if (tensor !== null) checkTensor(op, name, tensor)
    const expose = this.#exposing(op, 'parameters', name, (value) => this.registerParameter(name, value))
    if (tensor !== null && !trained.has(tensor)) {
      if (!tensor.isLeaf) {
        const hint = 'detach() it, or use the operation in forward.'
        throw new MbconvError('ERR_AUTOGRAD', `${op}: ${name} is the result of operations`, { op, hint })
      }
      trained.add(tensor.requiresGrad_())
    }
    const parameter = tensor === null ? null : keep(tensor)
    expose()
    this.#parameters.set(name, parameter)
  }

  /**
   * Adds `tensor` to the module's state: it moves with the module and is not trained. `module.name` reads it.
   *
   * @param options.persistent false leaves it out of the state dict. Default true
   * @throws MbconvError ERR_TYPE; ERR_VALUE for a name that is taken, or has a dot
   */
  registerBuffer(name: string, tensor: Tensor | null, options: BufferOptions = {}): void {
    const op = 'registerBuffer'
    if (tensor !== null) checkTensor(op, name, tensor)
    checkOptions(op, options, ['persistent'])
    const { persistent = true } = options
    const expose = this.#exposing(op, 'buffers', name, (value) => {
      this.registerBuffer(name, value, { persistent: !this.#transient.has(name) })
    })
    const buffer = tensor === null ? null : keep(tensor)
    expose()
    if (persistent) this.#transient.delete(name)
    else this.#transient.add(name)
    this.#buffers.set(name, buffer)
  }

  /**
   * Adds a child module under `name`, like an assignment to that property. For names that are only known at run time.
   *
   * @throws MbconvError ERR_TYPE; ERR_VALUE for a name that is taken, or has a dot
   */
  registerModule(name: string, module: AnyModule | null): void {
    const op = 'registerModule'
    if (module !== null) checkModule(op, name, module)
    checkName(op, name)
    const present = (this as Record<string, unknown>)[name]
    if (name in this && present !== undefined && present !== null && !(present instanceof Module)) throw taken(op, name)
    ;(this as Record<string, unknown>)[name] = module
  }

  /**
   * Checks the name of a tensor to be registered.
   *
   * @returns what makes the name a property, once the tensor has been checked, too. The tensor's place is the map, so
   *   that {@link to} can replace it
   */
  #exposing(op: string, kind: Kind, name: string, assign: (value: Tensor | null) => void): () => void {
    checkName(op, name)
    const tensors = kind === 'parameters' ? this.#parameters : this.#buffers
    const nothing = () => {}
    if (tensors.has(name)) return nothing
    const own = Object.getOwnPropertyDescriptor(this, name)
    // A class field without a value is defined, as undefined, before the constructor registers it.
    const isFree = own === undefined ? !(name in this) : own.value === undefined && own.get === undefined
    if (!isFree && own === undefined && accessorOf(this, name)) return nothing // the class has its own access
    if (!isFree) throw taken(op, name)
    const get = () => tensors.get(name) ?? undefined
    return () => Object.defineProperty(this, name, { get, set: assign, enumerable: false, configurable: true })
  }

  /** The children as they are stored, with the names of their places. A module may occur twice. */
  protected childEntries(): [string, AnyModule][] {
    return Object.entries(this).filter((entry): entry is [string, AnyModule] => entry[1] instanceof Module)
  }

  /** The child modules in order, each once, with their names in the state dict. */
  namedChildren(): [string, AnyModule][] {
    const seen = new Set<AnyModule>()
    return this.childEntries().filter(([, child]) => !seen.has(child) && seen.add(child))
  }
  /** The child modules, each once. */
  children(): AnyModule[] {
    return this.namedChildren().map(([, child]) => child)
  }
  /** This module, whose path is '', and all modules inside it with their paths, outermost first. Each occurs once. */
  namedModules(): [string, AnyModule][] {
    const found = new Map<AnyModule, string>()
    const visit = (module: AnyModule, path: string): void => {
      if (found.has(module)) return
      found.set(module, path)
      for (const [name, child] of module.childEntries()) visit(child, joined(path, name))
    }
    visit(this, '')
    return [...found].map(([module, path]) => [path, module])
  }
  /** This module and all modules inside it, outermost first, each once. */
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module)
  }

  /** All parameters inside with their state dict keys, which begin with `prefix`. A shared parameter occurs once. */
  namedParameters(prefix = ''): [string, Tensor][] {
    return this.#named((module) => module.#parameters, prefix)
  }
  /** The tensors of {@link namedParameters}. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, parameter]) => parameter)
  }
  /** All buffers inside, also those that are not persistent. A shared buffer occurs once. */
  namedBuffers(prefix = ''): [string, Tensor][] {
    return this.#named((module) => module.#buffers, prefix)
  }
  /** The tensors of {@link namedBuffers}. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer)
  }

  #named(of: (module: AnyModule) => Map<string, Tensor | null>, prefix: string): [string, Tensor][] {
    const found = new Map<Tensor, string>()
    for (const [path, module] of this.namedModules()) {
      for (const [name, tensor] of of(module)) {
        if (tensor !== null && !found.has(tensor)) found.set(tensor, prefix + joined(path, name))
      }
    }
    return [...found].map(([tensor, name]) => [name, tensor])
  }

  /**
   * The module at a path like 'features.0.1'; '' is this module.
   *
   * @throws MbconvError ERR_VALUE if there is none
   */
  getSubmodule(path: string): AnyModule {
    const op = 'getSubmodule'
    if (typeof path !== 'string')
      throw new MbconvError('ERR_TYPE', `${op}: path must be text, got ${shown(path)}`, { op })
    let module: AnyModule = this
    for (const name of path === '' ? [] : path.split('.')) {
      const children = new Map(module.childEntries())
      module = children.get(name) ?? absent(op, 'module', name, path, children.keys())
    }
    return module
  }
  /** The parameter at a path, its key in the state dict. ERR_VALUE if there is none. */
  getParameter(path: string): Tensor {
    return this.#tensorAt('getParameter', 'parameter', (module) => module.#parameters, path)
  }
  /** The buffer at a path. ERR_VALUE if there is none. */
  getBuffer(path: string): Tensor {
    return this.#tensorAt('getBuffer', 'buffer', (module) => module.#buffers, path)
  }

  #tensorAt(op: string, what: string, of: (module: AnyModule) => Map<string, Tensor | null>, path: string): Tensor {
    if (typeof path !== 'string')
      throw new MbconvError('ERR_TYPE', `${op}: path must be text, got ${shown(path)}`, { op })
    const dot = path.lastIndexOf('.')
    const tensors = of(this.getSubmodule(path.slice(0, Math.max(0, dot))))
    const name = path.slice(dot + 1)
    return tensors.get(name) ?? absent(op, what, name, path, tensors.keys())
  }

  /**
   * Calls `fn` with every module inside, children before their parents, and with this one last.
   *
   * @throws MbconvError ERR_TYPE; and whatever `fn` throws
   */
  apply(fn: (module: AnyModule) => void): this {
    checkFunction('apply', 'fn', fn)
    for (const child of this.children()) child.apply(fn)
    fn(this)
    return this
  }

  // --- its state -----------------------------------------------------------------------------------------------------

  /**
   * Parameters and buffers by key, in PyTorch's order: a module's own parameters, its own buffers, then its children's.
   * The tensors themselves, not copies: writing to one changes the module. A shared tensor has a key for each place.
   */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.#entries(''))
  }

  #entries(prefix: string): [string, Tensor][] {
    const buffers = [...this.#buffers].filter(([name]) => !this.#transient.has(name))
    const own = [...this.#parameters, ...buffers].filter((entry): entry is [string, Tensor] => entry[1] !== null)
    return own
      .map(([name, tensor]): [string, Tensor] => [prefix + name, tensor])
      .concat(this.childEntries().flatMap(([name, child]) => child.#entries(`${prefix}${name}.`)))
  }

  /**
   * Copies values into this module's tensors, converting dtype and device.
   *
   * @param dict tensors by key, as {@link stateDict} names them
   * @param options.strict false skips keys that only one side has; shapes must match all the same
   * @returns the skipped keys
   * @throws MbconvError ERR_VALUE listing missing and unknown keys, ERR_SHAPE if only shapes differ, ERR_TYPE for a
   *   value that is not a tensor, ERR_DISPOSED; nothing has been changed then
   */
  loadStateDict(dict: Record<string, Tensor>, options: LoadOptions = {}): Skipped {
    return loadInto(this.stateDict(), dict, options)
  }

  /**
   * A deep copy, as Python's copy.deepcopy makes it: own parameters and buffers with the same values and
   * `requiresGrad`, without gradients; the same modes and hooks. What is shared inside stays shared in the copy.
   * Functions are not copied: a function assigned to `forward` is the same in the copy.
   *
   * @throws MbconvError ERR_NOT_IMPLEMENTED for a class with private fields (#name): define clone() there; ERR_AUTOGRAD
   *   for a property that is the result of operations; ERR_DISPOSED, ERR_OOM, ERR_CUDA_OOM
   */
  clone(): this {
    const copier: Copier = new Copier((value) => {
      if (!(value instanceof Module)) return undefined
      return value.clone === Module.prototype.clone ? value.#copy(copier) : value.clone()
    })
    try {
      return this.#copy(copier)
    } catch (error) {
      for (const tensor of copier.made) tensor.dispose()
      throw error
    }
  }

  #copy(copier: Copier): this {
    refusePrivate(this, Module.prototype)
    const copy = Reflect.construct(Module, []) as this
    Object.setPrototypeOf(copy, Object.getPrototypeOf(this))
    copier.record(this, copy)
    for (const [name, tensor] of this.#parameters) {
      if (tensor !== null) trained.add(copier.tensor(tensor))
      copy.registerParameter(name, tensor && copier.tensor(tensor))
    }
    for (const [name, tensor] of this.#buffers) {
      copy.registerBuffer(name, tensor && copier.tensor(tensor), { persistent: !this.#transient.has(name) })
    }
    for (const key of Reflect.ownKeys(this)) {
      if (typeof key === 'string' && (this.#parameters.has(key) || this.#buffers.has(key))) continue
      const property = Object.getOwnPropertyDescriptor(this, key) as PropertyDescriptor
      if (key === 'forward' && property.get !== undefined) continue
      if ('value' in property) property.value = copier.value(property.value)
      Object.defineProperty(copy, key, property)
    }
    this.copyHooks(copy)
    return copy
  }

  // --- modes and places ----------------------------------------------------------------------------------------------

  /** Sets training mode in this module and, by their own `train`, in all inside it. */
  train(mode = true): this {
    if (typeof mode !== 'boolean') {
      throw new MbconvError('ERR_TYPE', `train: mode must be a boolean, got ${shown(mode)}`, { op: 'train' })
    }
    this.training = mode
    for (const child of this.children()) child.train(mode)
    return this
  }
  /** Sets evaluation mode: batch norm uses running statistics, dropout drops nothing. */
  eval(): this {
    return this.train(false)
  }

  /** Sets whether the parameters require gradients. Make the optimiser afterwards. */
  requiresGrad_(value = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(value)
    return this
  }

  /**
   * Moves or converts parameters and buffers of this module in place. A tensor that has to change is replaced; its old
   * handle is disposed, and its gradient with it. Make the optimiser afterwards.
   *
   * @throws MbconvError ERR_TYPE for a dtype that is not floating-point, ERR_CUDA_UNAVAILABLE, ERR_OOM, ERR_CUDA_OOM;
   *   the module is unchanged then
   */
  to(options: MoveOptions): this {
    moveTensors(
      this.modules().flatMap((module) => [module.#parameters, module.#buffers]),
      options,
      (from, to) => {
        if (trained.has(from)) trained.add(to)
      },
    )
    return this
  }
  /** {@link to} float32. */
  float(): this {
    return this.to({ dtype: 'float32' })
  }
  /** {@link to} float64. */
  double(): this {
    return this.to({ dtype: 'float64' })
  }
  /** {@link to} float16. */
  half(): this {
    return this.to({ dtype: 'float16' })
  }
  /** {@link to} bfloat16. */
  bfloat16(): this {
    return this.to({ dtype: 'bfloat16' })
  }
  /** {@link to} the CPU. */
  cpu(): this {
    return this.to({ device: 'cpu' })
  }
  /** {@link to} a GPU, by default the current one. */
  cuda(index?: number): this {
    return this.to({ device: index === undefined ? 'cuda' : `cuda:${index}` })
  }

  /**
   * Removes every parameter's gradient.
   *
   * @param options.setToNone false fills the gradients with zeros instead. Default true
   */
  zeroGrad(options: ZeroGradOptions = {}): void {
    checkOptions('zeroGrad', options, ['setToNone'])
    const parameters = this.parameters()
    if (options.setToNone ?? true) {
      native().zeroGrad(parameters)
      return
    }
    noGrad(() =>
      scope(() => {
        for (const parameter of parameters) parameter.grad?.zero_()
      }),
    )
  }

  // --- its text and its end ------------------------------------------------------------------------------------------

  /** The settings that the module's text shows in parentheses, as PyTorch writes them. For subclasses to define. */
  extraRepr(): string {
    return ''
  }

  /** The module and all inside it, as PyTorch prints them. */
  override toString(): string {
    return described(this.constructor.name, this.extraRepr(), this.childTexts())
  }

  /** The texts of the children, for {@link toString}. */
  protected childTexts(): [string, string][] {
    return this.childEntries().map(([name, child]) => [name, child.toString()])
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  /** Frees the parameters and buffers of this module and all inside it. Repeated calls are harmless. */
  dispose(): void {
    for (const module of this.modules()) {
      for (const tensor of module.#parameters.values()) tensor?.dispose()
      for (const tensor of module.#buffers.values()) tensor?.dispose()
    }
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}

export function checkModule(op: string, name: string, value: unknown): asserts value is AnyModule {
  if (value instanceof Module) return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} is not a Module`, { op })
}
