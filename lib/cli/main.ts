#!/usr/bin/env node
/**
 * The `mbconv` command: the list of its subcommands, and what they share: version, `--json`, `--quiet`, errors, exit
 * statuses and the handling of lost output.
 *
 * To add a command, add a file to ./commands and a line to the list.
 */
import { Command, CommanderError } from 'commander'
import { MbconvError } from '../errors/error'
import { EXIT, exitCodeOf } from '../errors/exit-codes'
import { packageVersion } from '../package/manifest'
import type { CommandDescription } from './command-line/command'
import { examplesText, register } from './command-line/register'
import { dataCommand } from './commands/data'
import { embedCommand } from './commands/embed'
import { evalCommand } from './commands/eval'
import { experimentCommand } from './commands/experiment'
import { explainCommand } from './commands/explain'
import { exportCommand } from './commands/export'
import { modelsCommand } from './commands/models'
import { predictCommand } from './commands/predict'
import { completionCommand } from './commands/program/completion'
import { doctorCommand } from './commands/program/doctor'
import { setupCommand } from './commands/program/setup'
import { versionCommand } from './commands/program/version'
import { pullCommand } from './commands/pull'
import { scaleCommand } from './commands/scale'
import { serveCommand } from './commands/serve'
import { trainCommand } from './commands/train'
import { watchCommand } from './commands/watch'
import { watchOutput } from './view/lost-output'
import { Output } from './view/output'

/** In the order of the help. */
export const COMMANDS: readonly CommandDescription[] = [
  trainCommand,
  watchCommand,
  evalCommand,
  predictCommand,
  embedCommand,
  serveCommand,
  explainCommand,
  exportCommand,
  modelsCommand,
  scaleCommand,
  experimentCommand,
  dataCommand,
  pullCommand,
  doctorCommand,
  versionCommand,
  completionCommand,
  setupCommand,
]

/** Shown at the end of the help, with {@link EXIT_HELP}. */
const EXAMPLES: readonly string[] = ['mbconv train ./photos', 'mbconv predict photo.jpg', 'mbconv train --help']

/** Exit statuses, shown at the end of the help. */
const EXIT_HELP = `
Exit status: ${EXIT.ok} done, ${EXIT.failure} failed, ${EXIT.usage} wrong usage or configuration, ${EXIT.environment} something is missing on this machine (see doctor),
${EXIT.data} unreadable data, ${EXIT.sighup}, ${EXIT.sigint} and ${EXIT.sigterm} stopped by a signal after saving.`

/** @param finish receives the exit status of the command */
export function createProgram(finish: (status: number) => void): Command {
  const program: Command = new Command('mbconv')
    .description('EfficientNet for Node.js: training, evaluation and scaling, native on libtorch.')
    .version(packageVersion())
    .option('--json', 'results for machines: JSON on stdout, one value a line')
    .option('--quiet', 'results and errors only')
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => `${command.name()} ${command.usage().replace(/ ?\[options\] ?/, '')}`.trimEnd(),
      visibleGlobalOptions: (command) =>
        command === program ? [] : program.options.filter((option) => option.attributeName() !== 'version'),
    })
    // main() catches and prints all errors in one style.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText('after', examplesText(EXAMPLES))
    .addHelpText('after', EXIT_HELP)
  for (const command of COMMANDS) register(program, command, finish)
  return program
}

/** Rephrases commander's own errors. */
function usageError(error: CommanderError): MbconvError {
  const [, message, suggestion] = /^(?:error: )?([\s\S]*?)(?:\n\((.*)\))?$/.exec(error.message) ?? []
  return new MbconvError('ERR_USAGE', message ?? error.message, {
    hint: suggestion ? suggestion[0].toLowerCase() + suggestion.slice(1) : 'mbconv --help shows what there is',
  })
}

/** Runs the command. Returns its exit status, which is 1 if results could not be written. */
export async function main(words: string[]): Promise<number> {
  const lostOutput = watchOutput()
  const status = await runCommand(words)
  const reason = await lostOutput()
  if (reason === undefined) return status
  new Output().warn(`what was to be printed on stdout is lost: ${reason}; everything else was done`)
  return status === EXIT.ok ? EXIT.failure : status
}

async function runCommand(words: string[]): Promise<number> {
  let status: number = EXIT.ok
  const program = createProgram((code) => {
    status = code
  })
  // `--json` must also apply to errors that occur before the command line is parsed.
  const output = () => new Output({ json: words.includes('--json') })
  // An error that no command awaits must not end in a bare stack either.
  process.on('uncaughtException', (error) => {
    output().error(error)
    process.exit(exitCodeOf(error))
  })
  try {
    if (words.length === 0) {
      program.outputHelp({ error: true })
      return EXIT.usage
    }
    await program.parseAsync(words, { from: 'user' })
    return status
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      output().error(error)
      return exitCodeOf(error)
    }
    if (error.exitCode === 0) return EXIT.ok // help or version was requested
    output().error(usageError(error))
    return EXIT.usage
  }
}

if (require.main === module)
  main(process.argv.slice(2)).then((status) => {
    process.exitCode = status
  })
