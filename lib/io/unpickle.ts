/**
 * A reader of Python's pickle format that builds values and runs nothing.
 *
 * Pickle is a program for a small machine; some of its instructions call any function by name. Here the only functions are
 * those the caller names. Whatever else a pickle calls or makes becomes a {@link Placeholder}, which knows nothing but the
 * name: the weights beside an optimiser can be read, the optimiser is never made. Format: CPython's Lib/pickletools.py,
 * protocols 2 to 5.
 */

import { quoted } from '../files/open'

/** Python's dict. Maps keep the order and have no inherited keys. */
export type PickleDict = Map<unknown, unknown>

/** A function of Python that may be called, as `module.name`; its arguments are an array. */
export type Callable = (args: unknown[]) => unknown

export interface UnpickleOptions {
  /** What a global name stands for: a {@link Global} or a value. Undefined makes a {@link Placeholder} of it. */
  global: (name: string) => unknown
  /** What a persistent id stands for. */
  persistent: (id: unknown) => unknown
  /** Throws for the caller, with the problem. */
  reject: (problem: string) => never
}

const MARK = Symbol('mark')

/**
 * What the values of a pickle may take, in bytes, roughly counted. One byte of a pickle is enough for an empty dictionary,
 * and two for a copy of a long list; a checkpoint of L2 with its average and an optimiser comes to 21 MB.
 */
const MOST_MEMORY = 64 * 2 ** 20
/** Of a place on the stack, a short list, an entry of a dictionary or memo, a dictionary. */
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
 * Stands for a class, a function or an object of Python's that this reader does not know. It is inert: nothing that the
 * file says of it is kept but the name.
 */
export class Placeholder {
  /** `argparse.Namespace`, say. */
  readonly global: string

  constructor(global: string) {
    this.global = global
  }

  /** What a message says of it. */
  toString(): string {
    return `an object of ${printable(this.global)}`
  }
}

/** Modules of which torch.load takes nothing either, whoever allows it. */
const BLOCKED = /^(sys|os|posix|nt)\./

/** A name of Python's as a message may show it. */
const printable = (name: string) => (/^[\w.]{1,200}$/.test(name) ? name : quoted(name))

/** Half a surrogate from the three bytes that Python writes for it; bytes as Latin-1. */
const half = (bytes: string) =>
  String.fromCharCode(0xd000 | ((bytes.charCodeAt(1) & 0x3f) << 6) | (bytes.charCodeAt(2) & 0x3f))

/** What a message says of something in a file that only Python could make. */
export const asksFor = (placeholder: Placeholder) =>
  `its pickle asks for ${printable(placeholder.global)}, which is not among what weights are made of: save model.state_dict() instead`

export function unpickle(data: Buffer, { global, persistent, reject }: UnpickleOptions): unknown {
  const stack: unknown[] = []
  const memo = new Map<number, unknown>()
  /** Made by a call: these may be given attributes, which nobody keeps. */
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
  /** The value on top, which stays there. */
  const top = () => {
    if (stack.length === 0 || stack[stack.length - 1] === MARK) reject('its pickle keeps what it has not made')
    return stack[stack.length - 1]
  }
  const remember = (index: number) => {
    spend(COST.entry)
    memo.set(index, top())
  }
  /** What lies above the last mark. */
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
      // Python writes half a surrogate, as in a file's name that is not UTF-8, as three bytes.
      try {
        const parts = bytes.toString('latin1').split(/(\xed[\xa0-\xbf][\x80-\xbf])/)
        return parts.map((part, i) => (i % 2 === 0 ? utf8.decode(Buffer.from(part, 'latin1')) : half(part))).join('')
      } catch {
        // Replacing what is wrong could make one name of two.
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
    // Python 2's name, which protocol 2 keeps.
    const name = written.replace(/^__builtin__\./, 'builtins.')
    if (BLOCKED.test(name)) reject(`its pickle asks for ${printable(name)}, which no weights need`)
    spend(COST.dict)
    return global(name) ?? new Placeholder(name)
  }
  const call = (callable: unknown, args: unknown) => {
    const known = callable instanceof Global || callable instanceof Placeholder
    if (!known || !Array.isArray(args)) reject('its pickle calls what is no function')
    // A dictionary made of a list or another dictionary has a copy of it, each time.
    const [first] = args as unknown[]
    const copied = Array.isArray(first) ? first.length : first instanceof Map ? first.size : 0
    // Bytes are made of text.
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
  // Tuples cannot be changed; freezing tells them from lists.
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
        // NEWOBJ_EX: with arguments by name, which nothing known here has.
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
        // PyTorch keeps the versions of modules as an attribute of an OrderedDict. Attributes are not kept here.
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
