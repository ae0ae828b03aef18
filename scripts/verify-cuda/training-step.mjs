/* A training step of an EfficientNet, eager or captured as a CUDA graph, shared by several checks. */
import mb from 'mbconv'
import { Absent } from './report.mjs'

/** How half precision is computed: with autocast if this build has it, else with the whole model in bfloat16. */
export const HALF = mb.autocast === undefined ? 'the whole model in bfloat16' : 'autocast'

/**
 * A model with its optimiser on `device`, channels-last, and batches of noise to train it on.
 *
 * @returns {{device: string, step: (batch?: number) => Tensor, model, optimizer, ema, images: Tensor[], labels: Tensor, dispose: () => void}}
 *   step: forward, loss with label smoothing, backward, update (RMSProp unless told otherwise), moving average if asked
 *   for; returns the loss, which the caller disposes
 */
export function makeTraining({
  arch,
  batch,
  size,
  device,
  dtype = 'float32',
  batches = 1,
  numClasses = 1000,
  seed = 0,
  optimizer: makeOptimizer = (groups) => new mb.optim.RMSprop(groups, { lr: 1e-3, momentum: 0.9, capturable: true }),
  averaged = false,
}) {
  const converted = dtype !== 'float32' && mb.autocast === undefined ? dtype : 'float32'
  const model = mb.models.create(arch, { numClasses, profile: 'torchvision', dropPath: 0, dropout: 0, seed })
  model.train().to({ device, dtype: converted, memoryFormat: 'channelsLast' })
  mb.manualSeed(seed)
  const images = mb.scope(() =>
    Array.from({ length: batches }, () =>
      mb.keep(mb.randn([batch, 3, size, size]).to({ device, dtype: converted, memoryFormat: 'channelsLast' })),
    ),
  )
  const labels = mb.scope(() => mb.keep(mb.randint(0, numClasses, [batch]).to({ device })))
  const optimizer = makeOptimizer(mb.optim.decayGroups(model, 1e-5))
  const ema = averaged ? new mb.optim.Ema(model, { decay: 0.99, capturable: true }) : undefined
  const autocast = (work) =>
    dtype === 'float32' || mb.autocast === undefined ? work() : mb.autocast({ device, dtype }, work)
  const loss = (x) => mb.nn.functional.crossEntropy(model.forward(x), labels, { labelSmoothing: 0.1 })
  const step = (index = 0) =>
    mb.scope(() => {
      optimizer.zeroGrad()
      const value = autocast(() => loss(images[index % images.length]))
      value.backward()
      optimizer.step()
      ema?.update()
      return value.detach()
    })
  const dispose = () => {
    optimizer.zeroGrad()
    for (const owned of [model, optimizer, ema, labels, ...images]) owned?.dispose()
  }
  return { device, step, model, optimizer, ema, images, labels, dispose }
}

/** All the tensors that a step changes, by name: weights, statistics, optimiser state, average. */
export function stateOf({ model, optimizer, ema }) {
  const average = Object.entries(ema?.stateDict() ?? {}).map(([name, t]) => [`average.${name}`, t])
  return { ...model.stateDict(), ...optimizer.stateDict().tensors, ...Object.fromEntries(average) }
}

/**
 * Captures the step as a CUDA graph. Warming up and capturing may run it, so the state is restored afterwards.
 *
 * @returns {{replay: () => Tensor, dispose: () => void}} replay: returns the loss, always in the same tensor
 */
export function capture(training) {
  if (training.device === 'cpu') throw new Absent('there are no graphs on the CPU')
  if (mb.cuda.graph === undefined) throw new Absent('not in this build (mb.cuda.graph)')
  const { optimizer, ema } = training
  const [steps, updates] = [optimizer.steps, ema?.updates]
  const state = stateOf(training)
  const before = mb.scope(() => Object.values(state).map((t) => mb.keep(t.detach().clone())))
  const graph = mb.cuda.graph(() => training.step())
  mb.noGrad(() => {
    for (const [i, t] of Object.values(state).entries()) t.copy_(before[i])
  })
  for (const t of before) t.dispose()
  // The step counts are not tensors of the state; loading the state onto itself sets them.
  optimizer.loadStateDict({ ...optimizer.stateDict(), step: steps })
  ema?.loadStateDict(ema.stateDict(), updates)
  return { replay: () => graph.replay(), dispose: () => graph.dispose() }
}

/** Waits until the device has done all its work. */
export function wait(device) {
  if (mb.cuda.synchronize !== undefined && device !== 'cpu') mb.cuda.synchronize()
  else mb.scope(() => mb.zeros([], { device }).item())
}

/** Frees cached device memory, so that measurements do not affect each other. */
export function emptyCache(device) {
  if (device !== 'cpu') mb.cuda.emptyCache?.()
}
