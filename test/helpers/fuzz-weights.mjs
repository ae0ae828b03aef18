// Weights with something changed in them, by a seed.
import { archive, dictOf, program, tensor } from './pth-writer.mjs'

/** Whole numbers below n, the same for the same seed. */
export function randomOf(seed) {
  let state = seed >>> 0
  return (n) => {
    // xorshift32: the low bits of a congruential generator are not random enough to choose among two.
    state = (state + 0x9e3779b9) >>> 0
    let x = state
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return ((x ^ (x >>> 16)) >>> 0) % n
  }
}

const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]
const TOKENS = [
  '-1',
  '1e99',
  '0',
  '1',
  '9007199254740993',
  '4294967296',
  '1.5',
  'null',
  '"F32"',
  '[]',
  '{}',
  'NaN',
  '[1,2]',
  '"\\u0000"',
]

/** Bytes changed, moved, lost or added; sometimes several of these. */
function scramble(bytes, random) {
  let result = Buffer.from(bytes)
  for (let i = 0; i <= random(3); i++) {
    if (result.length < 2) return result
    const at = random(result.length)
    const length = 1 + random(Math.min(16, result.length - at))
    const part = result.subarray(at, at + length)
    const [before, after] = [result.subarray(0, at), result.subarray(at + length)]
    switch (random(8)) {
      case 0:
      case 1:
        result[at] ^= 1 << random(8)
        break
      case 2:
        result[at] = random(256)
        break
      case 3:
        if (at + 4 <= result.length) result.writeUInt32LE(NUMBERS[random(NUMBERS.length)], at)
        break
      case 4:
        result = Buffer.concat([before, after])
        break
      case 5:
        result = Buffer.concat([before, part, part, after])
        break
      case 6:
        result = Buffer.concat([before, Buffer.alloc(length, random(256)), after])
        break
      case 7:
        result = Buffer.from(before)
        break
    }
  }
  return result
}

/** A header whose JSON stays in one piece, with other numbers, names or words in it. */
function otherHeader(bytes, random) {
  const length = Number(bytes.readBigUInt64LE(0))
  const text = bytes.toString('utf8', 8, 8 + length)
  const tokens = [...text.matchAll(/-?\d+|"[^"]*"|\[[^[\]]*\]/g)]
  const { index, 0: old } = tokens[random(tokens.length)]
  const token = random(3) === 0 ? tokens[random(tokens.length)][0] : TOKENS[random(TOKENS.length)]
  const changed = Buffer.from(text.slice(0, index) + token + text.slice(index + old.length))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(changed.length))
  return Buffer.concat([prefix, changed, bytes.subarray(8 + length)])
}

export function mutatedSafetensors(sources, random) {
  const source = sources[random(sources.length)]
  return random(2) === 0 ? otherHeader(source, random) : scramble(source, random)
}

const PICKLES = [
  () => program(dictOf([['weight', tensor()]])),
  () =>
    program(
      dictOf([
        [
          'state_dict',
          dictOf([
            ['a', tensor()],
            ['b', tensor({ shape: [2, 2], strides: [1, 2] })],
            ['c', tensor({ offset: 2, shape: [2] })],
          ]),
        ],
      ]),
    ),
]

/** Whole archives, and pickles in archives whose checksums hold, so that the changes are not all caught there. */
export function mutatedPth(sources, random) {
  if (random(2) === 0) return scramble(sources[random(sources.length)], random)
  return archive(scramble(PICKLES[random(PICKLES.length)](), random))
}

const WORDS = [
  'a',
  'b',
  '__proto__',
  'constructor',
  'toString',
  '__metadata__',
  'dtype',
  'shape',
  'data_offsets',
  '',
  '\\u0061',
]
const VALUES = [
  ...[
    'null',
    'true',
    '0',
    '-1',
    '1.5',
    '8',
    '1e400',
    '-0',
    '9007199254740993',
    '18446744073709551616',
    '"F32"',
    '"U8"',
  ],
  ...[
    '"F8_E4M3"',
    '""',
    '"__proto__"',
    '[]',
    '{}',
    '[0,8]',
    '[8]',
    '[2]',
    '[0,0]',
    '[[1]]',
    '[null]',
    '["1"]',
    '{"a":1}',
  ],
]

/** A header's text: JSON of nearly the right shape, wrong at any level, sometimes with more behind it. */
export function pairsOf(random) {
  const any = (list) => list[random(list.length)]
  const value = (good) => (random(4) === 0 ? any(VALUES) : good)
  const entry = () => {
    const fields = [
      ['dtype', value('"F32"')],
      ['shape', value('[2]')],
      ['data_offsets', value('[0,8]')],
    ].filter(() => random(12) > 0)
    if (random(8) === 0) fields.push([any(WORDS), any(VALUES)])
    return `{${fields.map(([name, each]) => `"${name}":${each}`).join(',')}}`
  }
  const entries = Array.from({ length: random(3) }, () => `"${any(WORDS)}":${value(entry())}`)
  const behind = ['', '', '', '', ' ', '"a"', '{}', ',', ']', '}', 'null', '"', ':', '"a":1']
  return `{${entries.join(any([',', ',', ',', ',,', ':', ' ']))}${any(['}', '}', '}', '}', ']', ''])}${any(behind)}`
}
