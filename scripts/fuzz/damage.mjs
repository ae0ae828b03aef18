// Damaged files, the same ones in each run.

/** Numbers from 0 to below 1 that depend on the seed alone. */
export function numbersOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** One change of some bytes at `at`. */
function changed(bytes, at, below) {
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (below(5)) {
    case 0:
      return Buffer.concat([before, Buffer.from([below(256)]), after.subarray(1)])
    case 1:
      return Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ (1 << below(8))]), after.subarray(1)])
    case 2:
      return Buffer.concat([before, Buffer.from([0xff]), after.subarray(1)])
    case 3:
      return Buffer.concat([before, after.subarray(1 + below(40))])
    default:
      return Buffer.concat([before, after.subarray(0, 20), after])
  }
}

/** So many files with a few bytes changed, cut out or doubled, half of the changes near the beginning. */
export function damagedFiles(files, count, seed) {
  const random = numbersOf(seed)
  const below = (n) => Math.floor(random() * n)
  return Array.from({ length: count }, () => {
    let bytes = Buffer.from(files[below(files.length)])
    for (let i = 1 + below(6); i > 0; i--) {
      const reach = random() < 0.5 ? Math.min(bytes.length, 700) : bytes.length
      bytes = changed(bytes, below(reach), below)
    }
    return bytes
  })
}
