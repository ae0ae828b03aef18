/* Memory: nothing leaks, and running out of memory is an ordinary error. */
import mb from 'mbconv'
import { Absent } from './report.mjs'
import { emptyCache, makeTraining, wait } from './training-step.mjs'

const SMALL = () => mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.1, resolution: 32 })

/** Bytes of device memory behind live tensors, by libtorch's own count. */
function allocatedBytes(device) {
  if (device === 'cpu') return mb.allocatorStatistics().live
  if (mb.cuda.memoryAllocated === undefined) throw new Absent('not in this build (mb.cuda.memoryAllocated)')
  return mb.cuda.memoryAllocated(device)
}

const counted = (read) => {
  try {
    return read()
  } catch (error) {
    if (error instanceof Absent) return error
    throw error
  }
}

export async function checkLeaks(report, { device, quick }) {
  const [early, late] = quick ? [5, 20] : [20, 200]
  const training = makeTraining({ arch: SMALL(), batch: 8, size: 32, device, numClasses: 10 })
  const at = {}
  try {
    for (let step = 1; step <= late; step++) {
      training.step(step).dispose()
      if (step !== early && step !== late) continue
      wait(device)
      at[step] = { ...mb.memory(), allocated: counted(() => allocatedBytes(device)) }
    }
  } finally {
    training.dispose()
  }
  const same = (what, read) =>
    report.check(`${what} after ${early} and ${late} steps`, () => {
      const [a, b] = [read(at[early]), read(at[late])]
      if (a instanceof Absent) throw a
      return { ok: a === b, detail: `${a} and ${b}` }
    })
  await same('live tensors', ({ tensors }) => tensors)
  await same('bytes of live tensors', ({ bytes }) => bytes)
  await same('bytes allocated on the device', ({ allocated }) => allocated)
}

/** The error code for running out of memory. */
const codeOn = (device) => (device === 'cpu' ? 'ERR_OOM' : 'ERR_CUDA_OOM')

/** Computes a product with a known result, to check whether the device still works. */
function stillComputes(device) {
  return (
    mb.scope(() =>
      mb
        .ones([64, 64], { device })
        .matmul(mb.ones([64, 64], { device }))
        .sum()
        .item(),
    ) ===
    64 ** 3
  )
}

function failureOf(run) {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

export async function checkOutOfMemory(report, { device }) {
  await report.check('far more memory than there is', () => {
    const before = mb.memory()
    // 2^48 bytes: beyond any address space.
    const error = failureOf(() => mb.scope(() => mb.empty([2 ** 46], { device })))
    const after = mb.memory()
    const ok = error?.code === codeOn(device) && after.tensors === before.tensors && stillComputes(device)
    return { ok, detail: `${error?.code}: ${error?.message.split('\n')[0]}` }
  })
  await report.check('the error has the bytes asked for, those free, and the largest holders', () => {
    const held = mb.zeros([2 ** 16], { device })
    const error = failureOf(() => mb.scope(() => mb.empty([2 ** 46], { device })))
    held.dispose()
    if (error?.memory === undefined) throw new Absent('not in this build (error.memory)')
    const { asked, free, holders } = error.memory
    const ok = asked >= 2 ** 48 && (device === 'cpu' || free > 0) && holders.some(({ bytes }) => bytes === 2 ** 18)
    return { ok, detail: `asked ${asked}, free ${free}, ${holders.length} holders` }
  })
  if (device === 'cpu') return // filling the host's memory would end other programs, too
  await report.check('memory filled up, a training step refused, memory freed, the same step done', () => {
    const blocks = []
    const training = makeTraining({ arch: 'efficientnet_b0', batch: 64, size: 224, device })
    try {
      const filled = fill(blocks, device)
      const tensors = mb.memory().tensors
      const refused = failureOf(() => training.step().dispose())
      const ok = refused?.code === codeOn(device) && mb.memory().tensors <= tensors
      for (const block of blocks.splice(0)) block.dispose()
      emptyCache(device)
      const loss = mb.scope(() => training.step().item())
      const detail = `${filled.toFixed(1)} GiB filled; ${refused?.code}: ${refused?.message.split('\n')[0]}; then loss ${loss.toFixed(3)}`
      return { ok: ok && Number.isFinite(loss) && stillComputes(device), detail }
    } finally {
      for (const block of blocks) block.dispose()
      training.dispose()
      emptyCache(device)
    }
  })
}

/** Allocates ever smaller blocks until less than 64 MiB is available; returns GiB. */
function fill(blocks, device) {
  let total = 0
  for (let mib = 4096; mib >= 64; ) {
    const error = failureOf(() => blocks.push(mb.empty([mib * 2 ** 20], { dtype: 'uint8', device })))
    if (error === undefined) total += mib / 1024
    else if (error.code === codeOn(device)) mib /= 2
    else throw error
  }
  return total
}
