/** Why work that goes on for long was stopped. */

/** The signals that ask a process to end: Ctrl-C, the system, a terminal that is closed. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export type StopSignal = (typeof STOP_SIGNALS)[number]

/** Why a run ended before its last step: a signal's name, or 'abort' for any other reason. */
export type StopReason = StopSignal | 'abort'

/** What an aborted signal says of why: its reason, as text or as an error's message, where that is a signal's name. */
export function stopReasonOf({ reason }: AbortSignal): StopReason {
  const word = reason instanceof Error ? reason.message : reason
  return STOP_SIGNALS.find((known) => known === word) ?? 'abort'
}
