/** Saves a network's weights under the names of this or another library. */
import { checkOneOf, checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { statOf } from '../../files/folders'
import { write as writePth } from '../../io/pth'
import { write as writeSafetensors } from '../../io/safetensors'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import type { CheckedArch } from '../arch/check'
import { checkedCard, type ModelCard } from '../export/card'
import { CARD_KEY, PROFILE_KEY } from '../export/metadata'
import { Network } from '../network/network'
import type { Profile } from '../network/profiles'
import { hasScheme, type KeyMap, keyMapOf } from './key-map'
import { computesSame, profilesIn } from './own-profile'
import { SAVED_SCHEMES, type SavedScheme } from './schemes'

export const WEIGHTS_FORMATS = Object.freeze(['safetensors', 'pth'] as const)

/** The format of a file by the ending of its name. */
const FORMAT_OF: readonly (readonly [ending: RegExp, format: (typeof WEIGHTS_FORMATS)[number]])[] = [
  [/\.safetensors$/i, 'safetensors'],
  [/\.(pth|pt|bin|ckpt|pth\.tar)$/i, 'pth'],
]

/** How weights are saved. */
export interface SaveOptions {
  /**
   * Whose names the tensors get: this package's (default), or those of torchvision or timm, whose network of that kind
   * then takes the file with `load_state_dict(…, strict=True)`.
   */
  scheme?: SavedScheme
  /** `safetensors`, or `pth` as torch.save writes. Default: by the ending of the name. */
  format?: (typeof WEIGHTS_FORMATS)[number]
  /** `as-is` saves under a library's names although the library would compute something else from these weights. */
  profile?: 'as-is'
  /** A model card for the file's metadata. */
  card?: ModelCard
}

/** What was saved. */
export interface SaveReport {
  /** The file that was written. */
  path: string
  /** The format that was written. */
  format: (typeof WEIGHTS_FORMATS)[number]
  /** Whose names the tensors have. */
  scheme: SavedScheme
  /**
   * What the library calls the network: `timm.create_model(name)`, `torchvision.models.get_model(name)`. Null for our
   * own names, and for a network that the library does not publish.
   */
  name: string | null
  /** Entries of the state dict. */
  tensors: number
  /** Size of the file, bytes. */
  bytes: number
}

/**
 * Writes a network's weights under this package's names, torchvision's or timm's. The library's network of the same
 * table, classes and channels takes the file strictly and gives the same logits, up to rounding. {@link loadWeights}
 * reads the file back, and the numeric profile in its metadata.
 *
 * @param file ends in `.safetensors`, or in `.pth`, `.pt`, `.bin`, `.ckpt` or `.pth.tar` for PyTorch's format, unless
 *   `format` names one. `torch.load(file, weights_only=True)` reads the second kind. Written atomically
 * @throws MbconvError ERR_TYPE; ERR_VALUE for a scheme that has no names for this network, for a profile under which the
 *   library does not compute, for a fused network, and for `profile` with our own names; ERR_DISPOSED; ERR_IO
 */
export function saveWeights(model: Network, file: string, options: SaveOptions = {}): SaveReport {
  const op = 'saveWeights'
  if (!(model instanceof Network)) {
    throw new MbconvError('ERR_TYPE', `${op}: model must be a network, as models.create makes them`, { op })
  }
  if (typeof file !== 'string' || file === '') {
    throw new MbconvError('ERR_TYPE', `${op}: file must be a path, got ${shown(file)}`, { op })
  }
  checkOptions(op, options, ['scheme', 'format', 'profile', 'card'])
  const { scheme = 'mbconv', format = formatOf(op, file), profile, card } = options
  checkOneOf(op, 'scheme', scheme, SAVED_SCHEMES)
  checkOneOf(op, 'format', format, WEIGHTS_FORMATS)
  if (profile !== undefined) checkOneOf(op, 'profile', profile, ['as-is'])
  if (model.folded) {
    const hint = 'Save the network that it was made from.'
    throw new MbconvError('ERR_VALUE', `${op}: a fused network has no batch norms, which other libraries expect`, {
      op,
      hint,
    })
  }
  const { arch } = model
  if (!hasScheme(arch, scheme)) {
    const others = SAVED_SCHEMES.filter((each) => hasScheme(arch, each)).join(', ')
    const message = `${op}: ${scheme} has no network like ${arch.name}, and no names for its layers`
    throw new MbconvError('ERR_VALUE', message, { op, hint: `There are names of ${others}.` })
  }
  if (scheme === 'mbconv' && profile !== undefined) {
    const message = `${op}: profile: 'as-is' is for the names of other libraries, and the scheme is mbconv`
    throw new MbconvError('ERR_VALUE', message, {
      op,
      hint: 'Leave it out: the file says which profile the network has.',
    })
  }
  const name = scheme === 'mbconv' ? null : nameIn(op, scheme, arch, model.profile, profile === 'as-is')
  return scope(() => {
    const map = keyMapOf(arch, scheme)
    const tensors = renamed(model, map)
    const metadata = metadataOf(model.profile, card)
    if (format === 'pth') writePth(file, tensors, { version: map.version, metadata })
    else writeSafetensors(file, tensors, metadata)
    const bytes = statOf(file)?.size ?? 0
    return { path: file, format, scheme, name, tensors: Object.keys(tensors).length, bytes }
  })
}

function formatOf(op: string, file: string): (typeof WEIGHTS_FORMATS)[number] {
  const found = FORMAT_OF.find(([ending]) => ending.test(file))
  if (found !== undefined) return found[1]
  const message = `${op}: the name ${shown(file)} does not tell the format`
  const hint = "Let it end in .safetensors or .pth, or set format: 'safetensors' or 'pth'."
  throw new MbconvError('ERR_VALUE', message, { op, hint })
}

/** The state dict under a scheme's names, in its order. */
function renamed(model: Network, map: KeyMap): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(model.stateDict()).map(([key, tensor]) => {
      const value = map.isConvolution(key) ? tensor.detach().reshape([...tensor.shape, 1, 1]) : tensor
      return [map.fromOwn(key), value]
    }),
  )
}

/** `format` is what safetensors' own Python functions write, and what some loaders ask for. */
function metadataOf(profile: Profile, card: ModelCard | undefined): Record<string, string> {
  const metadata: Record<string, string> = { format: 'pt', [PROFILE_KEY]: JSON.stringify(profile) }
  if (card !== undefined) metadata[CARD_KEY] = JSON.stringify(checkedCard('saveWeights', card))
  return metadata
}

/** The library's name for the network under this profile. */
function nameIn(
  op: string,
  library: 'torchvision' | 'timm',
  arch: CheckedArch,
  profile: Profile,
  asIs: boolean,
): string | null {
  const theirs = profilesIn(library, arch)
  const fitting = theirs.find((each) => computesSame(each.profile, profile))
  if (fitting !== undefined) return fitting.name
  if (asIs) return theirs[0].name
  const known = [...new Set(theirs.map((each) => each.profile.name))].join(' or ')
  const message = `${op}: ${library} computes ${arch.name} under the profile ${known}, and this network has ${profile.name}: the same weights give other logits there`
  const hint = `Train it under profile: '${theirs[0].profile.name}', or save with profile: 'as-is' in spite of this.`
  throw new MbconvError('ERR_VALUE', message, { op, hint })
}
