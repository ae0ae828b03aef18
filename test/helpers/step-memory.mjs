// Measures the tensor memory of one step in a process of its own, since the allocator's peak is never reset.
// Takes a JSON of model options and circumstances, prints the bytes at the peak.
import * as mb from 'mbconv'

const { model, training, batch, dtype, optimizer, ema, memoryFormat, dropPath, numClasses, ...how } = JSON.parse(
  process.argv[2],
)
const { backend, threads = 1 } = how
const { width, depth, resolution, divisor, name } = model
mb.setNumThreads(threads)
const arch = mb.models.scale(mb.models.arch(name), { width, depth, resolution, divisor })
const network = mb.models.create(arch, { seed: 0, dtype, dropPath, numClasses, backend })
network.to({ memoryFormat }).train(training)
const optimizers = {
  rmsprop: (groups) => new mb.optim.RMSprop(groups, { lr: 1e-4 }),
  sgd: (groups) => new mb.optim.SGD(groups, { lr: 1e-4, momentum: 0.9 }),
  adamw: (groups) => new mb.optim.AdamW(groups, { lr: 1e-4 }),
  lion: (groups) => new mb.optim.Lion(groups, { lr: 1e-4 }),
}
const updater = training ? optimizers[optimizer](mb.optim.decayGroups(network, 1e-5)) : undefined
const average = training && ema ? new mb.optim.Ema(network) : undefined

// Making the network took more for a moment. Filled up to that, the next peak is the step's.
const { live, peak } = mb.allocatorStatistics()
if (peak > live) mb.keep(mb.empty([Math.ceil((peak - live) / 4)]))
const filling = mb.allocatorStatistics().live - live

for (let step = 0; step < 2; step++) {
  mb.scope(() => {
    const images = mb.randn([batch, 3, ...[resolution, resolution].flat().slice(0, 2)], { dtype }).to({ memoryFormat })
    const labels = mb.randint(0, numClasses, [batch])
    if (!training) return void mb.noGrad(() => network.forward(images))
    mb.nn.functional.crossEntropy(network.forward(images), labels, { labelSmoothing: 0.1 }).backward()
    updater.step()
    average?.update()
    updater.zeroGrad()
  })
}
process.stdout.write(String(mb.allocatorStatistics().peak - filling))
