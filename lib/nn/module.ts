/** Module: a part of a network with parameters, buffers and child modules; and Sequential. */
import { checkOptions, listed, shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import type { Device, DType, MemoryFormat } from '../native/types'
import { noGrad } from '../tensor/core/autograd'
import { keep, scope } from '../tensor/core/scope'
import { Tensor } from '../tensor/core/tensor'

/** The properties that {@link Module.to} changes. Those left out stay unchanged. */
export interface MoveOptions {
  /** Where parameters and buffers go: `cpu`, `cuda:0`. */
  device?: Device
  /** A floating-point type. Applies to floating-point tensors; batch counters stay int64. */
  dtype?: DType
  /** Applies to 4-d tensors, the weights of convolutions. */
  memoryFormat?: MemoryFormat
}

const FLOATS: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16']

/** How strictly names must fit. */
export interface LoadStateOptions {
  /** Whether names that are missing or unknown are an error. Default true. */
  strict?: boolean
}

/** Names that did not fit. */
export interface KeyMismatch {
  /** Names that the module has and the dictionary lacks. */
  missing: string[]
  /** Names that the dictionary has and the module lacks. */
  unexpected: string[]
}

/**
 * Base class of every layer and network.
 *
 * A subclass assigns its child modules to properties (the property's name becomes part of the state dict's keys),
 * passes its own tensors to {@link addParameter} and {@link addBuffer}, and defines {@link forward}. Tensors of a
 * module are kept out of every scope; {@link dispose} frees them.
 */
export abstract class Module {
  /** Training mode: batch norm uses the batch's statistics, and dropout drops. See {@link train} and {@link eval}. */
  training = true
  readonly #parameters = new Map<string, Tensor>()
  readonly #buffers = new Map<string, Tensor>()

  /** Computes the output from the input. Every layer defines its own. */
  abstract forward(x: Tensor): Tensor

  // --- what it is made of --------------------------------------------------------------------------------------------

  /** Adds `tensor` as a trained parameter under `name`. */
  protected addParameter(name: string, tensor: Tensor): void {
    checkTensor('addParameter', name, tensor)
    this.#parameters.set(name, keep(tensor.requiresGrad_()))
  }
  /** Adds `tensor` to the module's state under `name`; it is not trained. */
  protected addBuffer(name: string, tensor: Tensor): void {
    checkTensor('addBuffer', name, tensor)
    this.#buffers.set(name, keep(tensor))
  }
  /** The current parameter of that name; {@link to} may replace it. */
  protected parameter(name: string): Tensor {
    return this.#parameters.get(name) as Tensor
  }
  protected buffer(name: string): Tensor {
    return this.#buffers.get(name) as Tensor
  }

  /** The child modules in order, with their names in the state dict. */
  namedChildren(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module)
  }
  /** The modules directly below this one, in the order of their definition. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child)
  }
  /** This module and all modules inside it, outermost first. */
  modules(): Module[] {
    return [this, ...this.children().flatMap((child) => child.modules())]
  }

  /** All parameters inside with their state dict keys, which begin with `prefix`. */
  namedParameters(prefix = ''): [string, Tensor][] {
    const own = [...this.#parameters].map(([name, t]): [string, Tensor] => [prefix + name, t])
    return own.concat(this.namedChildren().flatMap(([name, child]) => child.namedParameters(`${prefix}${name}.`)))
  }
  /** The parameters of this module and of all below it. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, parameter]) => parameter)
  }
  /**
   * The buffers of this module and of all below it, such as running statistics, with their names in the state dict.
   * `prefix` is put before each name.
   */
  namedBuffers(prefix = ''): [string, Tensor][] {
    const own = [...this.#buffers].map(([name, t]): [string, Tensor] => [prefix + name, t])
    return own.concat(this.namedChildren().flatMap(([name, child]) => child.namedBuffers(`${prefix}${name}.`)))
  }

  // --- its state -----------------------------------------------------------------------------------------------------

  /**
   * Parameters and buffers by key, in PyTorch's order: a module's own parameters, its own buffers, then its children's.
   * The tensors themselves, not copies: writing to one changes the module.
   */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.#entries(''))
  }

  #entries(prefix: string): [string, Tensor][] {
    const own = [...this.#parameters, ...this.#buffers].map(([name, t]): [string, Tensor] => [prefix + name, t])
    return own.concat(this.namedChildren().flatMap(([name, child]) => child.#entries(`${prefix}${name}.`)))
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
  loadStateDict(dict: Record<string, Tensor>, options: LoadStateOptions = {}): KeyMismatch {
    const op = 'loadStateDict'
    if (typeof dict !== 'object' || dict === null) {
      throw new MbconvError('ERR_TYPE', `${op}: expected an object of tensors by key`, { op })
    }
    checkOptions(op, options, ['strict'])
    const { strict = true } = options
    const own = this.stateDict()
    const keys = Object.keys(own)
    const missing = keys.filter((key) => !Object.hasOwn(dict, key))
    const unexpected = Object.keys(dict).filter((key) => !Object.hasOwn(own, key))
    const shared = keys.filter((key) => Object.hasOwn(dict, key))
    const misfits: string[] = []
    for (const key of shared) {
      const value = dict[key]
      checkTensor(op, key, value)
      if (value.isDisposed) throw new MbconvError('ERR_DISPOSED', `${op}: ${key} has been disposed`, { op })
      const [has, wants] = [value.shape.join(', '), own[key].shape.join(', ')]
      if (has !== wants) misfits.push(`${key}: [${has}] given, [${wants}] here`)
    }
    const problems = [
      ...(strict && missing.length > 0 ? [`missing keys: ${listed(missing, { most: 8 })}`] : []),
      ...(strict && unexpected.length > 0 ? [`unknown keys: ${listed(unexpected, { most: 8 })}`] : []),
      ...(misfits.length > 0 ? [`shapes that differ: ${listed(misfits, { most: 8, separator: '; ' })}`] : []),
    ]
    if (problems.length > 0) {
      const onlyShapes = problems.length === 1 && misfits.length > 0
      throw new MbconvError(onlyShapes ? 'ERR_SHAPE' : 'ERR_VALUE', `${op}: ${problems.join('\n  ')}`, {
        op,
        hint: 'The weights must come from the same architecture with the same number of classes and channels.',
      })
    }
    noGrad(() => {
      for (const key of shared) own[key].copy_(dict[key])
    })
    return { missing, unexpected }
  }

  // --- modes and places ----------------------------------------------------------------------------------------------

  /** Sets training mode in this module and all inside it. */
  train(mode = true): this {
    if (typeof mode !== 'boolean') {
      throw new MbconvError('ERR_TYPE', `train: mode must be a boolean, got ${shown(mode)}`, { op: 'train' })
    }
    for (const module of this.modules()) module.training = mode
    return this
  }
  /** Sets evaluation mode: batch norm uses running statistics, dropout drops nothing. */
  eval(): this {
    return this.train(false)
  }

  /**
   * Moves or converts parameters and buffers of this module in place. A tensor that has to change is replaced; its old
   * handle is disposed, and its gradient with it. Make the optimiser afterwards.
   *
   * @throws MbconvError ERR_TYPE for a dtype that is not floating-point, ERR_CUDA_UNAVAILABLE, ERR_OOM, ERR_CUDA_OOM;
   *   the module is unchanged then
   */
  to(options: MoveOptions): this {
    const op = 'Module.to'
    checkOptions(op, options, ['device', 'dtype', 'memoryFormat'])
    const { device, dtype, memoryFormat } = options
    if (dtype !== undefined && !FLOATS.includes(dtype)) {
      throw new MbconvError('ERR_TYPE', `${op}: dtype must be one of ${FLOATS.join(', ')}, got ${shown(dtype)}`, { op })
    }
    const moved: { tensors: Map<string, Tensor>; name: string; from: Tensor; to: Tensor }[] = []
    try {
      for (const module of this.modules()) {
        for (const tensors of [module.#parameters, module.#buffers]) {
          for (const [name, from] of tensors) {
            const change = {
              device: device === from.device ? undefined : device,
              dtype: dtype === from.dtype || !FLOATS.includes(from.dtype) ? undefined : dtype,
              memoryFormat: from.ndim !== 4 || from.memoryFormat === memoryFormat ? undefined : memoryFormat,
            }
            if (Object.values(change).every((value) => value === undefined)) continue
            const to = scope(() => keep(from.detach().to(change).requiresGrad_(from.requiresGrad)))
            moved.push({ tensors, name, from, to })
          }
        }
      }
    } catch (error) {
      for (const { to } of moved) to.dispose()
      throw error
    }
    for (const { tensors, name, from, to } of moved) {
      tensors.set(name, to)
      from.dispose()
    }
    return this
  }

  /** Removes every parameter's gradient. */
  zeroGrad(): void {
    native().zeroGrad(this.parameters())
  }

  /** Frees the parameters and buffers of this module and all inside it. Repeated calls are harmless. */
  dispose(): void {
    for (const module of this.modules()) {
      for (const tensor of module.#parameters.values()) tensor.dispose()
      for (const tensor of module.#buffers.values()) tensor.dispose()
    }
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}

function checkTensor(op: string, name: string, value: unknown): asserts value is Tensor {
  if (value instanceof Tensor) return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} is not a tensor`, { op })
}

/** Modules in sequence. Their names are their positions. */
export class Sequential extends Module {
  readonly #list: readonly Module[]

  constructor(...modules: Module[]) {
    super()
    for (const [i, module] of modules.entries()) {
      if (module instanceof Module) continue
      throw new MbconvError('ERR_TYPE', `Sequential: argument ${i} is not a Module`, { op: 'Sequential' })
    }
    this.#list = modules
  }

  /** Number of its modules. */
  get length(): number {
    return this.#list.length
  }
  /** The module at a position. Negative positions count from the end. */
  at(index: number): Module | undefined {
    return this.#list.at(index)
  }
  [Symbol.iterator](): Iterator<Module> {
    return this.#list[Symbol.iterator]()
  }

  override namedChildren(): [string, Module][] {
    return this.#list.map((module, i): [string, Module] => [String(i), module])
  }

  forward(x: Tensor): Tensor {
    let y = x
    for (const module of this.#list) y = module.forward(y)
    return y
  }
}
