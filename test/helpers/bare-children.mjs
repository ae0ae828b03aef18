/*
 * Loaded into every test file by the runner. The runner's hooks make each Node process that a test starts load its
 * instruments too, which triples the time that the process takes to start. Programs that tests start are to run as
 * users start them, so the hooks are removed here.
 */
import processOnSpawn from 'process-on-spawn'

processOnSpawn.removeAllListeners()
const { NODE_OPTIONS = '' } = process.env
const others = NODE_OPTIONS.split(' ').filter((option) => !option.includes('@tapjs/processinfo'))
if (others.join('') === '') delete process.env.NODE_OPTIONS
else process.env.NODE_OPTIONS = others.join(' ')
