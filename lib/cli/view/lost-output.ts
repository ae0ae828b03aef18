/**
 * Handles stdout and stderr that cannot be written: a full disk, a reader that has gone. The command continues, since a
 * training is worth finishing even if its output is lost. The loss is reported at the end.
 */

/**
 * From now on, a failing stream ends nothing.
 *
 * @returns why results could not be written to stdout, once all output has been written or has failed; undefined if
 *   nothing was lost, or if the reader stopped on purpose (`| head`)
 */
export function watchOutput(): () => Promise<string | undefined> {
  let lost: NodeJS.ErrnoException | undefined
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') lost ??= error
  })
  // Nobody is left to read about lost notes.
  process.stderr.on('error', () => {})
  return async () => {
    // A failed write is reported in a later turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    if (lost === undefined) return undefined
    const { reasonOf } = await import('../../files/io-error.js')
    return reasonOf(lost)
  }
}
