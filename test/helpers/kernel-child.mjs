// Predicts with the kernels that MBCONV_CPU_KERNELS names, and prints the errors against float64: those of the native
// kernels and those of libtorch's float32 operations. Standard input: a list of cases.
import * as mb from 'mbconv'
import { disturbNorms } from './small.mjs'

const cases = JSON.parse(await new Response(process.stdin).text())

const flat = (tensor) => mb.scope(() => tensor.to({ dtype: 'float64' }).toTypedArray())
function relative(found, wanted) {
  const norm = (values) => Math.hypot(...values)
  return norm(found.map((value, i) => value - wanted[i])) / norm(wanted)
}

const results = cases.map(({ table, profile, size, batch, seed }) => {
  mb.manualSeed(seed)
  const network = disturbNorms(mb.models.create(table, { numClasses: 7, profile, seed })).eval()
  const fused = network.fuse()
  const result = mb.scope(() =>
    mb.noGrad(() => {
      const x = mb.randn([batch, 3, ...size])
      const predict = (backend) => {
        fused.backend = backend
        return flat(fused.forward(x))
      }
      const [native, composite] = [predict('native'), predict('composite')]
      const alone = batch > 1 ? flat(fused.forward(x.narrow(0, batch - 1, 1))) : []
      fused.backend = 'native'
      const last = batch > 1 ? flat(fused.forward(x.narrow(0, batch - 1, 1))) : []
      // The folded network in float64: folding is not what is measured here.
      fused.to({ dtype: 'float64' })
      fused.backend = 'composite'
      const exact = flat(fused.forward(x.to({ dtype: 'float64' })))
      return {
        native: relative(native, exact),
        composite: relative(composite, exact),
        sameAlone: last.length === 0 || last.every((value, i) => value === native[native.length - last.length + i]),
        finite: native.every(Number.isFinite) && alone.every(Number.isFinite),
      }
    }),
  )
  network.dispose()
  fused.dispose()
  return result
})
process.stdout.write(JSON.stringify({ kernels: mb.cpuKernels().used, results }))
