/**
 * Scripts that complete command lines in a shell, made from the parser's own tree of commands. A script is complete in
 * itself: completing starts no program.
 */
import type { Command, Option } from 'commander'
import { blanked } from '../../text/foreign-text'
import type { Shell } from './shells'

/** What can follow at one place of a command line. */
interface Place {
  /** The commands before it: `` for mbconv itself, `/data/cache`. */
  readonly path: string
  /** What can stand here: commands, or the allowed values of the first argument. */
  readonly words: readonly Word[]
  readonly options: readonly CompletedOption[]
}

interface Word {
  readonly text: string
  readonly help: string
}

interface CompletedOption {
  /** `-h` and `--help`. */
  readonly flags: readonly string[]
  readonly help: string
  /** Whether a value follows as a word of its own. */
  readonly takesValue: boolean
  /** The allowed values; empty if any is, such as a file. */
  readonly choices: readonly string[]
}

/** The script for a shell. */
export function completionScript(shell: Shell, program: Command): string {
  return SCRIPTS[shell](program.name(), placesOf(program, ''))
}

/** All places, the program's own first. */
function placesOf(command: Command, path: string): Place[] {
  const helper = command.createHelp()
  const commands = helper.visibleCommands(command)
  const subcommands = commands.map((each) => ({
    text: each.name(),
    help: firstLine(helper.subcommandDescription(each)),
  }))
  const values = (command.registeredArguments[0]?.argChoices ?? []).map((text) => ({ text, help: '' }))
  // The global options stand behind a command, too.
  const inherited = path === '' ? [] : (rootOf(command).options as Option[])
  const own = [...helper.visibleOptions(command), ...inherited.filter((option) => !option.hidden)]
  const options = own.map((option) => ({
    flags: [option.short, option.long].filter((flag): flag is string => flag !== undefined),
    help: firstLine(option.description),
    takesValue: option.required,
    choices: option.argChoices ?? [],
  }))
  const inner = command.commands.flatMap((each) => placesOf(each, `${path}/${each.name()}`))
  return [{ path, words: [...subcommands, ...values], options }, ...inner]
}

const rootOf = (command: Command): Command => (command.parent === null ? command : rootOf(command.parent))

/** A help text in one printable line, as lists of completions show it. */
const firstLine = (text: string): string => blanked(text).slice(0, 100)

/** A word of a shell. Within single quotes, bash and zsh take everything as it is. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** A word of fish, whose single quotes know the backslash. */
const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** The paths of all commands, for the pattern of a `case`. */
const pathsOf = (places: readonly Place[]): string[] => places.map(({ path }) => path).filter((path) => path !== '')

/** The options of a place that a value follows. */
const withValue = ({ options }: Place): CompletedOption[] => options.filter(({ takesValue }) => takesValue)

/** A line of a `case` for each option that a value follows: `'/train --weights')`. */
const valueCases = (places: readonly Place[], body: (choices: readonly string[]) => string): string =>
  places
    .flatMap((place) =>
      withValue(place).map(({ flags, choices }) => {
        const patterns = flags.map((flag) => quoted(`${place.path} ${flag}`)).join('|')
        return `    ${patterns}) ${body(choices)} ;;`
      }),
    )
    .join('\n')

function bash(name: string, places: readonly Place[]): string {
  const listed = places
    .map(({ path, words, options }) => {
      const flags = options.flatMap((option) => option.flags).join(' ')
      return `    ${quoted(path)}) words=${quoted(words.map(({ text }) => text).join(' '))} options=${quoted(flags)} ;;`
    })
    .join('\n')
  return `# Completes command lines of ${name} in bash. Files are completed where nothing else is known.
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} at= words= options= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${pathsOf(places).map(quoted).join('|')}) at="$at/\${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$at $previous" in
${valueCases(places, (choices) =>
  choices.length > 0 ? `COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$current")); return` : 'return',
)}
  esac
  case "$at" in
${listed}
  esac
  if [[ $current == -* ]]; then
    words=$options
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`
}

function zsh(name: string, places: readonly Place[]): string {
  // A colon separates a word from its help.
  const item = (text: string, help: string) => quoted(`${text.replaceAll(':', '\\:')}:${help}`)
  const listed = places
    .map(({ path, words, options }) => {
      const shownWords = words.map(({ text, help }) => item(text, help)).join(' ')
      const shownFlags = options.flatMap(({ flags, help }) => flags.map((flag) => item(flag, help))).join(' ')
      return `    ${quoted(path)}) known=(${shownWords}) options=(${shownFlags}) ;;`
    })
    .join('\n')
  return `#compdef ${name}
# Completes command lines of ${name} in zsh. Files are completed where nothing else is known.
_${name}() {
  local at= word
  local -a known options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at/$word" in
      ${pathsOf(places).map(quoted).join('|')}) at="$at/$word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${valueCases(places, (choices) => (choices.length > 0 ? `compadd -- ${choices.map(quoted).join(' ')}; return` : '_files; return'))}
  esac
  case "$at" in
${listed}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif (( \${#known} )); then
    _describe command known
  else
    _files
  fi
}
compdef _${name} ${name}
`
}

function fish(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, options }) => {
    const here = `complete -c ${name} -n ${fishQuoted(`__${name}_at '${path}'`)}`
    const described = (help: string) => (help === '' ? '' : ` -d ${fishQuoted(help)}`)
    return [
      ...words.map(({ text, help }) => `${here} -f -a ${fishQuoted(text)}${described(help)}`),
      ...options.map(({ flags, help, takesValue, choices }) => {
        const named = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
        const value = !takesValue ? '' : choices.length > 0 ? ` -x -a ${fishQuoted(choices.join(' '))}` : ' -r -F'
        return `${here} ${named.join(' ')}${value}${described(help)}`
      }),
    ]
  })
  return `# Completes command lines of ${name} in fish. Files are completed where nothing else is known.
function __${name}_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at/$word"
      case ${pathsOf(places).map(fishQuoted).join(' ')}
        set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`
}

const SCRIPTS: Readonly<Record<Shell, (name: string, places: readonly Place[]) => string>> = { bash, zsh, fish }
