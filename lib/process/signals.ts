/**
 * Signals that ask the process to end, such as Ctrl-C. After the first one work can be saved; the second one ends the
 * process.
 */
import { EXIT } from '../errors/exit-codes'
import { hangupIsIgnored } from './hangup.cjs'
import { STOP_SIGNALS, type StopSignal } from './stop-reason'

const EXITS: Record<StopSignal, number> = { SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm, SIGHUP: EXIT.sighup }

/** The exit status of a command that a signal ended. `reason` is that of its AbortController, or from a result. */
export function exitOfInterruption(reason: unknown): number {
  const signal = STOP_SIGNALS.find((name) => name === reason)
  return signal === undefined ? EXIT.failure : EXITS[signal]
}

/**
 * Calls `handle` for every signal that asks the process to end. A process that should outlive its terminal ignores
 * SIGHUP.
 *
 * @returns a function that restores the signals' usual meaning
 */
export function onSignals(handle: (signal: StopSignal) => void): () => void {
  const ignored = hangupIsIgnored()
  const handlers = STOP_SIGNALS.map((name) => ({
    name,
    act: name === 'SIGHUP' && ignored ? () => {} : () => handle(name),
  }))
  for (const { name, act } of handlers) process.on(name, act)
  return () => {
    for (const { name, act } of handlers) process.off(name, act)
  }
}

/**
 * The first signal aborts the controller, with the signal's name as reason. The second one ends the process.
 *
 * @param onFirst tells the user that work is being saved
 * @param onSecond restores the terminal
 * @returns a function that restores the signals' usual meaning
 */
export function stopOnSignals(
  controller: AbortController,
  onFirst: (signal: NodeJS.Signals) => void,
  onSecond: () => void = () => {},
): () => void {
  return onSignals((signal) => {
    if (controller.signal.aborted) {
      onSecond()
      process.exit(exitOfInterruption(signal))
    }
    onFirst(signal)
    controller.abort(signal)
  })
}
