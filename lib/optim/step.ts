/**
 * One training step, shared by the training loop, an experiment's estimate of a job's time, and the latency of a
 * network in training. It lies below models/ and train/, because both use it.
 */
import type { Device, MemoryFormat } from '../native/types'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { clipGradNorm } from './clip'
import type { Criterion } from './criteria/criterion'
import type { Ema } from './ema'
import type { Optimizer } from './optimizer'

/** The objects that a step uses, and its options. */
export interface StepParts {
  model: { forward(images: Tensor): Tensor }
  criterion: Criterion
  optimizer: Optimizer
  ema: Ema | null
  device: Device
  /** Memory format of the images. */
  memoryFormat: MemoryFormat
  /** Largest common norm of all gradients; null for no limit. */
  maxGradNorm: number | null
  /**
   * Values that must be finite for the weights to change. Anything but `nothing` waits for the device: once for the
   * loss, and with `gradients` once more for their norm.
   */
  mustBeFinite: 'nothing' | 'loss' | 'gradients'
}

export interface StepBatch {
  images: Tensor
  labels: Tensor
}

export interface StepResult {
  /** Loss before the update. A number if it had to be finite, else a tensor that the caller owns. */
  loss: Tensor | number
  /** Whether the weights were changed. */
  updated: boolean
}

/** Moves the batch to the device, computes loss and gradients, and updates the weights and their average. */
export function trainingStep(parts: StepParts, batch: StepBatch): StepResult {
  const { model, criterion, optimizer, ema, device, memoryFormat } = parts
  // This scope frees everything that a step makes, except the loss.
  return scope(() => {
    const images = batch.images.to({ device, memoryFormat })
    const labels = batch.labels.to({ device })
    const loss = criterion(model.forward(images), labels) // mixed precision: autocast belongs around this line
    const value = parts.mustBeFinite === 'nothing' ? undefined : Number(loss.item()) // waits for the device
    let updated = value === undefined || Number.isFinite(value)
    if (updated) {
      loss.backward()
      // With several processes: average each gradient over all processes here, so that all clip and update alike.
      updated = clip(parts)
    }
    if (updated) {
      optimizer.step()
      ema?.update()
    }
    optimizer.zeroGrad()
    return { loss: value ?? loss.detach(), updated }
  })
}

/** Clips the gradients. Returns false if their norm had to be finite and is not. */
function clip({ optimizer, maxGradNorm, mustBeFinite }: StepParts): boolean {
  const isChecked = mustBeFinite === 'gradients'
  if (maxGradNorm === null && !isChecked) return true
  const parameters = optimizer.groups.flatMap(({ params }) => params)
  const norm = clipGradNorm(parameters, maxGradNorm ?? Number.POSITIVE_INFINITY)
  return !isChecked || Number.isFinite(norm.item()) // waits for the device
}
