/**
 * The part of protobuf's wire format that writing needs. Source: https://protobuf.dev/programming-guides/encoding
 *
 * A message is a list of pieces with known lengths. So the length of an enclosing message can be written before its
 * content, and the bytes of large pieces are made only when they are written.
 */

/** Bytes that are made when they are written. */
interface LatePiece {
  length: number
  make: () => Uint8Array
}
type Piece = Uint8Array | LatePiece

/** Wire types: the lower three bits of a key. */
const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2
const FIXED32 = 5

/** Pieces smaller than this are collected before they are written. */
const GATHER_BYTES = 1 << 16

/** Encodes a whole number from 0 to 2^53 in groups of seven bits, lowest first. */
function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

const key = (field: number, kind: number) => varint(field * 8 + kind)

/** Doubles as protobuf stores them, lowest byte first. */
function doubleBytes(values: ArrayLike<number>): Uint8Array {
  const bytes = Buffer.alloc(8 * values.length)
  for (let i = 0; i < values.length; i++) bytes.writeDoubleLE(values[i], 8 * i)
  return bytes
}

/** A message under construction. Each method adds a field and returns the message. */
export class Message {
  readonly #pieces: Piece[] = []
  #length = 0

  /** Length of the message in bytes. */
  get length(): number {
    return this.#length
  }

  #add(...pieces: Piece[]): this {
    for (const piece of pieces) {
      this.#pieces.push(piece)
      this.#length += piece.length
    }
    return this
  }

  /** An int32, int64, enum or bool that is not negative. */
  int(field: number, value: number): this {
    return this.#add(key(field, VARINT), varint(value))
  }

  /** A repeated int64, unpacked: proto2 writes it so, and every reader accepts it. */
  ints(field: number, values: readonly number[]): this {
    for (const value of values) this.int(field, value)
    return this
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeFloatLE(value)
    return this.#add(key(field, FIXED32), bytes)
  }

  double(field: number, value: number): this {
    return this.#add(key(field, FIXED64), doubleBytes([value]))
  }

  /** A repeated double, packed. */
  doubles(field: number, values: ArrayLike<number>): this {
    return this.#delimited(field, doubleBytes(values))
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'))
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#delimited(field, value)
  }

  /** @param make called when the bytes are written; must return `length` bytes */
  late(field: number, length: number, make: () => Uint8Array): this {
    return this.#delimited(field, { length, make })
  }

  message(field: number, value: Message): this {
    this.#add(key(field, DELIMITED), varint(value.length))
    // Add one by one: a graph has more pieces than a call may have arguments.
    for (const piece of value.#pieces) this.#add(piece)
    return this
  }

  messages(field: number, values: Iterable<Message>): this {
    for (const value of values) this.message(field, value)
    return this
  }

  #delimited(field: number, piece: Piece): this {
    return this.#add(key(field, DELIMITED), varint(piece.length), piece)
  }

  /** The bytes: small pieces collected, large ones unchanged. Only one large piece exists at a time. */
  *encode(): Generator<Uint8Array> {
    let gathered: Uint8Array[] = []
    let size = 0
    const flush = function* () {
      if (size > 0) yield Buffer.concat(gathered)
      gathered = []
      size = 0
    }
    for (const piece of this.#pieces) {
      const bytes = piece instanceof Uint8Array ? piece : piece.make()
      if (bytes.length !== piece.length) throw new Error(`${bytes.length} bytes where ${piece.length} were announced`)
      if (bytes.length >= GATHER_BYTES) {
        yield* flush()
        yield bytes
        continue
      }
      gathered.push(bytes)
      size += bytes.length
      if (size >= GATHER_BYTES) yield* flush()
    }
    yield* flush()
  }
}
