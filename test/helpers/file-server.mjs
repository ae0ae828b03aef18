// A web server for one file, with the faults that a test asks for.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'

/**
 * Serves `content` at every path. `faults` is a list: the first request meets the first of them, and so on; behind its end
 * all is well. A fault is a function of (request, response) that answers itself, or an object:
 * - cut: end the connection after so many bytes
 * - status, headers: answer with that and no content
 *
 * @param options.tls key and cert, for https
 * @param options.ranges false: answers every request with the whole file
 * @param options.tags false: no entity tag
 * @param options.announce the SHA-256 to tell, as hubs do; true: the right one
 */
export async function serve(
  t,
  content,
  { faults = [], ranges = true, tags = true, announce = false, length = true, tls } = {},
) {
  const state = { content, requests: [], faults: [...faults] }
  const answer = (request, response) => {
    const { range, 'if-range': ifRange, authorization } = request.headers
    state.requests.push({ url: request.url, range, ifRange, authorization })
    const fault = state.faults.shift() ?? {}
    if (typeof fault === 'function') return fault(request, response)
    if (fault.status !== undefined) return response.writeHead(fault.status, fault.headers ?? {}).end('no file')
    const whole = state.content
    const tag = `"${createHash('md5').update(whole).digest('hex')}"`
    const headers = { ...(tags ? { etag: tag } : {}) }
    const sha256 = announce === true ? createHash('sha256').update(whole).digest('hex') : announce
    if (sha256) headers['x-linked-etag'] = `"${sha256}"`
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const partial = ranges && from > 0 && request.headers['if-range'] === tag
    if (partial && from >= whole.length) {
      return response.writeHead(416, { 'content-range': `bytes */${whole.length}`, ...headers }).end()
    }
    const body = partial ? whole.subarray(from) : whole
    if (partial) headers['content-range'] = `bytes ${from}-${whole.length - 1}/${whole.length}`
    if (length) headers['content-length'] = body.length
    response.writeHead(partial ? 206 : 200, headers)
    if (fault.cut === undefined) return response.end(body)
    response.write(body.subarray(0, fault.cut), () => setTimeout(() => response.destroy(), 20))
  }
  const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http${tls === undefined ? '' : 's'}://127.0.0.1:${server.address().port}`
  return Object.assign(state, { url, file: `${url}/model.safetensors`, server })
}
