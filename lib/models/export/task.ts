/** What the outputs of a network mean: the probabilities of classes, by the task that it was trained for. */

/**
 * `classification`: each image has one class, and softmax gives the probabilities. `multiLabel`: each image has any
 * number of labels, and the sigmoid of each logit is the probability of its label.
 */
export const TASKS = ['classification', 'multiLabel'] as const
/** What a model says of an image: one class, or any number of labels. */
export type Task = (typeof TASKS)[number]

/** The threshold of a label for which none could be chosen. */
export const DEFAULT_THRESHOLD = 0.5

/** The probability of a label, 0 … 1, from its logit. */
export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit))

/** The probabilities of an image's labels in float64, from its logits. Evaluation and prediction both use these. */
export const labelProbabilities = (logits: ArrayLike<number>): Float64Array => Float64Array.from(logits, sigmoid)

/** Whether a label is predicted. NaN never is. */
export const isPredicted = (probability: number, threshold: number): boolean => probability >= threshold
