/* Results of checks: printed line by line as they come, and written as JSON at the end. */
import fs from 'node:fs'

/**
 * Thrown by a check whose subject this build or device lacks. The check then counts neither as passed nor as failed.
 */
export class Absent extends Error {}

export class Report {
  checks = []
  throughput = []
  #section = ''
  #file
  #facts
  #say

  /**
   * @param {object} facts the beginning of the JSON: hardware, versions, mode
   * @param {{file?: string, say?: (line: string) => void}} options file: path of the JSON, rewritten after each section
   */
  constructor(facts, { file, say = (line) => console.log(line) } = {}) {
    this.#facts = facts
    this.#file = file
    this.#say = say
  }

  say(line) {
    this.#say(line)
  }

  async section(name, work) {
    this.#section = name
    this.say(`== ${name}`)
    try {
      await work()
    } catch (error) {
      this.#add(`${name} as a whole`, { ok: false, failure: describe(error) }, performance.now())
    }
    this.save(false)
  }

  /**
   * Runs one check and prints its line. An exception counts as a failure, and the next check still runs.
   *
   * @param {() => object | Promise<object>} run returns {error, limit, worst?} (passed when error ≤ limit, so never with
   *   NaN) or {ok}; `detail` is printed, other properties go to the JSON
   */
  async check(name, run) {
    const began = performance.now()
    try {
      const facts = await run()
      this.#add(name, { ok: facts.ok ?? facts.error <= facts.limit, ...facts }, began)
    } catch (error) {
      if (error instanceof Absent) this.#add(name, { ok: null, failure: error.message }, began)
      else this.#add(name, { ok: false, failure: describe(error) }, began)
    }
  }

  #add(name, facts, began) {
    const seconds = Number(((performance.now() - began) / 1000).toFixed(3))
    this.checks.push({ section: this.#section, name, ...facts, seconds })
    const { ok, error, limit, worst, detail, failure } = facts
    const parts = []
    if (error !== undefined) parts.push(`${scientific(error)} (≤ ${scientific(limit)})${worst ? `, ${worst}` : ''}`)
    for (const text of [detail, failure]) if (text) parts.push(text)
    const mark = ok === null ? '--  ' : ok ? 'ok  ' : 'FAIL'
    this.say(`${mark} ${name}${parts.length > 0 ? `: ${parts.join('; ')}` : ''}`)
  }

  get passed() {
    return this.checks.filter(({ ok }) => ok === true).length
  }
  get failed() {
    return this.checks.filter(({ ok }) => ok === false).length
  }
  get absent() {
    return this.checks.filter(({ ok }) => ok === null).length
  }

  /** Writes the JSON, if requested. A run that ends half-way leaves its finished sections and `complete: false`. */
  save(complete = true) {
    if (this.#file === undefined) return
    const { passed, failed, absent, checks, throughput } = this
    const content = { ...this.#facts, complete, passed, failed, absent, throughput, checks }
    fs.writeFileSync(this.#file, `${JSON.stringify(content, null, 1)}\n`)
  }
}

function describe(error) {
  const [first] = String(error?.message ?? error).split('\n')
  return error?.code === undefined ? first : `${error.code}: ${first}`
}

/** Formats as 1.2e-7; 0 stays 0. */
function scientific(value) {
  return value === 0 ? '0' : value.toExponential(1)
}
