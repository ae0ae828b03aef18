/** The exit statuses of the `mbconv` command, and the errors that lead to them. */
import { MbconvError } from './error'

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  environment: 3,
  data: 4,
  sighup: 129,
  sigint: 130,
  sigterm: 143,
} as const

/** The exit status for an error: 1 unless a more specific one fits. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof MbconvError)) return EXIT.failure
  switch (error.code) {
    case 'ERR_USAGE':
    case 'ERR_CONFIG':
      return EXIT.usage
    case 'ERR_NATIVE_LOAD':
    case 'ERR_CUDA_UNAVAILABLE':
    case 'ERR_ENVIRONMENT':
      return EXIT.environment
    case 'ERR_DATA':
    case 'ERR_CHECKPOINT':
    case 'ERR_FORMAT':
      return EXIT.data
    default:
      return EXIT.failure
  }
}
