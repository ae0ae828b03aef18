/**
 * Requests to web servers: through the proxies that npm and curl use, along redirections, never from https to http. The
 * user's name and password in a URL are sent to that server only, and appear in no message.
 */
import type { EnvHttpProxyAgent } from 'undici'
import { MbconvError } from '../errors/error'
import { quoted } from './open'

const MOST_REDIRECTS = 5
/** The server does not answer or does not exist: waiting a second will not help. */
const OFFLINE = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENETDOWN|.*CERT.*|.*SELF_SIGNED.*)$/

/** A URL, and its credentials apart from it. */
export interface Address {
  /** The URL without name and password. */
  readonly url: string
  /** The header with name and password. */
  readonly authorization?: string
}

export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
}

/** @throws MbconvError ERR_VALUE */
export function addressOf(text: string): Address {
  const url = withoutCredentials(text)
  try {
    const { protocol, username, password } = new URL(text)
    if (protocol === 'http:' || protocol === 'https:') {
      if (username === '' && password === '') return { url }
      const name = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
      return { url, authorization: `Basic ${Buffer.from(name).toString('base64')}` }
    }
  } catch {
    // Not a URL, or a % that is not followed by digits.
  }
  throw new MbconvError('ERR_VALUE', `${quoted(url)} is no address of a web server`, { op: 'download' })
}

export function network(url: string, problem: string): MbconvError {
  return new MbconvError('ERR_NETWORK', `${url}: ${problem}`, { op: 'download' })
}

/** The proxies in the environment: npm's own settings, else curl's variables, lower case first. */
function proxies(env: NodeJS.ProcessEnv) {
  const first = (...names: string[]) => names.map((name) => env[name]).find((value) => value)
  const all = first('all_proxy', 'ALL_PROXY')
  const http = first('npm_config_proxy', 'http_proxy', 'HTTP_PROXY') ?? all
  return {
    httpProxy: proxyAddress(http),
    httpsProxy: proxyAddress(first('npm_config_https_proxy', 'https_proxy', 'HTTPS_PROXY') ?? all ?? http),
    noProxy: first('npm_config_noproxy', 'no_proxy', 'NO_PROXY') ?? '',
  }
}

function proxyAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  try {
    const { protocol, username, password } = new URL(url)
    decodeURIComponent(username + password)
    if (['http:', 'https:', 'socks5:'].includes(protocol)) return url
  } catch {
    // The message below reports it.
  }
  throw new MbconvError('ERR_VALUE', `${quoted(withoutCredentials(url))} is no address of a proxy`, {
    op: 'download',
    hint: 'Proxies are http, https or socks5. They are taken from https_proxy, http_proxy, all_proxy and npm’s settings.',
  })
}

async function library() {
  try {
    return await import('undici')
  } catch (cause) {
    const text = 'nothing can be fetched: the package undici is missing'
    throw new MbconvError('ERR_ENVIRONMENT', text, { op: 'download', hint: 'Run npm install.', cause })
  }
}

/** Access to servers, for one download. */
export class Web {
  readonly #fetch: typeof import('undici').fetch
  readonly #agent: EnvHttpProxyAgent

  private constructor({ fetch, EnvHttpProxyAgent }: typeof import('undici')) {
    this.#fetch = fetch
    // Plain http goes through a proxy without a tunnel, as with npm and curl: many proxies allow tunnels to https only.
    this.#agent = new EnvHttpProxyAgent({ ...proxies(process.env), proxyTunnel: false })
  }

  /** @throws MbconvError ERR_VALUE for a proxy's address, ERR_ENVIRONMENT */
  static async open(): Promise<Web> {
    return new Web(await library())
  }

  /**
   * Follows redirections. Hubs announce the SHA-256 of a redirection's target.
   *
   * @throws MbconvError ERR_NETWORK, and any error of fetch
   */
  async ask({ url, authorization }: Address, headers: Record<string, string>, signal: AbortSignal) {
    let here = new URL(url)
    const { origin } = here
    let sha256: string | undefined
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const own = here.origin === origin && authorization !== undefined ? { authorization } : {}
      const options = { headers: { ...headers, ...own }, signal, redirect: 'manual', dispatcher: this.#agent } as const
      const response = await this.#fetch(here, options)
      // A hub's entity tag of a large file is its SHA-256. Only the tag of the requested server itself counts.
      const linked = response.headers.get('x-linked-etag')?.replace(/^(W\/)?"|"$/g, '')
      if (hops === 0 && linked !== undefined && /^[0-9a-f]{64}$/.test(linked)) sha256 = linked
      const location = response.headers.get('location')
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return { response, sha256 }
      await response.body?.cancel()
      here = redirected(url, here, location)
    }
    throw network(url, `the server redirects more than ${MOST_REDIRECTS} times`)
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

function redirected(url: string, here: URL, location: string): URL {
  let next: URL
  try {
    next = new URL(location, here)
  } catch {
    throw network(url, `the server redirects to ${quoted(location)}, which is no address`)
  }
  if (next.protocol !== 'https:' && next.protocol !== here.protocol) {
    throw network(url, `the server redirects from ${here.protocol}// to ${next.protocol}//`)
  }
  next.username = next.password = ''
  return next
}

/** Describes an error of fetch; `lasting`: another attempt would fail too. */
export function failureOf(error: unknown): { problem: string; lasting: boolean } {
  let cause = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }
  while (cause.cause instanceof Error) cause = cause.cause as NodeJS.ErrnoException
  // A name with several addresses has an error for each.
  const code = [cause, ...(cause.errors ?? [])].find((each) => typeof each.code === 'string')?.code
  const said =
    [cause.message && quoted(cause.message), code && `(${code})`].filter(Boolean).join(' ') || 'no reason given'
  if (code !== undefined && OFFLINE.test(code))
    return { problem: `the server cannot be reached: ${said}`, lasting: true }
  const refused = /^Proxy (response \(4|Authentication)/.test(cause.message)
  return { problem: `${refused ? 'the proxy refuses' : 'the connection failed'}: ${said}`, lasting: refused }
}
