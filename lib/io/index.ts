/** Reading and writing files. */
export * as safetensors from './safetensors'
