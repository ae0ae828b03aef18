/**
 * The numeric profiles that weights may have been trained under. Weights do not record padding and epsilon. But a file
 * of this package has its profile in the metadata, and the names of the layers and of the file tell the library.
 */
import { basename } from 'node:path'
import { MbconvError } from '../../errors/error'
import type { FileWeights } from '../../io/read-tensors'
import type { CheckedArch } from '../arch/check'
import { CARD_KEY, PROFILE_KEY } from '../export/metadata'
import { LIBRARY_NAMES, type Library, type LibraryName, namesIn } from '../families/library-names'
import type { Network } from '../network/network'
import { checkProfile, type Profile, type ProfileName, profileNamed } from '../network/profiles'
import type { KeyScheme } from './key-map'
import { publishedFile } from './published'

/** Profiles that weights may have, and whose they are, in words for messages. */
export interface OwnProfiles {
  /** All that are possible: another one is a mistake. */
  readonly profiles: readonly Profile[]
  /** Those that the name of the file leaves. A name may mislead, so that nothing is refused because of it. */
  readonly likely: readonly Profile[]
  readonly whose: string
}

/** Whether two profiles compute the same from the same weights. The momentum concerns training only. */
export function computesSame(a: Profile, b: Profile): boolean {
  return a.padding === b.padding && a.bnEps === b.bnEps
}

/**
 * The profiles that weights of a file may have.
 *
 * @param path of the file, if there is one: published weights keep their name
 * @returns undefined if nothing tells
 * @throws MbconvError ERR_FORMAT for metadata of this package that is damaged
 */
export function ownProfiles(
  arch: CheckedArch,
  scheme: KeyScheme,
  { origin }: Pick<FileWeights, 'origin'>,
  path?: string,
): OwnProfiles | undefined {
  const recorded = origin && recordedProfile(origin.metadata, path ?? 'the file')
  if (recorded) return only(recorded, `of the profile ${recorded.name}, as their file says`)
  const published = path === undefined ? undefined : publishedFile(basename(path))
  if (published !== undefined && published.arch === arch.name) {
    return only(profileNamed(published.profile, arch.name), `timm's ${published.name}`)
  }
  const library = libraryOf(arch, scheme, origin)
  if (library === 'lukemelas') {
    return only(profileNamed('paper', arch.name), 'of EfficientNet-PyTorch by lukemelas')
  }
  const names = library === undefined ? [] : namesIn(library, arch.name)
  if (names.length === 0) return undefined
  const profilesOf = (some: readonly LibraryName[]) => some.map(({ profile }) => profileNamed(profile, arch.name))
  return {
    profiles: profilesOf(names),
    likely: profilesOf(namedLike(names, path)),
    whose: names.map(({ library, name, profile }) => `${library}'s ${name} (profile ${profile})`).join(' or '),
  }
}

const only = (profile: Profile, whose: string): OwnProfiles => ({ profiles: [profile], likely: [profile], whose })

/** The profiles under which a library computes a network of this table, with its name there. */
export function profilesIn(library: Library, arch: CheckedArch): { profile: Profile; name: string | null }[] {
  const names: readonly Pick<LibraryName, 'profile' | 'name'>[] = namesIn(library, arch.name)
  if (names.length > 0) return names.map(({ profile, name }) => ({ profile: profileNamed(profile, arch.name), name }))
  // A network that the library does not publish: built by hand there, with the library's layers.
  const profiles = library === 'timm' ? (['timm', 'tf'] as const) : (['torchvision'] as const)
  return profiles.map((profile) => ({ profile: profileNamed(profile, arch.name), name: null }))
}

/**
 * Compares the profile of weights with that of the network they go into.
 *
 * @param asked the caller's word for it
 * @param own what the weights themselves tell
 * @returns a profile that the network is to adopt, if any
 * @throws MbconvError ERR_VALUE for another profile than the network's, and if several are possible, with the remedy
 */
export function profileFor(
  op: string,
  model: Network,
  asked: ProfileName | 'as-is' | undefined,
  own: () => OwnProfiles | undefined,
): Profile | undefined {
  if (asked === 'as-is') return undefined
  const told = asked && profileNamed(asked, model.arch.name)
  const found = told ? only(told, `of the profile ${told.name}, as the option says`) : own()
  if (found === undefined) return undefined
  if (!model.profileIsImplied) {
    if (found.profiles.some((each) => computesSame(each, model.profile))) return undefined
    const first = found.likely[0].name
    const message = `${op}: the weights are ${found.whose}; the network computes under ${model.profile.name}, with other results`
    const hint = `Set profile: '${first}' of the network, or profile: 'as-is' of ${op} to insist (in a configuration model.profile, or model.weightsProfile: as-is).`
    throw new MbconvError('ERR_VALUE', message, { op, hint })
  }
  // The name that the network was created by decides between several: tf_efficientnet_b0 is one of timm's two.
  const named = found.likely.find((each) => each.name === model.profile.name && each.name !== 'paper')
  const [first, ...others] = named === undefined ? found.likely : [named]
  if (others.every((each) => computesSame(each, first))) return first
  const names = found.likely.map((each) => `'${each.name}'`).join(' or ')
  const message = `${op}: the weights are ${found.whose}, which differ in results and not in names`
  const hint = `Say which: profile: ${names} of the network or of ${op} (in a configuration model.profile).`
  throw new MbconvError('ERR_VALUE', message, { op, hint })
}

/** Of a library's names, the one that the file is called by, if there is such a one. */
function namedLike(names: readonly LibraryName[], path: string | undefined): readonly LibraryName[] {
  const called = path === undefined ? '' : basename(path)
  const named = names.filter(({ name }) => called.startsWith(name) && !/^\w/.test(called.slice(name.length)))
  return named.length > 0 ? named : names
}

function libraryOf(
  arch: CheckedArch,
  scheme: KeyScheme,
  origin: FileWeights['origin'],
): Library | 'lukemelas' | undefined {
  if (scheme !== 'mbconv') return scheme
  // torchvision's EfficientNets have the same names as ours. Python marks its safetensors files, and .pth is its own.
  const fromPython = origin !== null && (origin.format === 'pth' || origin.metadata.format === 'pt')
  const isTheirs = LIBRARY_NAMES.some((each) => each.library === 'torchvision' && each.arch === arch.name)
  return fromPython && isTheirs && arch.name.startsWith('efficientnet') ? 'torchvision' : undefined
}

/** The profile in the metadata of a file that this package wrote. */
function recordedProfile(metadata: Readonly<Record<string, string>>, path: string): Profile | undefined {
  const [profile, card] = [metadata[PROFILE_KEY], metadata[CARD_KEY]]
  const text = profile ?? card
  if (text === undefined) return undefined
  try {
    const value = JSON.parse(text)
    return checkProfile('loadWeights', profile === undefined ? value.profile : value)
  } catch (cause) {
    const key = profile === undefined ? CARD_KEY : PROFILE_KEY
    throw new MbconvError('ERR_FORMAT', `${path}: ${key} in its metadata has no numeric profile`, { cause })
  }
}
