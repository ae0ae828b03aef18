/** Errors of the library that are wrong calls of a command. */
import { type ErrorCode, MbconvError } from '../../errors/error'

/**
 * Does the work of a command whose values were typed. Where the library refuses one of them, the call of the command was
 * wrong; the library cannot know that it was typed.
 *
 * @param codes of what the library throws for such values
 */
export async function asUsageErrors<T>(codes: readonly ErrorCode[], work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof MbconvError && codes.includes(error.code))
      throw new MbconvError('ERR_USAGE', error.message, { hint: error.hint, cause: error })
    throw error
  }
}
