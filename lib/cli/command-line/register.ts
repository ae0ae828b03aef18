/** Passes the description of a command to commander, which parses the command line and writes the help. */
import { Argument, type Command, Option } from 'commander'
import type { ArgumentDescription, CommandDescription, OptionDescription } from './command'

/** The end of a help text. */
export const examplesText = (lines: readonly string[]) => `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`

/**
 * @param parent the program, or the command that this one belongs to
 * @param finish receives the exit status of the command
 */
export function register(parent: Command, description: CommandDescription, finish: (status: number) => void): void {
  const { name, summary, usage, options = [], examples = [], subcommands = [], run } = description
  const command = parent.command(name).description(summary)
  if (usage !== undefined) command.usage(usage)
  for (const argument of description.arguments ?? []) command.addArgument(argumentOf(argument))
  for (const option of options) command.addOption(optionOf(option))
  if (description.passesUnknownOptions) command.allowUnknownOption()
  if (description.showsOwnHelp) command.helpOption(false)
  if (examples.length > 0) command.addHelpText('after', examplesText(examples))
  for (const subcommand of subcommands) register(command, subcommand, finish)
  if (run)
    command.action(async (...given: unknown[]) => {
      // Commander appends the options and the command to the arguments.
      const words = given.slice(0, -2)
      const all = { ...rootOf(command).opts(), ...command.opts() }
      finish(await run(...([...words, all, command] as never[])))
    })
}

function argumentOf({ name, help, choices }: ArgumentDescription): Argument {
  const argument = new Argument(name, help)
  return choices ? argument.choices(choices) : argument
}

function optionOf({ flags, help, parse, default: value, choices }: OptionDescription): Option {
  const option = new Option(flags)
  if (typeof help === 'string') option.description = help
  else Object.defineProperty(option, 'description', { get: help })
  if (choices) option.choices(choices)
  if (parse) option.argParser(parse as (text: string, before: unknown) => unknown)
  if (value !== undefined) option.default(value)
  return option
}

const rootOf = (command: Command): Command => (command.parent === null ? command : rootOf(command.parent))
