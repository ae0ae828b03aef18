// Weights, images and projections computed from integers, bit for bit as scripts/goldens/models.py computes them.

/** FNV-1a of an ASCII string, 32 bits. */
function keyHash(key) {
  let h = 2166136261
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 16777619)
  return h >>> 0
}

/** 32 well-mixed bits for an index added to a key's hash. */
function mix(value) {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}

/** Calls `scaled(u)` for multiples of 2^-15 in [-1, 1). */
function fill(key, count, scaled) {
  const base = keyHash(key)
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) values[i] = scaled((mix(base + i) >>> 16) / 32768 - 1)
  return values
}

// The last batch norm of every block but a stage's first: of those that have a skip connection.
const SKIP_END = /^features\.(1\.[1-9]\d*\.block\.2|[2-7]\.[1-9]\d*\.block\.3)\.1\.weight$/

const product = (shape) => shape.reduce((a, b) => a * b, 1)

/** The values of one entry of a state dict, as a Float64Array. */
export function weights(key, shape) {
  const count = product(shape)
  if (key.endsWith('num_batches_tracked')) return new Float64Array(count)
  if (key.endsWith('running_var')) return fill(key, count, (u) => (1 + u / 2) / 16)
  if (key.endsWith('running_mean') || key.endsWith('bias')) return fill(key, count, (u) => u / 16)
  if (shape.length === 1) {
    const divisor = SKIP_END.test(key) ? 16 : 4
    return fill(key, count, (u) => (1 + u / 4) / divisor)
  }
  const fanIn = product(shape.slice(1))
  let scale = 1
  while (scale * scale * fanIn > 12) scale /= 2
  return fill(key, count, (u) => u * scale)
}

/** Images [batch, 3, size, size]: fine noise, and blocks of 16 px. */
export function images(batch, size) {
  const side = Math.ceil(size / 16)
  const noise = fill('noise', batch * 3 * size * size, (u) => u)
  const blocks = fill('blocks', batch * 3 * side * side, (u) => u)
  return noise.map((u, i) => {
    const [plane, y, x] = [Math.floor(i / (size * size)), Math.floor(i / size) % size, i % size]
    return u / 2 + blocks[(plane * side + (y >> 4)) * side + (x >> 4)]
  })
}

/** Norm, and scalar products with two vectors of hashed signs. */
export function sketch(key, values) {
  const base = keyHash(`${key}/signs`)
  let [squares, first, second] = [0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const bits = mix(base + i)
    const value = values[i]
    squares += value * value
    first += bits < 0 ? value : -value
    second += bits & 0x40000000 ? value : -value
  }
  return [Math.sqrt(squares), first, second]
}

/**
 * Relative distance ‖a − b‖ / ‖b‖ of two lists of sketches, each list taken as one long vector. For a vector s of
 * random signs the mean of (s·x)² is ‖x‖², so the products' differences measure the norm of the difference.
 */
export function sketchDistance(a, b) {
  let [difference, norm] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    difference += ((a[i][1] - b[i][1]) ** 2 + (a[i][2] - b[i][2]) ** 2) / 2
    norm += b[i][0] ** 2
  }
  return Math.sqrt(difference / norm)
}

/** ‖a − b‖ / ‖b‖ of nested arrays of numbers. */
export function distance(a, b) {
  const [x, y] = [a.flat(Number.POSITIVE_INFINITY), b.flat(Number.POSITIVE_INFINITY)]
  if (x.length !== y.length) return Number.POSITIVE_INFINITY
  const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return norm(x.map((value, i) => value - y[i])) / norm(y)
}
