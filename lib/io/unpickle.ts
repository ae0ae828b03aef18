/**
 * A reader of Python's pickle format that builds values and executes nothing.
 *
 * Pickle is a program for a small machine, and some of its instructions call any function by name. Here only functions
 * that the caller names can be called. Any other class, function or object in a pickle becomes a {@link Placeholder},
 * which holds only the name. So the weights beside an optimiser can be read without making the optimiser. Format:
 * CPython's Lib/pickletools.py, protocols 2 to 5.
 */

import { quoted } from '../files/open'

/** Python's dict. A Map keeps the order and has no inherited keys. */
export type PickleDict = Map<unknown, unknown>

/** A Python function that may be called, as `module.name`. Its arguments are an array. */
export type Callable = (args: unknown[]) => unknown

export interface UnpickleOptions {
  /** The object for a global name: a {@link Global} or a value. Undefined makes a {@link Placeholder}. */
  global: (name: string) => unknown
  /** The object for a persistent id. */
  persistent: (id: unknown) => unknown
  /** Throws an error with the problem, on behalf of the caller. */
  reject: (problem: string) => never
}

const MARK = Symbol('mark')

/**
 * Limit of the memory that a pickle's values may take, in bytes, roughly counted. One byte of a pickle is enough for an
 * empty dictionary, and two for a copy of a long list. A checkpoint of L2 with its average and an optimiser takes 21
 * MB.
 */
const MOST_MEMORY = 64 * 2 ** 20
/** Bytes of a place on the stack, a short list, an entry of a dictionary or memo, a dictionary. */
const COST = { place: 16, list: 64, entry: 128, dict: 256 }

/** A global that may be called. */
export class Global {
  readonly name: string
  readonly call: Callable

  constructor(name: string, call: Callable) {
    this.name = name
    this.call = call
  }
}

/**
 * Stands for a Python class, function or object that this reader does not know. It is inert: of all that the file says
 * about it, only the name is kept.
 */
export class Placeholder {
  /** For example `argparse.Namespace`. */
  readonly global: string

  constructor(global: string) {
    this.global = global
  }

  /** Its description in a message. */
  toString(): string {
    return `an object of ${printable(this.global)}`
  }
}

/** Modules that torch.load refuses too, even if a caller allows them. */
const BLOCKED = /^(sys|os|posix|nt)\./

/** A Python name, for a message. */
const printable = (name: string) => (/^[\w.]{1,200}$/.test(name) ? name : quoted(name))

/** Decodes the three bytes that Python writes for a lone surrogate. `bytes` is Latin-1. */
const half = (bytes: string) =>
  String.fromCharCode(0xd000 | ((bytes.charCodeAt(1) & 0x3f) << 6) | (bytes.charCodeAt(2) & 0x3f))

/** The message for an object in a file that only Python could make. */
export const asksFor = (placeholder: Placeholder) =>
  `its pickle asks for ${printable(placeholder.global)}, which is not among what weights are made of: save model.state_dict() instead`

