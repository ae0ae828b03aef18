/* The command line of the set-up. */
import { SetupError } from './failure.mjs'

export const HELP = `Usage: node scripts/setup.mjs [options]      (also: npm run setup, mbconv setup)

Makes everything ready, in this order: npm packages, libtorch, the native addon, the JavaScript.
A step whose inputs have not changed is skipped. In an installed package only libtorch is fetched where the prebuilt
addon fits; elsewhere, and in a checkout, the addon is compiled.

  --libtorch DIR   use the libtorch in DIR (holding lib/ and include/) instead of fetching one; the environment
                   variable LIBTORCH does the same. DIR stays in use until another choice is made
  --cpu            the CPU flavour of libtorch, also where there is an NVIDIA GPU
  --cuda           the CUDA flavour of libtorch, also where nvidia-smi does not answer
  --auto           forget an earlier --libtorch, --cpu or --cuda: CUDA where nvidia-smi answers, else CPU
  --compile        compile the addon also where the prebuilt one fits
  --skip-npm       leave node_modules alone
  --native-only    libtorch and the native addon, nothing else
  --unless-installing   do nothing while npm is installing packages (for binding.gyp)
  --force          do every step again (a libtorch whose checksums are right is kept)
  --quiet          print errors only
  --help           this text

libtorch is kept in $MBCONV_CACHE, else $XDG_CACHE_HOME/mbconv, else ~/.cache/mbconv.
Exit status: 0 done, 1 a step failed, 2 wrong usage, 3 something is missing on this machine, 130/143 interrupted.
`

const SWITCHES = {
  '--cpu': 'cpu',
  '--cuda': 'cuda',
  '--auto': 'auto',
  '--compile': 'compile',
  '--skip-npm': 'skipNpm',
  '--native-only': 'nativeOnly',
  '--unless-installing': 'unlessInstalling',
  '--force': 'force',
  '--quiet': 'quiet',
  '--help': 'help',
  '-h': 'help',
}

/** @returns {{libtorch: string|null, cpu?: boolean, cuda?: boolean, auto?: boolean, skipNpm?: boolean, nativeOnly?: boolean, force?: boolean, quiet?: boolean, help?: boolean}} */
export function parseOptions(args) {
  const options = { libtorch: null }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]
    if (arg === '--libtorch' || arg.startsWith('--libtorch=')) {
      const value = arg === '--libtorch' ? args[++i] : arg.slice('--libtorch='.length)
      if (!value || value.startsWith('--')) throw usage('--libtorch needs a folder')
      options.libtorch = value
    } else if (Object.hasOwn(SWITCHES, arg)) options[SWITCHES[arg]] = true
    else throw usage(`unknown option ${arg}`)
  }
  const chosen = ['--libtorch', '--cpu', '--cuda', '--auto'].filter((name) =>
    name === '--libtorch' ? options.libtorch : options[SWITCHES[name]],
  )
  if (chosen.length > 1) throw usage(`${chosen.join(' and ')} exclude each other`)
  return options
}

function usage(message) {
  return new SetupError(message, { exitCode: 2, hint: '`node scripts/setup.mjs --help` lists the options.' })
}
