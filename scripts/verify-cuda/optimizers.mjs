/* Checks optimiser steps, the moving average and clipping against float64 on the CPU. */
import mb from 'mbconv'
import { CPU64, LIMITS, noise, place, valuesOf, worstError } from './compare.mjs'

const SHAPES = [[32, 16, 3, 3], [64, 1, 5, 5], [40, 24, 1, 1], [1280], [10, 320], []]
const STEPS = 10

export const COMPARED = {
  "RMSProp, TensorFlow's": (p) => new mb.optim.RMSprop(p, { lr: 0.01, weightDecay: 1e-5 }),
  'RMSProp without momentum': (p) => new mb.optim.RMSprop(p, { lr: 0.01, momentum: 0, decay: 0.95 }),
  SGD: (p) => new mb.optim.SGD(p, { lr: 0.05 }),
  'SGD, Nesterov momentum, weight decay': (p) =>
    new mb.optim.SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  AdamW: (p) => new mb.optim.AdamW(p, { lr: 1e-3, weightDecay: 0.02 }),
  Lion: (p) => new mb.optim.Lion(p, { lr: 1e-3, weightDecay: 0.02 }),
  Lamb: (p) => new mb.optim.Lamb(p, { lr: 1e-3, weightDecay: 0.02 }),
  'RMSProp, capturable': (p) => new mb.optim.RMSprop(p, { lr: 0.01, weightDecay: 1e-5, capturable: true }),
  'SGD, capturable': (p) => new mb.optim.SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true, capturable: true }),
  'AdamW, capturable': (p) => new mb.optim.AdamW(p, { lr: 1e-3, weightDecay: 0.02, capturable: true }),
  'Lion, capturable': (p) => new mb.optim.Lion(p, { lr: 1e-3, weightDecay: 0.02, capturable: true }),
  'Lamb, capturable': (p) => new mb.optim.Lamb(p, { lr: 1e-3, weightDecay: 0.02, capturable: true }),
}

/** Parameters like a model's: 4-d ones are channels-last, as in training. */
const parameters = (target) =>
  SHAPES.map((shape, i) => place(noise(shape, 50 + i, 'float32'), { ...target, layout: 'channelsLast' }, true))

function setGradients(list, step, target) {
  list.forEach((parameter, i) => {
    const gradient = noise(SHAPES[i], 1000 * (step + 1) + i, 'float32')
    parameter.grad = place(gradient, { ...target, layout: 'channelsLast' })
  })
}

/** Parameters and state after ten steps. */
function trajectory(make, target) {
  return mb.scope(() => {
    const list = parameters(target)
    const optimizer = make(list)
    for (let step = 0; step < STEPS; step++) {
      mb.scope(() => {
        setGradients(list, step, target)
        optimizer.step()
      })
    }
    const results = {}
    list.forEach((parameter, i) => {
      results[`parameter ${i}`] = valuesOf(parameter)
    })
    for (const [name, state] of Object.entries(optimizer.stateDict().tensors)) results[name] = valuesOf(state)
    optimizer.dispose()
    return results
  })
}

export async function checkOptimizers(report, { device }) {
  const target = { device, dtype: 'float32' }
  const limit = LIMITS.float32
  for (const [name, make] of Object.entries(COMPARED)) {
    await report.check(`${name}, ${STEPS} steps`, () => {
      return { ...worstError(trajectory(make, target), trajectory(make, CPU64)), limit }
    })
  }
  await report.check('learning rate changed between steps', () => {
    const make = (list) => {
      const optimizer = new mb.optim.RMSprop(list, { lr: 0.01 })
      const step = optimizer.step.bind(optimizer)
      optimizer.step = () => {
        optimizer.lr = 0.01 * 0.9 ** optimizer.steps
        step()
      }
      return optimizer
    }
    return { ...worstError(trajectory(make, target), trajectory(make, CPU64)), limit }
  })
  for (const capturable of [false, true]) {
    const name = `moving average${capturable ? ', capturable' : ''}, ${STEPS} updates`
    await report.check(name, () => {
      return { ...worstError(averages(target, capturable), averages(CPU64, capturable)), limit }
    })
  }
  await report.check('gradient clipping', () => {
    return { ...worstError(clipped(target), clipped(CPU64)), limit }
  })
}

/** An average over changing weights. Integers, such as batch counters, are copied. */
function averages(target, capturable) {
  return mb.scope(() => {
    const weights = parameters(target)
    const counter = mb.zeros([], { dtype: 'int64', device: target.device })
    const state = Object.fromEntries([...weights, counter].map((t, i) => [`entry ${i}`, t]))
    const ema = new mb.optim.Ema({ stateDict: () => state }, { decay: 0.9, capturable })
    for (let step = 0; step < STEPS; step++) {
      mb.scope(() =>
        mb.noGrad(() => {
          for (const weight of weights) weight.mul_(0.95)
          counter.add_(3)
        }),
      )
      ema.update()
    }
    const results = {}
    for (const [name, t] of Object.entries(ema.stateDict())) results[name] = valuesOf(t)
    ema.dispose()
    return results
  })
}

function clipped(target) {
  return mb.scope(() => {
    const list = parameters(target)
    setGradients(list, 0, target)
    const results = { norm: Float64Array.of(mb.optim.clipGradNorm(list, 1).item()) }
    list.forEach((parameter, i) => {
      results[`gradient ${i}`] = valuesOf(parameter.grad)
    })
    return results
  })
}
