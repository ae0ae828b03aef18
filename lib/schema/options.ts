/** Checks options that reach a data set without the schema of configurations: from a caller of `datasetOf`. */
import type { z } from 'zod'
import { MbconvError } from '../errors/error'

/**
 * The checked options of a data set, with defaults filled in.
 *
 * @param key of the options in `data`
 * @throws MbconvError ERR_CONFIG naming the first wrong option
 */
export function optionsOf<Schema extends z.ZodType>(key: string, schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given ?? {})
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  const place = ['data', key, ...path.map(String)].join('.')
  throw new MbconvError('ERR_CONFIG', `${place}: ${message[0].toLowerCase()}${message.slice(1)}`)
}
