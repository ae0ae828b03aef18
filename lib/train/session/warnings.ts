/** Warnings of a session. Those from before the run has a recorder wait for it. */
export class Warnings {
  #waiting: string[] = []
  #listener: ((message: string) => void) | undefined

  add = (message: string): void => {
    if (this.#listener === undefined) this.#waiting.push(message)
    else this.#listener(message)
  }

  /** Passes on the warnings so far, and then each new one. */
  listen(listener: (message: string) => void): void {
    this.#listener = listener
    const waiting = this.#waiting
    this.#waiting = []
    for (const message of waiting) listener(message)
  }
}
