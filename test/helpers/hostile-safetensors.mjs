// Safetensors files byte by byte, whole and otherwise.

/** A file of the given header (object or text) and data. */
export function fileOf(header, data = new Uint8Array(0), { length } = {}) {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(length ?? text.length))
  return Buffer.concat([prefix, text, data])
}

export const f32 = (start, end, shape = [1]) => ({ dtype: 'F32', shape, data_offsets: [start, end] })
const data = (n) => new Uint8Array(n)
/** Files that are not whole or not valid, and a part of what is said of each. */
export const HOSTILE = {
  'no bytes': [Buffer.alloc(0), /0 bytes/],
  'half a length': [Buffer.alloc(5), /5 bytes/],
  'a header longer than the file': [fileOf('{}', data(0), { length: 1000 }), /truncated/],
  'a huge header': [fileOf('{}', data(0), { length: 2n ** 60n }), /limit is 8388608/],
  'not UTF-8': [fileOf('{}').fill(0xff, 8), /UTF-8/],
  'not JSON': [fileOf('{"a": '), /not JSON/],
  'leading space': [fileOf(' {}'), /begin with/],
  'a list': [fileOf('[]'), /begin with/],
  'an entry of null': [fileOf({ a: null }), /"a" is not described/],
  'an entry of a number': [fileOf({ a: 1 }), /"a" is not described/],
  'no dtype': [fileOf({ a: { shape: [1], data_offsets: [0, 4] } }, data(4)), /"a" has no dtype/],
  'a negative size': [fileOf({ a: f32(0, 4, [-1]) }, data(4)), /shape \[-1\]/],
  'a fractional size': [fileOf({ a: f32(0, 4, [1.5]) }, data(4)), /shape/],
  'a size as text': [fileOf({ a: f32(0, 4, ['1']) }, data(4)), /shape/],
  'sizes whose product overflows': [fileOf({ a: f32(0, 4, [2 ** 52, 2 ** 52]) }, data(4)), /too large/],
  'one offset': [fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0] } }, data(4)), /data_offsets/],
  'negative offsets': [fileOf({ a: f32(-4, 0) }, data(4)), /data_offsets/],
  'offsets in the wrong order': [fileOf({ a: f32(4, 0) }, data(4)), /ends before it begins/],
  'too few bytes for the shape': [fileOf({ a: f32(0, 4, [2]) }, data(4)), /needs 8 bytes, has 4/],
  'an end beyond the file': [fileOf({ a: f32(0, 8, [2]) }, data(4)), /ends at byte 8 of the data, which has 4/],
  'overlapping tensors': [fileOf({ a: f32(0, 8, [2]), b: f32(4, 12, [2]) }, data(12)), /overlaps/],
  'a tensor inside another': [fileOf({ a: f32(0, 12, [3]), b: f32(4, 8) }, data(12)), /overlaps/],
  'a hole': [fileOf({ a: f32(0, 4), b: f32(8, 12) }, data(12)), /bytes 4 to 8/],
  'bytes after the last tensor': [fileOf({ a: f32(0, 4) }, data(6)), /bytes 4 to 6/],
  'a name twice': [
    fileOf(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      data(4),
    ),
    /"a" occurs twice/,
  ],
  'a key twice within an entry': [
    fileOf('{"a":{"dtype":"I32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', data(4)),
    /"dtype" occurs twice/,
  ],
  'text behind the header': [fileOf('{}"a"'), /not JSON/],
  'an unknown dtype that ends before it begins': [
    fileOf({ a: { ...f32(4, 0), dtype: 'F8_E4M3' } }, data(4)),
    /ends before it begins/,
  ],
  'metadata that is no object': [fileOf({ __metadata__: 3 }), /__metadata__/],
  'metadata that is no text': [fileOf({ __metadata__: { a: 1 } }), /__metadata__/],
  'a bool that is neither': [
    fileOf({ a: { dtype: 'BOOL', shape: [2], data_offsets: [0, 2] } }, Buffer.from([1, 2])),
    /other than 0 and 1/,
  ],
}
