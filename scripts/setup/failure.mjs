/* How the set-up reports that it cannot go on. */

export const EXIT = { ok: 0, failure: 1, usage: 2, environment: 3, sigint: 130, sigterm: 143 }

/**
 * Ends the set-up with `message`, then what `log` (a file's path) says and `hint` (what to do), if given. Of the log its
 * end is shown, or `excerpt` where the telling lines are elsewhere.
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
 * Thrown inside a step when a signal has arrived; the signal decides the exit status. `forced`: a program that did not
 * end in time was killed, so it had no chance to tidy up.
 */
export class Interrupted extends Error {
  constructor(signal, forced = false) {
    super(`interrupted by ${signal}`)
    this.signal = signal
    this.forced = forced
  }
}
