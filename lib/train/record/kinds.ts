/** The registry of loggers: those of every run, and those that a configuration chooses. */
import { chosenLoggers, type LogConfig, type LoggerName, type LoggerOptions } from '../../config/loggers'
import { csv } from './csv'
import { eventStream } from './event-stream'
import type { LoggerKind } from './logger'
import { metrics } from './metrics'
import { tensorboard } from './tensorboard'

/** The loggers of every run. They receive each event in this order, before the chosen ones. */
export const LOGGERS: readonly LoggerKind[] = [eventStream, metrics]

/** The loggers that a configuration chooses under `log`, by name. config/loggers.ts has their options. */
export const CHOSEN: { readonly [Name in LoggerName]: LoggerKind<LoggerOptions<Name>> } = { csv, tensorboard }

/** The loggers of a run with this configuration. */
export function loggersOf(log: LogConfig): LoggerKind[] {
  const chosen = chosenLoggers(log).map(({ name, options }): LoggerKind => {
    const kind = CHOSEN[name]
    return { ...kind, open: (run) => kind.open(run, options as never) }
  })
  return [...LOGGERS, ...chosen]
}
