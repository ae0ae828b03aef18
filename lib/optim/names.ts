/** The names of the optimisers in kinds.ts, in its order: by themselves, because help is printed without loading schemas. */

export const optimizerNames = Object.freeze(['rmsprop', 'sgd', 'adamw', 'lion'] as const)

export type OptimizerName = (typeof optimizerNames)[number]