export function unpickle(data: Buffer, { global, persistent, reject }: UnpickleOptions): unknown {
  const stack: unknown[] = []
  const memo = new Map<number, unknown>()
  /** Objects made by a call. They may be given attributes, which are dropped. */
  const made = new WeakSet<object>()
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let at = 0
  let memory = 0
  const spend = (bytes: number) => {
    memory += bytes
    if (memory > MOST_MEMORY) reject('its pickle would take too much memory')
  }
  const need = (bytes: number) => {
    if (at + bytes > data.length) reject('its pickle ends too early')
    at += bytes
    return at - bytes
  }
  const pop = () => {
    if (stack.length === 0 || stack[stack.length - 1] === MARK) reject('its pickle takes from an empty stack')
    return stack.pop()
  }
  const push = (value: unknown) => {
    spend(COST.place)
    stack.push(value)
  }
  /** Returns the value on top and leaves it there. */
  const top = () => {
    if (stack.length === 0 || stack[stack.length - 1] === MARK) reject('its pickle keeps what it has not made')
    return stack[stack.length - 1]
  }
  const remember = (index: number) => {
    spend(COST.entry)
    memo.set(index, top())
  }
  /** Takes the values above the last mark. */
  const items = () => {
    const mark = stack.lastIndexOf(MARK)
    if (mark < 0) reject('its pickle has no mark where it needs one')
    const above = stack.splice(mark + 1)
    stack.pop()
    return above
  }
  const decode = (start: number, end: number) => {
    spend(COST.list + 2 * (end - start))
    const bytes = data.subarray(start, end)
    try {
      return utf8.decode(bytes)
    } catch {
      // Python writes a lone surrogate, e.g. in a file name that is not UTF-8, as three bytes.
      try {
        const parts = bytes.toString('latin1').split(/(\xed[\xa0-\xbf][\x80-\xbf])/)
        return parts.map((part, i) => (i % 2 === 0 ? utf8.decode(Buffer.from(part, 'latin1')) : half(part))).join('')
      } catch {
        // Refuse: with a replacement character two names could become equal.
        return reject('its pickle has text that is not UTF-8')
      }
    }
  }
  const line = () => {
    const end = data.indexOf(10, at)
    if (end < 0) reject('its pickle ends too early')
    const start = at
    at = end + 1
    return decode(start, end)
  }
  const text = (bytes: number) => {
    const start = need(bytes)
    return decode(start, start + bytes)
  }
  const size64 = () => {
    const value = data.readBigUInt64LE(need(8))
    if (value > BigInt(data.length)) reject('its pickle ends too early')
    return Number(value)
  }
  const bytes = (length: number) => {
    const start = need(length)
    spend(COST.list + length)
    push(Uint8Array.from(data.subarray(start, start + length)))
  }
  const named = (written: string) => {
    // Protocol 2 writes Python 2's name of the module `builtins`.
    const name = written.replace(/^__builtin__\./, 'builtins.')
    if (BLOCKED.test(name)) reject(`its pickle asks for ${printable(name)}, which no weights need`)
    spend(COST.dict)
    return global(name) ?? new Placeholder(name)
  }
  const call = (callable: unknown, args: unknown) => {
    const known = callable instanceof Global || callable instanceof Placeholder
    if (!known || !Array.isArray(args)) reject('its pickle calls what is no function')
    // A dictionary made from a list or another dictionary copies it each time.
    const [first] = args as unknown[]
    const copied = Array.isArray(first) ? first.length : first instanceof Map ? first.size : 0
    // Bytes made from a text take its length.
    spend(COST.dict + COST.entry * copied + (typeof first === 'string' ? first.length : 0))
    const result =
      callable instanceof Global ? callable.call(args as unknown[]) : new Placeholder((callable as Placeholder).global)
    if (typeof result === 'object' && result !== null) made.add(result)
    push(result)
  }
  const setItems = (pairs: unknown[]) => {
    const dict = top()
    if (dict instanceof Placeholder) return
    if (!(dict instanceof Map) || pairs.length % 2 !== 0) reject('its pickle sets items of something else than a dict')
    for (let i = 0; i < pairs.length; i += 2) {
      spend(COST.entry)
      if ((dict as PickleDict).has(pairs[i])) reject('its pickle sets an item of a dict twice')
      ;(dict as PickleDict).set(pairs[i], pairs[i + 1])
    }
  }
  const append = (values: unknown[]) => {
    const list = top()
    if (list instanceof Placeholder) return
    if (!Array.isArray(list) || Object.isFrozen(list)) reject('its pickle appends to something else than a list')
    spend(COST.place * values.length)
    for (const value of values) (list as unknown[]).push(value)
  }
  const integer = (bytes: number) => {
    const start = need(bytes)
    if (bytes === 0) return 0
    spend(bytes)
    const hex = Buffer.from(data.subarray(start, start + bytes))
      .reverse()
      .toString('hex')
    const value = BigInt.asIntN(8 * bytes, BigInt(`0x${hex}`))
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }
  const toSet = (set: unknown, values: unknown[]) => {
    if (set instanceof Placeholder) return
    if (!(set instanceof Set)) reject('its pickle adds to something else than a set')
    spend(COST.entry * values.length)
    for (const value of values) (set as Set<unknown>).add(value)
  }
  // Freezing marks an array as a tuple, which cannot be changed.
  const tuple = (values: unknown[]) => {
    spend(COST.list + COST.place * values.length)
    push(Object.freeze(values))
  }

  for (;;) {
    const opcode = String.fromCharCode(data[need(1)])
    switch (opcode) {
      case '\x80': // PROTO
        if (data[need(1)] > 5) reject('its pickle is of an unknown protocol')
        break
      case '\x95': // FRAME
        need(8)
        break
      case '.':
        if (at !== data.length) reject('its pickle goes on behind its end')
        return pop()
      case '(':
        push(MARK)
        break
      case '0':
        pop()
        break
      case 'N':
        push(null)
        break
      case '\x88':
        push(true)
        break
      case '\x89':
        push(false)
        break
      case 'K':
        push(data[need(1)])
        break
      case 'M':
        push(data.readUInt16LE(need(2)))
        break
      case 'J':
        push(data.readInt32LE(need(4)))
        break
      case '\x8a': // LONG1, up to 255 bytes
        push(integer(data[need(1)]))
        break
      case 'G':
        push(data.readDoubleBE(need(8)))
        break
      case 'X':
        push(text(data.readUInt32LE(need(4))))
        break
      case '\x8c': // SHORT_BINUNICODE
      case 'U': // SHORT_BINSTRING
        push(text(data[need(1)]))
        break
      case '\x8d': // BINUNICODE8
        push(text(size64()))
        break
      case 'T': // BINSTRING
        push(text(data.readUInt32LE(need(4))))
        break
      case 'C': // SHORT_BINBYTES
        bytes(data[need(1)])
        break
      case 'B': // BINBYTES
        bytes(data.readUInt32LE(need(4)))
        break
      case '\x8e': // BINBYTES8
      case '\x96': // BYTEARRAY8
        bytes(size64())
        break
      case '\x8f': // EMPTY_SET
        spend(COST.dict)
        push(new Set())
        break
      case '\x90': {
        // ADDITEMS
        const values = items()
        toSet(top(), values)
        break
      }
      case '\x91': {
        // FROZENSET
        const set = new Set()
        spend(COST.dict)
        toSet(set, items())
        push(set)
        break
      }
      case ']':
        spend(COST.list)
        push([])
        break
      case '}':
        spend(COST.dict)
        push(new Map())
        break
      case ')':
        tuple([])
        break
      case 't':
        tuple(items())
        break
      case '\x85':
        tuple([pop()])
        break
      case '\x86':
        tuple([pop(), pop()].reverse())
        break
      case '\x87':
        tuple([pop(), pop(), pop()].reverse())
        break
      case 'a':
        append([pop()])
        break
      case '1': // POP_MARK
        items()
        break
      case 'e':
        append(items())
        break
      case 's':
        setItems([pop(), pop()].reverse())
        break
      case 'u':
        setItems(items())
        break
      case 'q':
        remember(data[need(1)])
        break
      case 'r':
        remember(data.readUInt32LE(need(4)))
        break
      case '\x94': // MEMOIZE
        remember(memo.size)
        break
      case 'h':
      case 'j': {
        const key = opcode === 'h' ? data[need(1)] : data.readUInt32LE(need(4))
        if (!memo.has(key)) reject('its pickle refers to what it has not made')
        push(memo.get(key))
        break
      }
      case 'c':
        push(named(`${line()}.${line()}`))
        break
      case '\x93': {
        const [name, module] = [pop(), pop()]
        if (typeof name !== 'string' || typeof module !== 'string') reject('its pickle has a global without a name')
        push(named(`${module}.${name}`))
        break
      }
      case 'R': // REDUCE
      case '\x81': {
        // NEWOBJ
        const [args, callable] = [pop(), pop()]
        call(callable, args)
        break
      }
      case '\x92': {
        // NEWOBJ_EX: with named arguments, which no known class has.
        const [names, args, callable] = [pop(), pop(), pop()]
        if (names instanceof Map && names.size > 0 && callable instanceof Global)
          call(new Placeholder(callable.name), args)
        else call(callable, args)
        break
      }
      case 'Q':
        spend(COST.dict)
        push(persistent(pop()))
        break
      case 'b': {
        // PyTorch stores the versions of modules as an attribute of an OrderedDict. Attributes are dropped.
        pop()
        const target = top()
        const takes = typeof target === 'object' && target !== null && made.has(target)
        if (!takes) reject('its pickle sets attributes of an object')
        break
      }
      default: {
        const code = opcode.charCodeAt(0).toString(16).padStart(2, '0')
        reject(`its pickle has instruction 0x${code}, which weights do not need`)
      }
    }
  }
}
