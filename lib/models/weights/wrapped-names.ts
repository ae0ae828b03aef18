/**
 * Whose names a file of weights has, and what stands before them: training wraps a network in others (DataParallel's
 * `module.`, torch.compile's `_orig_mod.`, Lightning's `model.`, a `backbone.` beside a loss), and each puts its name first.
 */
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../arch/check'
import { type KeyScheme, layerNames, schemesOf, splitKey } from './key-map'

/** More dots than names of layers have; names in files may be anything. */
const MOST_PARTS = 24

export interface NamesFound {
  scheme: KeyScheme
  /** What stands before the scheme's names, with its dot; empty where nothing does. */
  prefix: string
}

interface Candidate extends NamesFound {
  hits: number
  layers: number
}

/**
 * Finds the scheme and the prefix under which a file has a network's layers.
 *
 * @param within only names that begin so, without the dot; empty: all
 * @throws MbconvError ERR_VALUE for the names of another network, and where several prefixes have this one
 */
export function findNames(op: string, arch: CheckedArch, keys: readonly string[], within: string): NamesFound {
  const start = within === '' ? '' : `${within}.`
  const layers = new Set(keys.filter((key) => key.startsWith(start)).map((key) => splitKey(key)[0]))
  const candidates = schemesOf(arch).flatMap((scheme) => candidatesOf(scheme, arch, layers, start))
  // Less than half is chance: two libraries share a few names.
  const likely = candidates.filter(({ hits, layers }) => 2 * hits >= layers)
  const best = (of: readonly Candidate[]) => of.reduce((a, b) => (b.hits > a.hits ? b : a))
  const prefixes = [...new Set(likely.map(({ prefix }) => prefix))]
  if (prefixes.length === 1) return best(likely)
  if (prefixes.length > 1) {
    // The averaged ones of two, as timm takes them.
    const averaged = prefixes.filter((prefix) => /(^|[._])ema([._]|$)/.test(prefix))
    if (averaged.length === 1) return best(likely.filter(({ prefix }) => prefix === averaged[0]))
    const message = `${op}: the file has the weights of ${arch.name} more than once: under ${some(prefixes.map(nameOf))}`
    throw new MbconvError('ERR_VALUE', message, { op, hint: `Choose: entry: '${nameOf(prefixes[0])}', for one.` })
  }
  const known = schemesOf(arch).map((scheme) => {
    const hits = Math.max(0, ...candidates.filter((each) => each.scheme === scheme).map((each) => each.hits))
    return `${hits} of ${scheme}'s`
  })
  const message = `${op}: these are not the weights of ${arch.name}: of its layers the file has ${known.join(', ')}; its keys are ${some(keys)}`
  throw new MbconvError('ERR_VALUE', message, { op })
}

const nameOf = (prefix: string) => prefix.slice(0, -1)

/** Each prefix under which the file has layers of a scheme. */
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

/** Names as a message may list them. */
export function some(names: readonly string[]): string {
  const most = 5
  return names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', ')
}
