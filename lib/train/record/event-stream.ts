/** The events that the caller of a run iterates; the command draws its progress line from them. */
import type { LoggerKind } from './logger'

export const eventStream: LoggerKind = {
  name: 'the event stream',
  // Without it nobody would get any event, not even warnings and the end of the run.
  isEssential: true,
  open: ({ emit }) => ({ record: emit }),
}
