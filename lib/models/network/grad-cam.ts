/**
 * Grad-CAM: shows where in an image the evidence for a class lies, by the gradient of its logit with respect to a
 * feature map.
 * Source: arXiv:1610.02391, equations 1 and 2.
 */
import { checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { interpolate } from '../../nn/resampling'
import { enableGrad, grad, noGrad } from '../../tensor/core/autograd'
import { fromTypedArray } from '../../tensor/core/create'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { oneHot } from '../../tensor/ops/combining'
import { Network } from './network'

/** Which class and which stage are explained. */
export interface GradCamOptions {
  /** The class to explain, for each image or one for all. Default: each image's most probable class. */
  classes?: number | readonly number[]
  /** The part of the network whose feature map is used, as in `forwardFeatures`. Default: the last one. */
  stage?: number
  /** [height, width] of the heat-maps, enlarged with a linear filter. Default: the images'; null: the feature map's. */
  size?: readonly [number, number] | null
}

/** A heat map of where a network saw a class. */
export interface GradCam {
  /** [N, H, W], 0 … 1. The hottest place of each image is 1; an image without evidence for the class is all 0. */
  heat: Tensor
  /** The explained class of each image. */
  classes: number[]
  /** [N, classes] */
  logits: Tensor
}

/**
 * Computes heat-maps of the evidence for a class. Each channel is weighted by the mean of its gradient; negative
 * evidence is clipped to 0. Parameters get no gradients, whether they are frozen, folded or trained.
 *
 * @param x normalised images [N, inChannels, H, W]
 * @returns tensors of the current scope
 * @throws MbconvError ERR_TYPE, ERR_SHAPE, ERR_INDEX for an unknown class or stage; ERR_VALUE in training mode
 */
export function gradCam(network: Network, x: Tensor, options: GradCamOptions = {}): GradCam {
  const op = 'gradCam'
  if (!(network instanceof Network)) {
    throw new MbconvError('ERR_TYPE', `${op}: network must be a network, as models.create makes them`, { op })
  }
  checkOptions(op, options, ['classes', 'stage', 'size'])
  const { stage = network.features.length - 1 } = options
  if (network.modules().some(({ training }) => training)) {
    throw new MbconvError('ERR_VALUE', `${op}: the network is in training mode`, { op, hint: 'Call eval() first.' })
  }
  if (network.numClasses === 0)
    throw new MbconvError('ERR_VALUE', `${op}: the network has no classes to explain`, { op })
  return enableGrad(() =>
    scope(() => {
      const [map] = noGrad(() => network.forwardFeatures(x, { stages: [stage] }))
      const features = map.detach().requiresGrad_()
      const logits = network.forwardFrom(features, stage)
      const [images, numClasses] = logits.shape
      const classes = classesOf(op, options.classes, logits)
      const picked = fromTypedArray(BigInt64Array.from(classes, BigInt), [images]).to({ device: logits.device })
      // The images are independent, so the gradient of the sum is each image's own.
      const sum = logits.mul(oneHot(picked, numClasses).to({ dtype: logits.dtype })).sum()
      const [gradient] = grad(sum, features) as [Tensor]
      return noGrad(() => {
        const weights = gradient.mean({ dim: [2, 3], keepdim: true })
        const evidence = weights.mul(features.detach()).sum({ dim: 1, keepdim: true }).relu()
        const size = options.size === undefined ? x.shape.slice(2) : options.size
        const sized = size === null ? evidence : interpolate(evidence, [...size], { mode: 'bilinear' })
        const most = sized.amax({ dim: [1, 2, 3], keepdim: true })
        // The lower bound avoids 0 / 0 in images without evidence.
        const heat = sized.div(most.clampMin(1e-30)).squeeze(1)
        return { heat, classes, logits: logits.detach() }
      })
    }),
  )
}

function classesOf(op: string, wanted: GradCamOptions['classes'], logits: Tensor): number[] {
  const [images, numClasses] = logits.shape
  if (wanted === undefined)
    return Array.from(logits.detach().argmax({ dim: 1 }).toTypedArray() as BigInt64Array, Number)
  const classes = typeof wanted === 'number' ? Array<number>(images).fill(wanted) : wanted
  if (!Array.isArray(classes) || classes.length !== images) {
    const text = `${op}: classes must be a class, or one for each of ${images} images, got ${shown(wanted)}`
    throw new MbconvError('ERR_TYPE', text, { op })
  }
  const strange = classes.find((each) => !Number.isInteger(each) || each < 0 || each >= numClasses)
  if (strange === undefined) return [...classes]
  throw new MbconvError('ERR_INDEX', `${op}: classes are 0 to ${numClasses - 1}, got ${shown(strange)}`, { op })
}
