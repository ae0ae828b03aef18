/** The schemes of names that weights are saved in. Nothing here loads native code. */
import type { KeyScheme } from './key-map'

/** `mbconv` is this package's own. */
export const SAVED_SCHEMES = Object.freeze(['mbconv', 'torchvision', 'timm'] as const satisfies readonly KeyScheme[])

/** Whose names saved tensors can have. */
export type SavedScheme = (typeof SAVED_SCHEMES)[number]
