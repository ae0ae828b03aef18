/** Layers that multiply by a matrix or pick its rows, and layers that only reshape. */
import { checkNumber, checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { noGrad } from '../../tensor/core/autograd'
import { empty, zeros } from '../../tensor/core/create'
import type { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { python } from '../modules/describe'
import { Module } from '../modules/module'
import { checkFlag, checkInit, checkSize, type Init, type TorchInit, torchWeights } from './common'
import { initLinear } from './paper-init'

/** Settings beside the first arguments of the layer. */
export interface LinearOptions {
  /** Whether there is a bias. Default true. */
  bias?: boolean
  /** Default torch. */
  init?: Init
}

/** x [.., in] · weightᵀ + bias: [.., out]. Parameters `weight` [out, in] and `bias` [out]. */
export class Linear extends Module {
  /** Length of the input's last dimension. */
  readonly inFeatures: number
  /** Length of the output's last dimension. */
  readonly outFeatures: number
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor
  /** Undefined for a layer without a bias. */
  declare bias: Tensor | undefined

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super()
    const op = 'Linear'
    checkOptions(op, options, ['bias', 'init'])
    const { bias = true, init = 'torch' } = options
    checkFlag(op, 'bias', bias)
    checkInit(op, init, ['torch', 'paper', 'none'])
    checkSize(op, 'inFeatures', inFeatures)
    checkSize(op, 'outFeatures', outFeatures)
    this.inFeatures = inFeatures
    this.outFeatures = outFeatures
    if (init === 'torch') {
      const initial = torchWeights([outFeatures, inFeatures], bias ? outFeatures : 0)
      this.registerParameter('weight', initial.weight)
      this.registerParameter('bias', initial.bias)
      return
    }
    const weight = empty([outFeatures, inFeatures])
    this.registerParameter('weight', init === 'none' ? weight : initLinear(weight))
    this.registerParameter('bias', bias ? zeros([outFeatures]) : null)
  }

  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias)
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${python(this.bias !== undefined)}`
  }
}

/** Settings beside the first arguments of the layer. */
export interface EmbeddingLayerOptions {
  /** A row that starts with zeros and takes no gradient. Negative numbers count from the end. */
  paddingIdx?: number | null
  /** `torch` (default) draws from the normal distribution; `none` leaves the memory uninitialised. */
  init?: TorchInit
}

/** Rows of a table by their indices [..] (int64): [.., D]. Parameter `weight` [K, D]. */
export class Embedding extends Module<[indices: Tensor]> {
  /** Rows of the table. */
  readonly numEmbeddings: number
  /** Length of a row. */
  readonly embeddingDim: number
  /** Not negative; undefined for none. */
  readonly paddingIdx: number | undefined
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingLayerOptions = {}) {
    super()
    const op = 'Embedding'
    checkOptions(op, options, ['paddingIdx', 'init'])
    const { paddingIdx, init = 'torch' } = options
    checkInit(op, init, ['torch', 'none'])
    checkSize(op, 'numEmbeddings', numEmbeddings)
    checkSize(op, 'embeddingDim', embeddingDim)
    if (paddingIdx !== null && paddingIdx !== undefined) {
      checkNumber(op, 'paddingIdx', paddingIdx)
      if (!Number.isInteger(paddingIdx) || paddingIdx < -numEmbeddings || paddingIdx >= numEmbeddings) {
        const message = `${op}: paddingIdx must be a row of ${numEmbeddings}, got ${paddingIdx}`
        throw new MbconvError('ERR_INDEX', message, { op })
      }
      this.paddingIdx = paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx
    }
    this.numEmbeddings = numEmbeddings
    this.embeddingDim = embeddingDim
    const weight = empty([numEmbeddings, embeddingDim])
    if (init === 'torch') {
      weight.normal_()
      if (this.paddingIdx !== undefined) noGrad(() => weight.select(0, this.paddingIdx as number).fill_(0))
    }
    this.registerParameter('weight', weight)
  }

  forward(indices: Tensor): Tensor {
    return F.embedding(indices, this.weight, { paddingIdx: this.paddingIdx })
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === undefined ? '' : `, padding_idx=${this.paddingIdx}`
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}`
  }
}

/** Returns its input. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}

/** Settings beside the first arguments of the layer. */
export interface FlattenOptions {
  /** Default 1. */
  startDim?: number
  /** Default −1. */
  endDim?: number
}

/** Joins the dimensions from `startDim` to `endDim`: by default all but the first. */
export class Flatten extends Module {
  /** First dimension that is joined. */
  readonly startDim: number
  /** Last dimension that is joined. */
  readonly endDim: number

  constructor(options: FlattenOptions = {}) {
    super()
    checkOptions('Flatten', options, ['startDim', 'endDim'])
    const { startDim = 1, endDim = -1 } = options
    checkNumber('Flatten', 'startDim', startDim)
    checkNumber('Flatten', 'endDim', endDim)
    this.startDim = startDim
    this.endDim = endDim
  }

  forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim)
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`
  }
}

/** Splits a dimension into several of these sizes. One of them may be −1. */
export class Unflatten extends Module {
  /** Along which dimension. */
  readonly dim: number
  /** Sizes that the dimension is split into. */
  readonly unflattenedSize: number[]

  constructor(dim: number, unflattenedSize: number[]) {
    super()
    const op = 'Unflatten'
    checkNumber(op, 'dim', dim)
    if (!Array.isArray(unflattenedSize) || unflattenedSize.length === 0) {
      const message = `${op}: unflattenedSize must be a list of numbers, got ${shown(unflattenedSize)}`
      throw new MbconvError('ERR_TYPE', message, { op })
    }
    for (const size of unflattenedSize) checkSize(op, 'unflattenedSize', size, -1)
    this.dim = dim
    this.unflattenedSize = [...unflattenedSize]
  }

  forward(x: Tensor): Tensor {
    return x.unflatten(this.dim, this.unflattenedSize)
  }

  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${python(this.unflattenedSize)}`
  }
}
