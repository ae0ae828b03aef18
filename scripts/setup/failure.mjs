/* How the set-up reports that it cannot go on. */

export const EXIT = { ok: 0, failure: 1, usage: 2, environment: 3, sigint: 130, sigterm: 143 }

/** Ends the set-up with `message`, then `hint` (what to do) and the end of `log` (a file's path), if given. */
export class SetupError extends Error {
  constructor(message, { exitCode = EXIT.failure, hint = null, log = null } = {}) {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
    this.log = log
  }
}

/** Thrown inside a step when a signal has arrived; the signal decides the exit status. */
export class Interrupted extends Error {
  constructor(signal) {
    super(`interrupted by ${signal}`)
    this.signal = signal
  }
}
