/**
 * A reader of Python's pickle format that builds values and runs nothing.
 *
 * Pickle is a program for a small machine; some of its instructions call any function by name. Here there are only the
 * instructions that lists, dictionaries and numbers need, and the only functions are those the caller names; anything
 * else is refused by its name. Format: CPython's Lib/pickletools.py, protocols 2 to 5.
 */

/** Python's dict. Maps keep the order and have no inherited keys. */
export type PickleDict = Map<unknown, unknown>

/** A function of Python that may be called, as `module.name`; its arguments are an array. */
export type Callable = (args: unknown[]) => unknown

export interface UnpickleOptions {
  /** What a global name stands for: a {@link Callable} or a value. Undefined refuses it. */
  global: (name: string) => unknown
  /** What a persistent id stands for. */
  persistent: (id: unknown) => unknown
  /** Throws for the caller, with the problem. */
  reject: (problem: string) => never
}

const MARK = Symbol('mark')
/** Far more than any state dict has. */
const MOST_ITEMS = 5_000_000

/** A global that may be called. */
export class Global {
  readonly name: string
  readonly call: Callable

  constructor(name: string, call: Callable) {
    this.name = name
    this.call = call
  }
}

export function unpickle(data: Buffer, { global, persistent, reject }: UnpickleOptions): unknown {
  const stack: unknown[] = []
  const memo = new Map<number, unknown>()
  let at = 0
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
    if (stack.push(value) > MOST_ITEMS) reject('its pickle is too large')
  }
  /** What lies above the last mark. */
  const items = () => {
    const mark = stack.lastIndexOf(MARK)
    if (mark < 0) reject('its pickle has no mark where it needs one')
    const above = stack.splice(mark + 1)
    stack.pop()
    return above
  }
  const line = () => {
    const end = data.indexOf(10, at)
    if (end < 0) reject('its pickle ends too early')
    const text = data.toString('utf8', at, end)
    at = end + 1
    return text
  }
  const text = (bytes: number) => {
    const start = need(bytes)
    return data.toString('utf8', start, start + bytes)
  }
  const size64 = () => {
    const value = data.readBigUInt64LE(need(8))
    if (value > BigInt(data.length)) reject('its pickle ends too early')
    return Number(value)
  }
  const named = (name: string) => {
    const value = global(name)
    if (value === undefined) {
      reject(
        `its pickle asks for ${name.slice(0, 200)}, which is not among what weights are made of: save model.state_dict() instead`,
      )
    }
    return value
  }
  const setItems = (pairs: unknown[]) => {
    const dict = stack[stack.length - 1]
    if (!(dict instanceof Map) || pairs.length % 2 !== 0) reject('its pickle sets items of something else than a dict')
    for (let i = 0; i < pairs.length; i += 2) (dict as PickleDict).set(pairs[i], pairs[i + 1])
  }
  const append = (values: unknown[]) => {
    const list = stack[stack.length - 1]
    if (!Array.isArray(list) || Object.isFrozen(list)) reject('its pickle appends to something else than a list')
    for (const value of values) (list as unknown[]).push(value)
  }
  const integer = (bytes: number) => {
    const start = need(bytes)
    if (bytes > 8) reject('its pickle has an integer of more than 64 bits')
    let value = 0n
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(data[start + i])
    if (bytes > 0) value = BigInt.asIntN(8 * bytes, value)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }
  // Tuples cannot be changed; freezing tells them from lists.
  const tuple = (values: unknown[]) => push(Object.freeze(values))

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
      case '\x8a': // LONG1
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
      case ']':
        push([])
        break
      case '}':
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
        memo.set(data[need(1)], stack[stack.length - 1])
        break
      case 'r':
        memo.set(data.readUInt32LE(need(4)), stack[stack.length - 1])
        break
      case '\x94': // MEMOIZE
        memo.set(memo.size, stack[stack.length - 1])
        break
      case 'h':
      case 'j': {
        const key = opcode === 'h' ? data[need(1)] : data.readUInt32LE(need(4))
        if (!memo.has(key) || memo.get(key) === MARK) reject('its pickle refers to what it has not made')
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
      case 'R': {
        const [args, callable] = [pop(), pop()]
        if (!(callable instanceof Global) || !Array.isArray(args)) reject('its pickle calls what is no function')
        push((callable as Global).call(args as unknown[]))
        break
      }
      case 'Q':
        push(persistent(pop()))
        break
      case 'b': {
        // The attributes of an OrderedDict: PyTorch keeps the versions of its modules there.
        const [attributes, target] = [pop(), stack[stack.length - 1]]
        const harmless = attributes instanceof Map && [...attributes.keys()].every((key) => key === '_metadata')
        if (!(target instanceof Map) || !harmless) reject('its pickle sets attributes of an object')
        break
      }
      default: {
        const code = opcode.charCodeAt(0).toString(16).padStart(2, '0')
        reject(`its pickle has instruction 0x${code}, which weights do not need`)
      }
    }
  }
}
