/** The version of this package. */
import { join } from 'node:path'
import { readText } from '../files/open'

/** As package.json has it. */
export function packageVersion(): string {
  // From dist/ and from lib/ alike, the package's root is two folders up.
  const text = readText(join(__dirname, '..', '..', 'package.json'), { op: 'version' })
  return (JSON.parse(text) as { version: string }).version
}
