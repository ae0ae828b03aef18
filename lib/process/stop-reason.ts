/** Why long-running work was stopped. */

/** The signals that ask a process to end: from Ctrl-C, the system, or a closed terminal. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The signals that stop a command after it has saved. */
export type StopSignal = (typeof STOP_SIGNALS)[number]

/** Why a run ended before its last step: a signal's name, or 'abort' for any other reason. */
export type StopReason = StopSignal | 'abort'

/** The reason of an AbortSignal, text or an error's message, if it is the name of a stop signal; otherwise 'abort'. */
export function stopReasonOf({ reason }: AbortSignal): StopReason {
  const word = reason instanceof Error ? reason.message : reason
  return STOP_SIGNALS.find((known) => known === word) ?? 'abort'
}
