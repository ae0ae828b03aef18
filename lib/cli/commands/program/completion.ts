/** `mbconv completion`: prints a script that completes command lines of mbconv in a shell. */
import type { Command } from 'commander'
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { SHELLS, type Shell } from '../../command-line/shells'
import { Output } from '../../view/output'

export const completionCommand: CommandDescription = {
  name: 'completion',
  summary: 'print a script that completes commands, options and their values in a shell',
  arguments: [{ name: '<shell>', help: SHELLS.join(', '), choices: SHELLS }],
  examples: [
    'eval "$(mbconv completion bash)"          # in ~/.bashrc',
    'eval "$(mbconv completion zsh)"           # in ~/.zshrc, below compinit',
    'mbconv completion fish > ~/.config/fish/completions/mbconv.fish',
  ],
  run,
}

async function run(shell: Shell, options: GlobalOptions, command: Command): Promise<number> {
  const output = new Output(options)
  const { completionScript } = await import('../../command-line/completion.js')
  const script = completionScript(shell, command.parent as Command)
  output.data({ shell, script })
  output.result(...script.trimEnd().split('\n'))
  return EXIT.ok
}
