/** Turns errors of the library into usage errors of a command. */
import { type ErrorCode, MbconvError } from '../../errors/error'

/**
 * Runs the work of a command with values from the command line. If the library refuses a value, the error becomes a
 * usage error; the library cannot know that the value was typed.
 *
 * @param codes of the library's errors for such values
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
