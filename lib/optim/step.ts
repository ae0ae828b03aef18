/**
 * One training step, shared by the training loop, an experiment's estimate of a job's time, and the latency of a
 * network in training. It lies below models/ and train/, because both use it.
 *
 * A step is one update of the weights. Its gradient is the mean over one batch or several: {@link addGradient} takes
 * each batch, {@link finishStep} updates. {@link trainingStep} does both.
 */
import type { Device, MemoryFormat } from '../native/types'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { stack } from '../tensor/ops/combining'
import { adaptiveClipGrad } from './clipping/adaptive'
import { type ClipRule, clipGradNorm, clipGradValue } from './clipping/clip'
import type { Criterion } from './criteria/criterion'
import type { Ema } from './ema'
import type { GradScaler } from './grad-scaler'
import type { Optimizer } from './optimizer'
import { inPrecision, type Precision } from './precision'

/** The objects that a step uses, and its options. */
export interface StepParts {
  model: { forward(images: Tensor): Tensor }
  criterion: Criterion
  optimizer: Optimizer
  ema: Ema | null
  device: Device
  /** Memory format of the images. */
  memoryFormat: MemoryFormat
  /** Precision of forward pass and loss. */
  precision: Precision
  /**
   * Scales the loss; null without. A step whose gradients overflow changes no weights and lowers the scale. Waits for
   * the device at every step.
   */
  scaler: GradScaler | null
  /** null for no limit. */
  clip: ClipRule | null
  /**
   * Values that must be finite for the weights to change. Anything but `nothing` waits for the device: once for the
   * loss of each batch, and with `gradients` once more for their norm. With a scaler, which checks the gradients
   * itself, it should be `nothing`.
   */
  mustBeFinite: 'nothing' | 'loss' | 'gradients'
}

export interface StepBatch {
  images: Tensor
  /** Classes [N], or a target for each class [N, K]: a distribution over the classes, or several labels. */
  labels: Tensor
}

/** A batch whose gradient has been added. */
export interface AddedBatch {
  /** A number if it had to be finite, else a tensor that the caller owns. */
  loss: Tensor | number
  /** False if the loss had to be finite and is not; its gradient was not computed then. */
  isUsable: boolean
}

export interface StepResult {
  /** Mean loss of the batches before the update. A number if it had to be finite, else a tensor that the caller owns. */
  loss: Tensor | number
  /** Whether the weights were changed. */
  updated: boolean
}

/**
 * Moves a batch to the device, computes its loss, and adds the gradient to those of the step's other batches.
 *
 * @param batches number of batches in the step; each counts equally
 */
export function addGradient(parts: StepParts, batch: StepBatch, batches = 1): AddedBatch {
  const { model, criterion, device, memoryFormat, precision, scaler } = parts
  // This scope frees everything that a batch makes, except the loss.
  return scope(() => {
    const images = batch.images.to({ device, memoryFormat })
    const labels = batch.labels.to({ device })
    const loss = inPrecision(precision, device, () => criterion(model.forward(images), labels))
    const value = parts.mustBeFinite === 'nothing' ? undefined : Number(loss.item()) // waits for the device
    const isUsable = value === undefined || Number.isFinite(value)
    if (isUsable) {
      const share = batches === 1 ? loss : loss.mul(1 / batches)
      const scaled = scaler === null ? share : scaler.scale(share)
      scaled.backward()
    }
    return { loss: value ?? loss.detach(), isUsable }
  })
}

/** Updates the weights and their average with the gradients of the added batches, and removes the gradients. */
export function finishStep(parts: StepParts, added: readonly AddedBatch[]): StepResult {
  const { optimizer, ema, scaler } = parts
  return scope(() => {
    let updated = added.every(({ isUsable }) => isUsable)
    if (updated) {
      // With several processes: average each gradient over all processes here, so that all clip and update alike.
      scaler?.unscale_(optimizer) // waits for the device
      updated = clip(parts)
    }
    if (updated) {
      if (scaler === null) {
        optimizer.step()
      } else {
        updated = scaler.step(optimizer)
        scaler.update()
      }
      if (updated) ema?.update()
    }
    optimizer.zeroGrad()
    return { loss: meanLoss(added), updated }
  })
}

/** One step on a batch, or on several batches whose gradients are averaged. */
export function trainingStep(parts: StepParts, batches: StepBatch | readonly StepBatch[]): StepResult {
  const list = Array.isArray(batches) ? (batches as readonly StepBatch[]) : [batches as StepBatch]
  return scope(() =>
    finishStep(
      parts,
      list.map((batch) => addGradient(parts, batch, list.length)),
    ),
  )
}

/** The mean of the losses. Frees those that are tensors, unless there is only one, which it returns. */
function meanLoss(added: readonly AddedBatch[]): Tensor | number {
  const losses = added.map(({ loss }) => loss)
  if (losses.length === 1) return losses[0]
  const onDevice = losses.filter((loss) => typeof loss !== 'number')
  if (onDevice.length === 0) return (losses as number[]).reduce((sum, loss) => sum + loss, 0) / losses.length
  const mean = scope(() => stack(onDevice, 0).mean())
  for (const loss of onDevice) loss.dispose()
  return mean
}

/** Clips the gradients. Returns false if their norm had to be finite and is not. */
function clip({ optimizer, clip: rule, mustBeFinite }: StepParts): boolean {
  const isChecked = mustBeFinite === 'gradients'
  let norm: Tensor | undefined
  if (rule?.by === 'norm') norm = clipGradNorm(rule.params, rule.limit)
  else if (isChecked)
    norm = clipGradNorm(
      optimizer.groups.flatMap(({ params }) => params),
      Number.POSITIVE_INFINITY,
    )
  if (isChecked && !Number.isFinite(norm?.item())) return false // waits for the device
  if (rule?.by === 'value') clipGradValue(rule.params, rule.limit)
  else if (rule?.by === 'agc') adaptiveClipGrad(rule.params, rule.limit)
  return true
}
