/** The events that whoever started the run iterates; the command's progress line is drawn from them. */
import type { LoggerKind } from './logger'

export const eventStream: LoggerKind = {
  name: 'the event stream',
  // Without it nobody would hear of anything, the end of the run and warnings included.
  isEssential: true,
  open: ({ emit }) => ({ record: emit }),
}
