/** Optimisers, schedules and moving averages. */
export { AdamW, type AdamWOptions } from './adamw'
export { clipGradNorm } from './clip'
export { Ema, type EmaOptions } from './ema'
export { GradScaler, type GradScalerOptions } from './grad-scaler'
export { decayGroups, Optimizer, type OptimizerOptions, type OptimizerState, type ParamGroup } from './optimizer'
export { RMSprop, type RMSpropOptions } from './rmsprop'
export * as schedules from './schedules'
export { SGD, type SGDOptions } from './sgd'
