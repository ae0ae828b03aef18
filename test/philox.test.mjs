import fc from 'fast-check'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { KeyedRandom, PURPOSE, philox4x32 } = internal('philox')

const hex = (words) => [...words].map((w) => w.toString(16).padStart(8, '0')).join(' ')

// The three philox4x32-10 lines of Random123's kat_vectors: all zeros, all ones, the digits of pi.
t.test('known answers', async (t) => {
  const known = [
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [Array(4).fill(0xffffffff), Array(2).fill(0xffffffff), '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ]
  for (const [counter, key, words] of known) t.equal(hex(philox4x32(counter, key)), words)
})

t.test('agrees with the definition in whole integers', async (t) => {
  const word = fc.nat(0xffffffff)
  const mask = 0xffffffffn
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        let [a, b, c, d] = counter.map(BigInt)
        let [k, l] = key.map(BigInt)
        for (let round = 0; round < 10; round++) {
          const p = 0xd2511f53n * a
          const q = 0xcd9e8d57n * c
          ;[a, b, c, d] = [(q >> 32n) ^ b ^ k, q & mask, (p >> 32n) ^ d ^ l, p & mask]
          k = (k + 0x9e3779b9n) & mask
          l = (l + 0xbb67ae85n) & mask
        }
        return hex(philox4x32(counter, key)) === hex([a, b, c, d])
      }),
    ),
  )
})

t.test('a sequence is its blocks in order, with the key from the seed', async (t) => {
  const seed = 0x1_2345_6789_abcd
  const random = new KeyedRandom(seed, PURPOSE.augment, 7, 11)
  const drawn = Array.from({ length: 10 }, () => random.uint32())
  const key = [0x6789abcd, 0x12345]
  const blocks = [0, 1, 2].flatMap((i) => [...philox4x32([i, 11, 7, PURPOSE.augment], key)])
  t.same(drawn, blocks.slice(0, 10))
})

t.test('seed, purpose, epoch and sample each change the numbers', async (t) => {
  const first = (...args) => new KeyedRandom(...args).uint32()
  const all = [first(5, 1, 2, 3), first(6, 1, 2, 3), first(5, 2, 2, 3), first(5, 1, 3, 3), first(5, 1, 2, 4)]
  all.push(first(5 + 2 ** 32, 1, 2, 3))
  t.equal(new Set(all).size, all.length)
  t.equal(first(5, 1, 2, 3), all[0])
})

t.test('uniform numbers lie in [0, 1) and are spread evenly', async (t) => {
  const random = new KeyedRandom(3, PURPOSE.augment)
  const bins = new Array(10).fill(0)
  for (let i = 0; i < 100_000; i++) bins[Math.floor(random.uniform() * 10)]++
  // 9 degrees of freedom: chi-squared above 27.9 has probability 0.001, and the seed is fixed.
  const chi = bins.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)
  t.ok(chi < 27.9, `chi-squared ${chi}`)
})

t.test('permutations', async (t) => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(), (n, seed) => {
      const order = new KeyedRandom(seed, PURPOSE.shuffle).permutation(n)
      return order.length === n && order.toSorted().every((v, i) => v === i)
    }),
  )
  // Pinned, so that a change of the drawing order, which would break resuming, is noticed.
  t.same([...new KeyedRandom(0, PURPOSE.shuffle, 1).permutation(10)], [9, 0, 8, 5, 7, 6, 4, 3, 2, 1])
  const counts = new Map()
  for (let sample = 0; sample < 6000; sample++) {
    const key = new KeyedRandom(1, PURPOSE.shuffle, 0, sample).permutation(3).join('')
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  t.equal(counts.size, 6)
  for (const [order, n] of counts) t.ok(Math.abs(n - 1000) < 120, `${order}: ${n}`)
})

t.test('refuses keys that are not whole numbers', async (t) => {
  for (const args of [
    [2n ** 64n, 1],
    [-(2n ** 63n) - 1n, 1],
    [0.5, 1],
    [2 ** 53, 1],
    [Number.NaN, 1],
    ['1', 1],
    [0, 1, -1],
    [0, 1, 0, 2 ** 32],
  ]) {
    t.throws(() => new KeyedRandom(...args), { code: 'ERR_VALUE' }, String(args))
  }
})
