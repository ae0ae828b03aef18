/* A fresh project that has the package from its tarball. */
import fs from 'node:fs'
import path from 'node:path'
import { findNpm } from '../setup/prerequisites.mjs'
import { run } from '../setup/run.mjs'

/** Runs a program that has to succeed. @throws with the end of its output */
export async function must(command, args, options = {}) {
  const result = await run(command, args, { timeout: 600_000, ...options })
  if (result.code === 0) return result
  const lines = result.output.trim().split('\n').slice(-30).join('\n    ')
  throw new Error(`${path.basename(command)} ${args.join(' ').slice(0, 200)} ended with ${result.code}:\n    ${lines}`)
}

export const node = (args, options) => must(process.execPath, args, options)

export function npm(args, options) {
  const [command, ...first] = findNpm(process.env)
  return must(command, [...first, ...args], options)
}

/** npm without questions, install scripts, or what is not needed. */
export const QUIETLY = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

export class Fresh {
  constructor(folder, manifest = {}) {
    this.folder = folder
    fs.mkdirSync(folder, { recursive: true })
    this.write('package.json', JSON.stringify({ name: 'fresh', private: true, ...manifest }))
  }

  path(...names) {
    return path.join(this.folder, ...names)
  }

  write(name, text) {
    fs.mkdirSync(path.dirname(this.path(name)), { recursive: true })
    fs.writeFileSync(this.path(name), text)
    return this.path(name)
  }

  async install(...packages) {
    await npm(['install', ...QUIETLY, ...packages], { cwd: this.folder })
  }

  /** `mbconv setup`, which must not compile. */
  async setUp(command = process.execPath, first = []) {
    const file = fs.realpathSync(this.path('node_modules', 'mbconv', 'dist', 'cli', 'main.js'))
    const { output } = await must(command, [...first, file, 'setup', '--cpu'], { cwd: this.folder })
    const built = path.resolve(file, '..', '..', '..', 'build', 'cmake')
    if (fs.existsSync(built)) throw new Error(`the addon was compiled:\n${output}`)
    return output.includes('up to date') ? 'up to date' : /native addon, prebuilt/.exec(output)?.[0]
  }

  /** Runs a file that makes a prediction, and checks what it prints. */
  async predicts(file, command = process.execPath, first = [], options = {}) {
    const { stdout } = await must(command, [...first, file], { cwd: this.folder, ...options })
    const { label, probability } = JSON.parse(stdout.trim().split('\n').pop())
    if (typeof label !== 'string' || !(probability > 0 && probability <= 1)) throw new Error(`it predicts ${stdout}`)
    return `predicts ${label}`
  }
}
