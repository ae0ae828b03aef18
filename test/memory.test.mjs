import v8 from 'node:v8'
import { memory, models, nn, optim, randint, randn, scope, setNumThreads } from 'mbconv'
import t from 'tap'

const MEBIBYTE = 2 ** 20

/** Resident bytes but for V8's own, whose size depends on when its collector and compilers found time. */
function residentOutsideV8() {
  const { total_physical_size: heap, malloced_memory: compilers } = v8.getHeapStatistics()
  return process.memoryUsage.rss() - heap - compilers
}

t.test('Constant memory without garbage collection', async (t) => {
  setNumThreads(1)
  const table = models.scale(models.arch('efficientnet_b0'), { width: 0.25, depth: 0.1, resolution: 8 })
  const model = models.create(table, { numClasses: 10, inChannels: 1, seed: 0 }).to({ memoryFormat: 'channelsLast' })
  const optimizer = new optim.RMSprop(optim.decayGroups(model, 1e-5), { lr: 1e-4 })
  const ema = new optim.Ema(model)
  const at = {}
  // 2,000 steps, synchronous throughout: no finalizer runs, so whatever is not freed by its scope stays.
  for (let step = 1; step <= 2000; step++) {
    scope(() => {
      const images = randn([4, 1, 8, 8]).to({ memoryFormat: 'channelsLast' })
      nn.functional.crossEntropy(model.forward(images), randint(0, 10, [4]), { labelSmoothing: 0.1 }).backward()
      optimizer.step()
      ema.update()
      optimizer.zeroGrad()
    })
    if (step === 100 || step === 2000) at[step] = { ...memory(), resident: residentOutsideV8() }
  }
  t.equal(at[2000].tensors, at[100].tensors, 'live tensors')
  t.equal(at[2000].bytes, at[100].bytes, 'their bytes')
  const growth = at[2000].resident / at[100].resident - 1
  const sizes = `${(at[100].resident / MEBIBYTE).toFixed(1)} MiB at step 100, ${(at[2000].resident / MEBIBYTE).toFixed(1)} at 2000`
  t.ok(growth <= 0.02, `resident memory grows by ${(100 * growth).toFixed(1)} %: ${sizes}`)
  for (const each of [ema, optimizer, model]) each.dispose()
})
