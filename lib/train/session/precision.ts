/** The precision of a run on its device, and what the device must be able to do. */
import type { TrainConfig } from '../../config/train'
import { getDeviceProperties } from '../../cuda'
import { MbconvError } from '../../errors/error'
import { GradScaler } from '../../optim/grad-scaler'
import type { Precision } from '../../optim/precision'

/** Compute capability from which GPUs have instructions for bfloat16 (Ampere). */
const BF16_SINCE = 8

/**
 * The precision that a configuration requests: `auto` is bf16 on a GPU that has it, else float32.
 *
 * @param device a resolved device, `cpu` or `cuda:N`
 */
export function resolvePrecision(wanted: TrainConfig['precision'], device: string): Precision {
  if (wanted !== 'auto') return wanted
  return device !== 'cpu' && getDeviceProperties(device).major >= BF16_SINCE ? 'bf16' : 'float32'
}

/** The scaler of the loss that fp16 needs; null for the other precisions. */
export const scalerFor = (precision: Precision): GradScaler | null => (precision === 'fp16' ? new GradScaler() : null)

/**
 * Refuses what the device cannot do.
 *
 * @throws MbconvError ERR_CONFIG naming the key
 */
export function checkDeviceKeys({ cudaGraph, model }: TrainConfig, device: string): void {
  if (cudaGraph === true) {
    const why = device === 'cpu' ? 'needs a GPU, and the device is the CPU' : 'cannot be recorded for this run yet'
    const hint = 'Write cudaGraph: auto, or leave it out.'
    throw new MbconvError('ERR_CONFIG', `cudaGraph: a CUDA graph ${why}`, { hint })
  }
  if (model.recompute !== 'none' && device !== 'cpu') {
    throw new MbconvError('ERR_CONFIG', `model.recompute: ${model.recompute} works on the CPU only, not on ${device}`, {
      hint: 'Use a smaller data.batchSize with accumulate in its place.',
    })
  }
}
