/* Configuration files for tests: written, read, and what is wrong with them. */
import fs from 'node:fs'
import path from 'node:path'
import { internal } from './internals.mjs'

const { parseConfigFile } = internal('configFile')

/** The least a configuration says. */
export const SMALLEST = 'model: {name: efficientnet_b0}\nepochs: 3\n'

/** Writes the text to a file called run.yaml and gives its path. */
export function yaml(t, text) {
  const file = path.join(t.testdir({}), 'run.yaml')
  fs.writeFileSync(file, text)
  return file
}

/** The lines of the error that a file (and overrides) leads to, without its folder. */
export function complaints(t, text, overrides = []) {
  const file = yaml(t, text)
  try {
    parseConfigFile(file, overrides)
  } catch (error) {
    t.equal(error.name, 'MbconvError', error.stack)
    t.equal(error.code, 'ERR_CONFIG')
    return { lines: error.message.replaceAll(file, 'run.yaml').split('\n'), hint: error.hint }
  }
  return t.fail('there should have been an error', { text, overrides })
}
