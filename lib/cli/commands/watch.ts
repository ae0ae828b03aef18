/** `mbconv watch`: shows the curves of runs on a page in the browser, while they train. */
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { wholeNumber, wholeUpTo } from '../command-line/values'
import * as format from '../view/format'
import { Output } from '../view/output'

export const watchCommand: CommandDescription = {
  name: 'watch',
  summary: 'show the curves of runs on a page in the browser, while they train',
  arguments: [{ name: '[runs...]', help: 'folders of runs (default: the newest ones, and those that begin later)' }],
  options: [
    { flags: '--dir <dir>', help: 'folder of all runs', default: 'runs' },
    { flags: '--newest <n>', help: 'number of newest runs to show', parse: wholeNumber, default: 8 },
    {
      flags: '--port <n>',
      help: 'port of the page on 127.0.0.1 (default: 7007, or a free one)',
      parse: wholeUpTo(65535),
    },
  ],
  examples: ['mbconv watch', 'mbconv watch runs/digits-20260101-120000 runs/digits-20260101-130000'],
  run,
}

interface WatchCommandOptions extends GlobalOptions {
  dir: string
  newest: number
  port?: number
}

async function run(folders: string[], { dir, newest, port, ...options }: WatchCommandOptions): Promise<number> {
  const output = new Output(options)
  const { serveRuns } = await import('../../watch/server.js')
  const { exitOfInterruption, onSignals } = await import('../../process/signals.js')
  let restore = () => {}
  const signal = new Promise((resolve) => {
    restore = onSignals(resolve)
  })
  try {
    const server = await serveRuns({ folders, dir, newest, port })
    output.data({ url: server.url, port: server.port })
    output.result(server.url)
    const what = folders.length > 0 ? format.counted(folders.length, 'run') : `the newest runs in ${dir}`
    output.note(output.paintNote('dim', `shows ${what}, to this machine only; Ctrl-C ends it`))
    const reason = await signal
    await server.close()
    return exitOfInterruption(reason)
  } finally {
    restore()
  }
}
