/* How the set-up reports a failure. */

export const EXIT = { ok: 0, failure: 1, usage: 2, environment: 3, sigint: 130, sigterm: 143 }

/**
 * Ends the set-up with `message`, followed by an extract of `log` (a file's path) and by `hint` (what to do), if given.
 * The extract is the end of the log, or `excerpt` if the relevant lines are elsewhere.
 */
export class SetupError extends Error {
  constructor(message, { exitCode = EXIT.failure, hint = null, log = null, excerpt = null } = {}) {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
    this.log = log
    this.excerpt = excerpt
  }
}

/**
 * Thrown inside a step after a signal, which decides the exit status. `forced`: a program that did not end in time was
 * killed, so it could not clean up.
 */
export class Interrupted extends Error {
  constructor(signal, forced = false) {
    super(`interrupted by ${signal}`)
    this.signal = signal
    this.forced = forced
  }
}
