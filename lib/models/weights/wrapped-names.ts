/**
 * Detects whose names a weights file uses and which prefix stands before them. Training wraps a network in other
 * modules (DataParallel's `module.`, torch.compile's `_orig_mod.`, Lightning's `model.`, a `backbone.` beside a loss),
 * and each adds its name as a prefix.
 */
import { listed } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../arch/check'
import { type KeyScheme, layerNames, schemesOf, splitKey } from './key-map'

/** Layer names have fewer parts; names in a file can be anything. */
const MOST_PARTS = 24

export interface NamesFound {
  scheme: KeyScheme
  /** The prefix before the scheme's names, with its dot; empty if there is none. */
  prefix: string
}

interface Candidate extends NamesFound {
  hits: number
  layers: number
}

/**
 * Finds the scheme and the prefix under which a file has a network's layers.
 *
 * @param within use only names with this prefix, given without the dot; empty: all names
 * @throws MbconvError ERR_VALUE for the names of another network, and if several prefixes match this one
 */
export function findNames(op: string, arch: CheckedArch, keys: readonly string[], within: string): NamesFound {
  const start = within === '' ? '' : `${within}.`
  const layers = new Set(keys.filter((key) => key.startsWith(start)).map((key) => splitKey(key)[0]))
  const candidates = schemesOf(arch).flatMap((scheme) => candidatesOf(scheme, arch, layers, start))
  // Fewer than half may match by chance: two libraries share a few names.
  const likely = candidates.filter(({ hits, layers }) => 2 * hits >= layers)
  const best = (of: readonly Candidate[]) => of.reduce((a, b) => (b.hits > a.hits ? b : a))
  const prefixes = [...new Set(likely.map(({ prefix }) => prefix))]
  if (prefixes.length === 1) return best(likely)
  if (prefixes.length > 1) {
    // If one of two is an average (EMA), take it, as timm does.
    const averaged = prefixes.filter((prefix) => /(^|[._])ema([._]|$)/.test(prefix))
    if (averaged.length === 1) return best(likely.filter(({ prefix }) => prefix === averaged[0]))
    const message = `${op}: the file has the weights of ${arch.name} more than once: under ${listed(prefixes.map(nameOf))}`
    throw new MbconvError('ERR_VALUE', message, { op, hint: `Choose: entry: '${nameOf(prefixes[0])}', for one.` })
  }
  const known = schemesOf(arch).map((scheme) => {
    const hits = Math.max(0, ...candidates.filter((each) => each.scheme === scheme).map((each) => each.hits))
    return `${hits} of ${scheme}'s`
  })
  const message = `${op}: these are not the weights of ${arch.name}: of its layers the file has ${known.join(', ')}; its keys are ${listed(keys)}`
  throw new MbconvError('ERR_VALUE', message, { op })
}

const nameOf = (prefix: string) => prefix.slice(0, -1)

/** Every prefix under which the file has layers of a scheme. */
function candidatesOf(scheme: KeyScheme, arch: CheckedArch, layers: ReadonlySet<string>, start: string): Candidate[] {
  const own = new Set(layerNames(arch, scheme))
  const hits = new Map<string, number>()
  for (const layer of layers) {
    let at = start.length
    for (let part = 0; part < MOST_PARTS; part++) {
      if (own.has(layer.slice(at))) {
        const prefix = layer.slice(0, at)
        hits.set(prefix, (hits.get(prefix) ?? 0) + 1)
      }
      const dot = layer.indexOf('.', at)
      if (dot < 0) break
      at = dot + 1
    }
  }
  return [...hits].map(([prefix, count]) => ({ scheme, prefix, hits: count, layers: own.size }))
}
