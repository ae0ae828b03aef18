/**
 * The description of an `mbconv` command, as data. Each file of ../commands describes one: its name, arguments, help
 * and action. The parser, the help and the tests read the description.
 *
 * `mbconv --help` loads every description, so a description must not import slow modules. `run` imports what it needs
 * when it is called; a help text that needs a slow module is a function.
 */

/** A text, or a function that returns it when the help is shown. */
export type HelpText = string | (() => string)

export interface ArgumentDescription {
  /** `<required>`, `[optional]`, or `[several...]`. */
  readonly name: string
  readonly help?: string
  /** The allowed values. */
  readonly choices?: readonly string[]
}

export interface OptionDescription {
  /** In commander's syntax: `--topk <n>`, `--no-fold`. */
  readonly flags: string
  readonly help: HelpText
  /** Converts the typed text to the option's value; throws commander's InvalidArgumentError. */
  readonly parse?: (text: string, before: never) => unknown
  /** The default value; the help shows it. */
  readonly default?: unknown
  /** The allowed values; the help lists them. */
  readonly choices?: readonly string[]
}

export interface CommandDescription {
  readonly name: string
  /** One sentence, shown in the list of commands and in the command's own help. */
  readonly summary: string
  /** The usage line after the name, if the arguments alone do not describe it. */
  readonly usage?: string
  readonly arguments?: readonly ArgumentDescription[]
  readonly options?: readonly OptionDescription[]
  /** Example command lines at the end of the help. */
  readonly examples?: readonly string[]
  /** `run` also receives, among its arguments, words that begin with `--` and are not options. */
  readonly passesUnknownOptions?: boolean
  /** `--help` is passed on as such a word, so `run` shows the help itself. */
  readonly showsOwnHelp?: boolean
  readonly subcommands?: readonly CommandDescription[]
  /**
   * Runs the command. Receives the arguments in order, then the options, including the global ones, then the parser's own
   * object of the command.
   *
   * @returns the exit status
   */
  readonly run?: (...given: never[]) => Promise<number>
}

/** The options that every command takes. */
export interface GlobalOptions {
  /** Machine-readable results: JSON, one value per line. */
  json?: boolean
  /** Print results and errors only. */
  quiet?: boolean
}
