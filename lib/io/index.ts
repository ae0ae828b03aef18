/** Reading and writing files. */
export * as pth from './pth'
export * as safetensors from './safetensors'
