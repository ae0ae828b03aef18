/** The training steps of a session: their resources, and the clean-up after a skipped one. */
import type { TrainConfig } from '../config/train'
import type { Batch, ByteBatch } from '../data/batches/batch'
import type { ClipRule } from '../optim/clipping/clip'
import { drawMix, type MixOptions, mixBatch, mixes } from '../optim/mixing/mix'
import {
  type AddedBatch,
  addGradient,
  finishStep,
  type StepBatch,
  type StepParts,
  type StepResult,
} from '../optim/step'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { StatisticsGuard } from './divergence'
import { InputNormalizer } from './input'
import { type Regularization, regularizationIn } from './session/growth'
import type { Session } from './session/session'

export class Stepper {
  readonly #session: Session
  readonly #parts: StepParts
  readonly #input: InputNormalizer
  readonly #statistics: StatisticsGuard | null
  readonly #own: Regularization
  #mix: MixOptions
  /** The step that is being taken: updates done before, its number of batches, and those added so far. */
  #step = 0
  #batches = 1
  #added: AddedBatch[] = []

  constructor(session: Session) {
    this.#session = session
    const { config, model, criterion, optimizer, ema, device, precision, scaler } = session
    const { memoryFormat } = config
    this.#input = new InputNormalizer(session)
    const skips = config.onDivergence === 'skip'
    // On the CPU, reading the loss costs nothing. To skip a step, the gradients must be checked before the update,
    // despite the wait. A scaler checks them itself.
    const mustBeFinite = scaler !== null ? 'nothing' : skips ? 'gradients' : device === 'cpu' ? 'loss' : 'nothing'
    this.#parts = {
      ...{ model, criterion, optimizer, ema, device, memoryFormat, precision, scaler },
      ...{ clip: clipRuleOf(config, model.parameters()), mustBeFinite },
    }
    this.#statistics = skips || scaler !== null ? new StatisticsGuard(model) : null
    this.#own = { mix: config.data.augment.mix, dropout: model.dropout }
    this.#mix = this.#own.mix
  }

  /**
   * Trains on a single batch. A skipped step (see onDivergence) leaves model, optimiser and average unchanged.
   *
   * @param lr the learning rate of this step
   */
  take(batch: Batch | ByteBatch, lr: number): StepResult {
    this.begin(0, lr, 1)
    this.add(batch)
    return this.finish()
  }

  /**
   * Begins a step: as many calls of {@link add} as it has batches follow, and then {@link finish}.
   *
   * @param step updates done before
   * @param lr the learning rate of this step
   */
  begin(step: number, lr: number, batches: number): void {
    this.#parts.optimizer.lr = lr
    this.#statistics?.hold()
    this.#step = step
    this.#batches = batches
    this.#grow()
  }

  /** Sets the regularisation of the epoch that the step belongs to. */
  #grow(): void {
    const { config, model, stepsPerEpoch } = this.#session
    if (config.data.progressive === null) return
    const { mix, dropout } = regularizationIn(config, this.#own, Math.floor(this.#step / stepsPerEpoch))
    this.#mix = mix
    model.dropout = dropout
  }

  /** Adds the gradient of a batch. */
  add(batch: Batch | ByteBatch): void {
    const added = scope(() => addGradient(this.#parts, this.#mixed(batch), this.#batches))
    this.#added.push(added)
  }

  /** Updates the weights. The loss is the mean over the batches; if it is a tensor, the caller frees it. */
  finish(): StepResult {
    const added = this.#added
    this.#added = []
    const result = finishStep(this.#parts, added)
    if (!result.updated) this.#statistics?.restore()
    return result
  }

  /** The batch as tensors, mixed if the configuration asks for it. */
  #mixed(batch: Batch | ByteBatch): StepBatch {
    const images = this.#input.tensorOf(batch)
    const labels = targetsOf(batch)
    const { config, device, dataset } = this.#session
    const mix = this.#mix
    if (!mixes(mix)) return { images, labels }
    const [, , height, width] = images.shape
    const drawn = drawMix(mix, { seed: config.seed, step: this.#step, batch: this.#added.length }, height, width)
    return mixBatch(images, labels.to({ device }), drawn, dataset.classes.length)
  }

  dispose(): void {
    this.#input.dispose()
    for (const { loss } of this.#added) if (typeof loss !== 'number') loss.dispose()
    this.#statistics?.dispose()
  }
}

/** Classes [N]; of a multi-label data set, a target for each class [N, K]. */
function targetsOf({ labels, targets }: Batch | ByteBatch): Tensor {
  if (targets === undefined) return fromTypedArray(labels, [labels.length])
  return fromTypedArray(targets, [labels.length, targets.length / labels.length])
}

/** How a configuration clips the gradients of a model's parameters; null: not at all. */
function clipRuleOf({ clipGradNorm, clipGradValue, clipGradAgc }: TrainConfig, parameters: Tensor[]): ClipRule | null {
  const params = parameters.filter(({ requiresGrad }) => requiresGrad)
  if (clipGradNorm !== null) return { by: 'norm', limit: clipGradNorm, params }
  if (clipGradValue !== null) return { by: 'value', limit: clipGradValue, params }
  // The last two are weight and bias of the classifier, which is left out as in the paper and in timm.
  if (clipGradAgc !== null) return { by: 'agc', limit: clipGradAgc, params: params.slice(0, -2) }
  return null
}
