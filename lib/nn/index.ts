/** Layers, their base class, and the stateless functions they call. */
export * as functional from './functional'
export * as init from './init'
export {
  BatchNorm2d,
  type BatchNorm2dOptions,
  Conv2d,
  type Conv2dOptions,
  Dropout,
  DropPath,
  Hardswish,
  type Init,
  Linear,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  SqueezeExcite,
} from './layers'
export { Module, Sequential } from './module'
