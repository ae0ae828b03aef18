// A proxy of one's own: tunnels for CONNECT, and plain requests with a whole URL.
import { request as ask, createServer } from 'node:http'
import { connect } from 'node:net'

/**
 * @param options.to the port of 127.0.0.1 that every tunnel and request leads to, whatever it asks for
 * @param options.authorization refuse all others
 * @returns {Promise<{url: string, host: string, asked: {target: string, authorization?: string}[]}>}
 */
export async function serveProxy(t, { to, authorization } = {}) {
  const asked = []
  const server = createServer((request, response) => {
    const theirs = request.headers['proxy-authorization']
    asked.push({ target: `${request.method} ${request.url}`, authorization: theirs })
    const { 'proxy-authorization': _, ...headers } = request.headers
    const { pathname } = new URL(request.url)
    ask({ port: to, host: '127.0.0.1', path: pathname, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers)
      answer.pipe(response)
    }).end()
  })
  const sockets = new Set()
  server.on('connect', (request, socket) => {
    const theirs = request.headers['proxy-authorization']
    asked.push({ target: `CONNECT ${request.url}`, authorization: theirs })
    if (authorization !== undefined && theirs !== authorization) {
      return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nconnection: close\r\n\r\n')
    }
    const onward = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ]) {
      sockets.add(one)
      one.on('error', () => {}).on('close', () => other.destroy())
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${server.address().port}`
  return { url: `http://${host}`, host, asked }
}
