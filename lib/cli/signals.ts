/** Ctrl-C and its kin: the first time work is saved, the second time everything ends. */
import { EXIT } from '../errors'

/** The exit status of a command that a signal ended; the reason of its AbortController, or what a result says of it. */
export function exitOfInterruption(reason: unknown): number {
  if (reason === 'SIGINT') return EXIT.sigint
  return reason === 'SIGTERM' ? EXIT.sigterm : EXIT.failure
}

/**
 * The first signal aborts the controller, with the signal's name as reason; the second one ends the process.
 *
 * @param onFirst says that things are being saved
 * @param onSecond leaves the terminal in order
 * @returns gives the signals back their usual meaning
 */
export function stopOnSignals(
  controller: AbortController,
  onFirst: (signal: NodeJS.Signals) => void,
  onSecond: () => void = () => {},
): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const
  const handle = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      onSecond()
      process.exit(exitOfInterruption(signal))
    }
    onFirst(signal)
    controller.abort(signal)
  }
  for (const signal of signals) process.on(signal, handle)
  return () => {
    for (const signal of signals) process.off(signal, handle)
  }
}
