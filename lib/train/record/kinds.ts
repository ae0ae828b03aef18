/** The loggers of every run. They receive each event in this order. */
import { eventStream } from './event-stream'
import type { LoggerKind } from './logger'
import { metrics } from './metrics'

export const LOGGERS: readonly LoggerKind[] = [eventStream, metrics]
