/** Starts and ends an HTTP server. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MbconvError } from '../errors/error'

export interface Listening {
  url: string
  port: number
  /** Waits for the answers that are under way. */
  close(): Promise<void>
}

/**
 * @param port 0: any free one
 * @throws MbconvError ERR_USAGE for a port that cannot be used
 */
export async function listening(server: Server, port: number, address: string): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be used: ${cause.message}`
      const hint = 'Choose another one: --port.'
      reject(new MbconvError('ERR_USAGE', `port ${port} of ${address} ${why}`, { cause, hint }))
    })
    server.listen(port, address, resolve)
  })
  const { port: own } = server.address() as AddressInfo
  return {
    url: `http://${address}:${own}`,
    port: own,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        // Connections that wait for another request would keep it open.
        server.closeIdleConnections()
      }),
  }
}
