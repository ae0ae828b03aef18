/*
 * Reads the list of files from a Python package index, and the requirements from their metadata, without downloading
 * them. Python makes the requests, because it uses the same proxy settings as pip.
 */
import { EXIT, SetupError } from '../setup/failure.mjs'
import { run } from '../setup/run.mjs'

/**
 * Reads a request and prints an answer, both as JSON. Fetches only the needed parts of a wheel, which is a zip file.
 */
const SCRIPT = `
import email, io, json, sys, urllib.request, zipfile
ACCEPT = 'application/vnd.pypi.simple.v1+json, text/html;q=0.5'
def ask(url, **more):
    return urllib.request.urlopen(urllib.request.Request(url, **more), timeout=60)
class Remote(io.RawIOBase):
    def __init__(self, url):
        self.url, self.at = url, 0
        self.size = int(ask(url, method='HEAD').headers['Content-Length'])
    def readable(self):
        return True
    def seekable(self):
        return True
    def tell(self):
        return self.at
    def seek(self, offset, whence=0):
        self.at = [0, self.at, self.size][whence] + offset
        return self.at
    def readinto(self, buffer):
        count = min(len(buffer), self.size - self.at)
        if count <= 0:
            return 0
        answer = ask(self.url, headers={'Range': 'bytes=%d-%d' % (self.at, self.at + count - 1)})
        if answer.status != 206:
            raise OSError('the server does not serve parts of a file')
        block = answer.read()
        buffer[:len(block)] = block
        self.at += len(block)
        return len(block)
def requires(url):
    archive = zipfile.ZipFile(io.BufferedReader(Remote(url), 1 << 16))
    name = [n for n in archive.namelist() if n.endswith('.dist-info/METADATA') and n.count('/') == 1][0]
    return email.message_from_string(archive.read(name).decode()).get_all('Requires-Dist') or []
def page(url):
    answer = ask(url, headers={'Accept': ACCEPT})
    return {'url': answer.geturl(), 'type': answer.headers.get_content_type(), 'text': answer.read().decode()}
def address(_):
    from pip._internal.commands import create_command
    return create_command('download').parse_args([])[0].index_url
what, values = json.load(sys.stdin)
try:
    print(json.dumps([{'address': address, 'page': page, 'requires': requires}[what](value) for value in values]))
except (OSError, ValueError, IndexError, ImportError, zipfile.BadZipFile) as error:
    sys.exit('%s: %s' % (type(error).__name__, error))
`

async function ask(python, what, values) {
  const result = await run(python, ['-c', SCRIPT], { input: JSON.stringify([what, values]) })
  if (result.code === 0) return JSON.parse(result.stdout)
  const said = result.output.trim().split('\n').pop()
  throw new SetupError(`cannot read the package index: ${said}`, { exitCode: EXIT.environment })
}

/** The address of the index that pip uses here, according to its environment and settings. */
export async function pipsIndex(python) {
  const [address] = await ask(python, 'address', [null])
  return address
}

/**
 * Lists the files of some projects.
 * @param {string} address of the index
 * @returns {Promise<Map<string, {name: string, url: string, sha256: string|undefined, size: number|undefined}[]>>}
 */
export async function filesOf(python, address, projects) {
  const addresses = projects.map((project) => `${address.replace(/\/*$/, '')}/${project}/`)
  const pages = await ask(python, 'page', addresses)
  return new Map(pages.map((page, i) => [projects[i], page.type.endsWith('json') ? fromJson(page) : fromHtml(page)]))
}

function fromJson({ url, text }) {
  return JSON.parse(text).files.map((file) => ({
    name: file.filename,
    url: new URL(file.url, url).href,
    sha256: file.hashes?.sha256,
    size: file.size,
  }))
}

function fromHtml({ url, text }) {
  return [...text.matchAll(/<a\s[^>]*\bhref=(["'])(.+?)\1/gi)].map(([, , href]) => {
    const address = new URL(href.replaceAll('&amp;', '&'), url)
    const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(address.hash)?.[1].toLowerCase()
    address.hash = ''
    const name = decodeURIComponent(address.pathname.split('/').pop())
    return { name, url: address.href, sha256, size: undefined }
  })
}

/**
 * The requirements of the wheels at these addresses: for each, the lines of its Requires-Dist.
 * @returns {Promise<string[][]>}
 */
export function requirementsOf(python, urls) {
  return ask(python, 'requires', urls)
}
