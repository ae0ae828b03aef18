/* Checks ops one by one: results and gradients against the CPU's float64. */
import mb from 'mbconv'
import { CASES, drawInputs, MIXED_NORM } from './cases.mjs'
import { CPU64, evaluate, LIMITS, label, orAbsent, rounded, worstError } from './compare.mjs'

export async function checkOps(report, { device }) {
  for (const [i, { name, layouts, inputs, call }] of CASES.entries()) {
    const seed = 1000 + 10 * i
    for (const dtype of ['float32', 'bfloat16']) {
      for (const layout of layouts) {
        const target = { device, dtype, layout }
        await report.check(`${name}, ${label(target)}`, () => compareOp({ inputs, call }, seed, target))
      }
    }
  }
  const target = { device, dtype: 'bfloat16', layout: 'contiguous' }
  await report.check(MIXED_NORM.name, () => compareOp(MIXED_NORM, 1, target))
}

function compareOp({ inputs, call }, seed, target) {
  return mb.scope(() => {
    const { dtype } = target
    const drawn = drawInputs(inputs, seed, dtype, rounded)
    const compute = (where) => evaluate(call, drawn, where, { seed: seed + 1, dtype })
    const reference = compute(CPU64)
    return {
      ...worstError(
        orAbsent(target, () => compute(target)),
        reference,
      ),
      limit: LIMITS[dtype],
    }
  })
}
