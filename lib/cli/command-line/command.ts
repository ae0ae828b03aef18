/**
 * What a command of `mbconv` is, as data. Each file of ../commands describes one: its name, what it takes, its help and
 * what it does. The parser, the help and the tests read the description.
 *
 * `mbconv --help` loads every description, so a description imports nothing slow. What `run` needs it imports when it is
 * called; a help text that reads a slow module is a function.
 */

/** A text, or a function that makes it when the help is shown. */
export type HelpText = string | (() => string)

export interface ArgumentDescription {
  /** `<required>`, `[optional]`, or `[several...]`. */
  readonly name: string
  readonly help?: string
}

export interface OptionDescription {
  /** As commander writes them: `--topk <n>`, `--no-fold`. */
  readonly flags: string
  readonly help: HelpText
  /** Turns the typed text into the option's value; throws commander's InvalidArgumentError. */
  readonly parse?: (text: string, before: never) => unknown
  /** The value without the option; the help shows it. */
  readonly default?: unknown
  /** The only values there are; the help lists them. */
  readonly choices?: readonly string[]
}

export interface CommandDescription {
  readonly name: string
  /** One sentence, shown in the list of commands and in the command's own help. */
  readonly summary: string
  /** What the help writes behind the name, where the arguments alone would not say it. */
  readonly usage?: string
  readonly arguments?: readonly ArgumentDescription[]
  readonly options?: readonly OptionDescription[]
  /** Command lines that end the help. */
  readonly examples?: readonly string[]
  /** `run` gets words that begin with `--` and are no option, among its arguments. */
  readonly passesUnknownOptions?: boolean
  /** `--help` is one of those words: `run` shows the help itself. */
  readonly showsOwnHelp?: boolean
  readonly subcommands?: readonly CommandDescription[]
  /**
   * Does it. Called with the arguments in order, then with the options, those of every command included.
   *
   * @returns the exit status
   */
  readonly run?: (...given: never[]) => Promise<number>
}

/** The options that every command takes. */
export interface GlobalOptions {
  /** Machine-readable results: JSON, one value a line. */
  json?: boolean
  /** Results and errors only. */
  quiet?: boolean
}
