// A certificate that signs itself, for servers that speak TLS in a test: made anew, so that none is kept that could expire.
import { generateKeyPairSync, sign } from 'node:crypto'

/** One element of DER: a tag, a length, the content. */
function der(tag, ...parts) {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = content
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}

const sequence = (...parts) => der(0x30, ...parts)
const oid = (...bytes) => der(0x06, bytes)
const utcTime = (date) => der(0x17, `${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`)
const extension = (id, value) => sequence(oid(0x55, 0x1d, id), der(0x04, value))

/**
 * @param {string[]} names of servers, also as 127.0.0.1
 * @returns {{key: string, cert: string}} in PEM; `cert` is its own authority
 */
export function certificate(names) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)) // ecdsa-with-SHA256
  const name = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, 'a test')))) // its common name
  const day = 86_400_000
  const validity = sequence(...[-day, day].map((from) => utcTime(new Date(Date.now() + from))))
  const alternatives = names.map((each) => {
    const address = each.split('.').map(Number)
    return address.every((byte) => byte >= 0) ? der(0x87, address) : der(0x82, each)
  })
  const authority = sequence(der(0x01, [0xff]))
  const extensions = sequence(extension(0x13, authority), extension(0x11, sequence(...alternatives)))
  const content = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1]),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = sign('sha256', content, privateKey)
  const whole = sequence(content, algorithm, der(0x03, [0], signature)).toString('base64')
  const cert = `-----BEGIN CERTIFICATE-----\n${whole.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }), cert }
}
