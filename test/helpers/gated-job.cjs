/*
 * Preloaded into the processes of jobs: each stands still once it has said that its training begins, until the test
 * makes a file named by its process id in the folder that MBCONV_TEST_GATE names. What a test does to a job, it does
 * while the job runs for certain, however busy the machine is.
 */
const { existsSync } = require('node:fs')
const { join } = require('node:path')

const gate = process.env.MBCONV_TEST_GATE
if (gate !== undefined && process.send !== undefined && /[\\/]experiment[\\/]job\.js$/.test(process.argv[1] ?? '')) {
  const send = process.send.bind(process)
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  process.send = (message, ...rest) => {
    if (message.type !== 'start') return send(message, ...rest)
    return send(message, () => {
      while (!existsSync(join(gate, String(process.pid)))) Atomics.wait(nothing, 0, 0, 5)
      for (const done of rest) if (typeof done === 'function') done()
    })
  }
}
