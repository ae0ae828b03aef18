/** Versions of ONNX's operators that an exported file may use. */
export const OPSETS = Object.freeze({ min: 17, max: 22, default: 17 })
