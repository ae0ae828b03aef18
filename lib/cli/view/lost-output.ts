/**
 * stdout and stderr that cannot be written: a full disk, a reader that has gone. What the command does goes on, since a
 * training whose words are lost is as good as any other; its end says what was lost.
 */

/**
 * From now on a stream that fails ends nothing.
 *
 * @returns why results could not be written to stdout, once all that was written has gone out or failed; undefined where
 *   nothing was lost, or the reader had seen enough (`| head`)
 */
export function watchOutput(): () => Promise<string | undefined> {
  let lost: NodeJS.ErrnoException | undefined
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') lost ??= error
  })
  // Nobody is left to be told of notes that are lost.
  process.stderr.on('error', () => {})
  return async () => {
    // A failed write is told in a later turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    if (lost === undefined) return undefined
    const { reasonOf } = await import('../../files/io-error.js')
    return reasonOf(lost)
  }
}
