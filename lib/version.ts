/** The version of this package. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** As package.json has it. */
export function packageVersion(): string {
  // From dist/ and from lib/ alike, the package's root is one folder up.
  const text = readFileSync(join(__dirname, '..', 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
