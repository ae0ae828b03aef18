/* Runs every command with words that a terminal would obey; what each writes stays on stdout and stderr as it is. */
import fs from 'node:fs'
import { createRequire } from 'node:module'

const { main } = createRequire(import.meta.url)('../../dist/cli/main.js')
const [folder, commands] = process.argv.slice(2)
process.chdir(folder)
for (const [i, words] of JSON.parse(commands).entries()) {
  const status = await main(words).catch((error) => `thrown: ${error.stack}`)
  fs.writeSync(1, `=== ${i} ${status}\n`)
}
// Some commands set it for themselves.
process.exit(0)
