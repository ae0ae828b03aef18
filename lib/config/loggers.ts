/**
 * The loggers that a configuration may switch on under `log`, and their options. What they write is described beside
 * them, in train/record.
 */
import { z } from 'zod'
import { count } from '../schema/fields'

/** The options of the loggers that have some. */
const OPTIONS = {
  tensorboard: z.strictObject({
    histograms: count().nullable().default(null).describe('epochs between two histograms of the weights; null: none'),
    images: z.int().min(0).max(64).default(0).describe('test images to show'),
  }),
} as const

/** The schema of `log`: true, or a mapping of options, switches a logger on. */
export const logSchema = z.strictObject({
  csv: z.boolean().default(false).describe('write metrics.csv: the lines of metrics.jsonl as a table'),
  tensorboard: z
    .union([z.boolean(), OPTIONS.tensorboard])
    .default(false)
    .describe("write event files for TensorBoard into the run's folder"),
})

export type LogConfig = z.output<typeof logSchema>

export type LoggerName = keyof LogConfig

/** The options of a logger, with all defaults; undefined for a logger without options. */
export type LoggerOptions<Name extends LoggerName> = Name extends keyof typeof OPTIONS
  ? z.output<(typeof OPTIONS)[Name]>
  : undefined

/** The loggers that are switched on, in the order of the schema, with complete options. */
export function chosenLoggers(log: LogConfig): { name: LoggerName; options: unknown }[] {
  const names = Object.keys(logSchema.shape) as LoggerName[]
  return names
    .filter((name) => log[name] !== false)
    .map((name) => {
      const options: z.ZodType | undefined = (OPTIONS as Partial<Record<LoggerName, z.ZodType>>)[name]
      return { name, options: options?.parse(log[name] === true ? {} : log[name]) }
    })
}
