/** Loads weights of this and other libraries into a network. */
import { checkOneOf, checkOptions, listed, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { quoted } from '../../files/open'
import type { FileWeights } from '../../io/read-tensors'
import { readWeightsFile } from '../../io/weights-file'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { Network } from '../network/network'
import { PROFILE_NAMES, type ProfileName } from '../network/profiles'
import { adaptInput, asLinear, takeClassifier } from './adapt'
import { type KeyScheme, keyMapOf } from './key-map'
import { ownProfiles, profileFor } from './own-profile'
import { findNames } from './wrapped-names'

/** Which weights of a file are loaded, and how strictly. */
export interface LoadOptions {
  /** False ignores keys that only one side has; shapes must still match. Default true. */
  strict?: boolean
  /**
   * Map a safetensors file instead of reading it: takes less memory, and less time if the file is in the system's
   * cache. Nothing may truncate the file meanwhile, see `io.safetensors.read`. Default false.
   */
  mmap?: boolean
  /**
   * Which weights to take from a file with several: the dotted name of a dictionary in it (`state_dict`), or the
   * beginning of the tensors' names (`teacher`). Default: timm's choice, which prefers averaged weights. The report
   * says what was taken.
   */
  entry?: string
  /**
   * The profile of the weights, where their names do not tell it (timm's `efficientnet_b0` and `tf_efficientnet_b0` have
   * the same names). `as-is` loads them into this network, whatever its profile.
   */
  profile?: ProfileName | 'as-is'
}

/** What was loaded from a file, and what was not. */
export interface LoadReport {
  /** Dotted name of the dictionary that was read; null if the file has no nested dictionary. */
  entry: string | null
  /** The prefix removed from every key, with its dot (`module.`); empty if there was none. */
  prefix: string
  /** The library whose key names the file uses. */
  scheme: KeyScheme
  /** Name of the numeric profile under which the network computes now. */
  profile: string
  /** Number of state-dict entries that were set. */
  loaded: number
  /** Our keys that the file lacks. Batch counters are not listed, since they do not affect results. */
  missing: string[]
  /** Keys in the file that this network does not have. */
  unexpected: string[]
  /**
   * Content of the file that is not weights and was not read: other dictionaries, an epoch, tensors without the prefix.
   */
  left: string[]
  /** Keys of tensors in the file that this package cannot hold, with the reason. */
  unread: Record<string, string>
  /** Our keys of a classifier with other classes or features than the file's; they keep their initial values. */
  reinitialized: string[]
  /** Our keys whose weights were adapted from colour images to the network's channels. */
  adapted: string[]
}

/**
 * Sets a network's weights from a file. The file's content decides its format. The keys may be this package's,
 * torchvision's, timm's or lukemelas's; the scheme and a prefix before the keys are detected. A classifier with another
 * number of classes keeps its initial values and is reported. The first convolution's weights for colour images are
 * adapted to another number of channels: summed for one, otherwise repeated and scaled, as timm does.
 *
 * Weights were trained under a numeric profile (padding, batch norm's epsilon). It is known from the metadata of files
 * that this package wrote, from the names of published files, and from whose keys these are. A network that was created
 * without a profile takes that of the weights. One that was created under another is not changed: this is an error,
 * unless `profile: 'as-is'` is set. Nothing is checked where nothing tells the profile of the weights.
 *
 * @param source a safetensors file or a torch.save file, whatever its name; or tensors by key
 * @throws MbconvError ERR_IO; ERR_FORMAT for a damaged file, one of another kind, or an entry that is no state dict;
 *   ERR_VALUE for keys of another network, listing some, for ambiguous weights, and for weights of another profile than
 *   the network's; ERR_SHAPE. After an error the
 *   network is unchanged
 */
export function loadWeights(
  model: Network,
  source: string | Record<string, Tensor>,
  options: LoadOptions = {},
): LoadReport {
  const op = 'loadWeights'
  if (!(model instanceof Network)) {
    throw new MbconvError('ERR_TYPE', `${op}: model must be a network, as models.create makes them`, { op })
  }
  if (typeof source !== 'string' && (typeof source !== 'object' || source === null)) {
    throw new MbconvError('ERR_TYPE', `${op}: source must be a path, or tensors by key, got ${shown(source)}`, { op })
  }
  if (model.folded) {
    const hint = 'Load them into a network as models.create makes it, then fuse that.'
    throw new MbconvError('ERR_VALUE', `${op}: a fused network has no batch norms to load`, { op, hint })
  }
  checkOptions(op, options, ['strict', 'mmap', 'entry', 'profile'])
  const { strict = true, mmap = false, entry, profile: asked } = options
  if (asked !== undefined) checkOneOf(op, 'profile', asked, [...PROFILE_NAMES, 'as-is'])
  if (entry !== undefined && (typeof entry !== 'string' || entry === '')) {
    throw new MbconvError('ERR_TYPE', `${op}: entry must be the name of one in the file, got ${shown(entry)}`, { op })
  }
  return scope(() => {
    const file = typeof source === 'string' ? readWeightsFile(source, op, { mmap, entry }) : given(source, entry)
    const { tensors, unread } = file
    const { scheme, prefix } = findNames(op, model.arch, [...Object.keys(tensors), ...Object.keys(unread)], file.within)
    const map = keyMapOf(model.arch, scheme)
    const stateDict = model.stateDict()
    /** Our key for a key of the file; undefined if this network has no such layer. */
    const ownKey = (key: string) => map.toOwn(key.slice(prefix.length))
    const renamed: Record<string, Tensor> = {}
    const unexpected: string[] = []
    const left = [...file.left]
    for (const [key, tensor] of Object.entries(tensors)) {
      const target = key.startsWith(prefix) ? ownKey(key) : undefined
      if (target !== undefined) renamed[target] = map.isConvolution(target) ? asLinear(tensor) : tensor
      else if (key.startsWith(prefix)) unexpected.push(key)
      else left.push(key)
    }
    const adapted = adaptInput(model, renamed)
    const others = takeClassifier(model, renamed)
    // A network without classes has no classifier that could be initialised again.
    const reinitialized = model.numClasses === 0 ? [] : others
    if (model.numClasses === 0) left.push(...others)
    const kept = new Set(reinitialized)
    const state = Object.keys(stateDict)
    const missing = state.filter((key) => !(key in renamed) && !kept.has(key) && !key.endsWith('num_batches_tracked'))
    unexpected.push(...Object.keys(renamed).filter((key) => !state.includes(key)))
    const reasons = new Map(Object.entries(unread).map(([key, reason]) => [ownKey(key), `${quoted(key)} ${reason}`]))
    const reason = missing.map((key) => reasons.get(key)).find((each) => each !== undefined)
    if (strict && (missing.length > 0 || unexpected.length > 0)) {
      const parts = [
        ...(missing.length > 0 ? [`missing: ${listed(missing)}${reason === undefined ? '' : ` (${reason})`}`] : []),
        ...(unexpected.length > 0 ? [`unknown: ${listed(unexpected)}`] : []),
      ]
      throw new MbconvError('ERR_VALUE', `${op}: keys (${scheme}) do not fit ${model.arch.name}: ${parts.join('; ')}`, {
        op,
        hint: 'strict: false loads what fits.',
      })
    }
    const path = typeof source === 'string' ? source : undefined
    const profile = profileFor(op, model, asked, () => ownProfiles(model.arch, scheme, file, path))
    model.loadStateDict(renamed, { strict: false })
    if (profile !== undefined) model.adoptProfile(profile)
    const loaded = state.filter((key) => key in renamed).length
    const { name: own } = model.profile
    return {
      entry: file.entry,
      prefix,
      scheme,
      profile: own,
      loaded,
      missing,
      unexpected,
      left,
      unread,
      reinitialized,
      adapted,
    }
  })
}

/** Wraps tensors that the caller already has. */
const given = (tensors: Record<string, Tensor>, entry = ''): FileWeights => {
  return { tensors, unread: {}, entry: null, within: entry, left: [], origin: null }
}

/**
 * Sentences about how the weights were found that a user should know; none if the file has nothing else.
 *
 * @param name how the sentences name the weights
 */
export function describeLoad(name: string, { entry, prefix, left, unread, adapted }: LoadReport): string[] {
  const notes: string[] = []
  const from = [
    ...(entry === null ? [] : [`its entry ${quoted(entry)} was read`]),
    ...(prefix === '' ? [] : [`${quoted(prefix)} before every name was taken off`]),
    ...(adapted.length === 0 ? [] : [`${adapted.join(', ')}: for colour images, adapted to other channels`]),
    ...(left.length === 0 ? [] : [`left alone: ${listed(left, { show: (each) => quoted(each, 60) })}`]),
  ]
  if (from.length > 0) notes.push(`${name}: ${from.join('; ')}`)
  const others = Object.entries(unread).map(([key, reason]) => `${quoted(key, 60)} ${reason}`)
  if (others.length > 0) notes.push(`${name}: not read: ${listed(others)}`)
  return notes
}
