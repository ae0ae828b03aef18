/**
 * The samples of WebDataset shards: consecutive members of a tar archive whose names are the same up to the first dot
 * of the file name. `000123.jpg` and `000123.cls` are an image and its class.
 */
import { dataError } from '../../files/data-file'
import { quoted } from '../../text/foreign-text'
import { shownName } from '../listing/class-folders'
import { IMAGE_EXTENSIONS } from '../listing/image-names'
import type { LeftOut } from '../listing/left-out'
import { membersOf } from './shard-index'
import { TarFile, type TarMember } from './tar'

/** The members that may hold a label, in the order in which they are looked for. */
export const LABELS = ['cls', 'json', 'txt'] as const
export type LabelMember = (typeof LABELS)[number]

export interface ShardOptions {
  /** Extension of the images, if samples have several. Null: the only image of a sample. */
  image: string | null
  /** Extension of the member that holds the label. Null: the first of {@link LABELS} that a sample has. */
  label: string | null
  /** Key of the label in a .json member. */
  labelKey: string
  /** Whether a label may be a list. */
  multiLabel: boolean
}

export interface ShardSample {
  image: TarMember
  labels: string[]
}

/** Bytes of the largest member that is read for a label. */
const LONGEST_LABEL = 2 ** 20

/** A sample while its members are collected. */
interface Pending {
  key: string
  images: { extension: string; member: TarMember }[]
  labels: Map<string, { member: TarMember; content: string }>
}

/**
 * The samples of an archive in its order.
 *
 * @param left receives what belongs to no sample with an image
 * @throws MbconvError ERR_DATA for a damaged archive, and naming the sample without a label or with several images
 */
export function* shardSamples(
  path: string,
  options: ShardOptions,
  left: LeftOut,
): Generator<ShardSample, void, undefined> {
  const tar = new TarFile(path)
  try {
    const reader = new SampleReader(tar, options, left)
    for (const member of membersOf(tar)) {
      const sample = reader.add(member)
      if (sample !== undefined) yield sample
    }
    const last = reader.end()
    if (last !== undefined) yield last
  } finally {
    tar.close()
  }
}

/** Where a reader of samples takes the members' content from. */
export interface MemberSource {
  readonly path: string
  read(offset: number, length: number): Buffer
}

/** The name of a sample, and the extension of one of its members. */
const partsOf = (name: string): [key: string, extension: string] | undefined => {
  const [, key, extension] = /^((?:[\s\S]*\/)?[^/.]+)\.([^/]*)$/.exec(name) ?? []
  return key === undefined ? undefined : [key, extension.toLowerCase()]
}

const isImage = (extension: string, { image }: ShardOptions): boolean =>
  image === null
    ? IMAGE_EXTENSIONS.has(extension.slice(extension.lastIndexOf('.') + 1))
    : extension === image.toLowerCase()

const isLabel = (extension: string, { label }: ShardOptions): boolean =>
  label === null ? LABELS.includes(extension as LabelMember) : extension === label.toLowerCase()

/** Whether a member is an image or a label, whose content is needed. */
export function isWanted(name: string, options: ShardOptions): boolean {
  const extension = partsOf(name)?.[1]
  return extension !== undefined && (isImage(extension, options) || isLabel(extension, options))
}

export class SampleReader {
  #pending: Pending | undefined

  constructor(
    private readonly tar: MemberSource,
    private readonly options: ShardOptions,
    private readonly left: LeftOut,
  ) {}

  /** Takes the next member. Returns the sample before it, if that is complete and has an image. */
  add(member: TarMember): ShardSample | undefined {
    const parts = partsOf(member.name)
    if (parts === undefined) {
      this.left.add('keyless', this.#shown(member.name))
      return undefined
    }
    const [key, extension] = parts
    const before = this.#pending?.key === key ? undefined : this.end()
    this.#pending ??= { key, images: [], labels: new Map() }
    this.#take(this.#pending, extension, member)
    return before
  }

  #take(pending: Pending, extension: string, member: TarMember): void {
    if (isImage(extension, this.options)) pending.images.push({ extension, member })
    if (!isLabel(extension, this.options)) return
    if (member.bytes > LONGEST_LABEL) throw this.#refuse(member.name, `has ${member.bytes} bytes, too many for a label`)
    // Its bytes follow the header and are in memory already.
    const content = (member.content ?? this.tar.read(member.offset, member.bytes)).toString('utf8')
    pending.labels.set(extension, { member, content })
  }

  /** The sample that was collected last; undefined if it has no image. */
  end(): ShardSample | undefined {
    const pending = this.#pending
    this.#pending = undefined
    if (pending === undefined) return undefined
    const { key, images, labels } = pending
    if (images.length === 0) {
      this.left.add('imageless', this.#shown(key))
      return undefined
    }
    if (images.length > 1) {
      const names = images.map(({ extension }) => extension).join(', ')
      throw this.#refuse(key, `has several images: ${names}`, 'data.shards.image names the extension of the images.')
    }
    const wanted = this.options.label?.toLowerCase() ?? LABELS.find((extension) => labels.has(extension))
    const found = wanted === undefined ? undefined : labels.get(wanted)
    if (found === undefined) {
      const hint =
        'Members of a sample lie side by side, as tar --sort=name puts them; data.shards.label names their extension.'
      throw this.#refuse(key, `has an image but no label (${this.options.label ?? LABELS.join(', ')})`, hint)
    }
    return { image: images[0].member, labels: this.#labels(wanted as string, found.member, found.content) }
  }

  #labels(extension: string, member: TarMember, content: string): string[] {
    const refuse = (problem: string) => this.#refuse(member.name, problem)
    const isJson = extension === 'json' || extension.endsWith('.json')
    if (!isJson) {
      const text = content.trim()
      if (text === '') throw refuse('is empty')
      if (extension === 'cls' && !/^\d{1,15}$/.test(text))
        throw refuse(`must hold a whole number, not ${quoted(text, 40)}`)
      return [extension === 'cls' ? String(Number(text)) : text]
    }
    let value: unknown
    try {
      value = JSON.parse(content)
    } catch {
      throw refuse('is not JSON')
    }
    const { labelKey, multiLabel } = this.options
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, labelKey)
    const label = isObject ? (value as Record<string, unknown>)[labelKey] : undefined
    const labels = Array.isArray(label) && multiLabel ? label : [label]
    const texts = labels.map((each) => {
      if (typeof each === 'string' && each.trim() !== '') return each.trim().normalize('NFC')
      if (Number.isSafeInteger(each) && each >= 0) return String(each)
      throw refuse(`must have a text or whole number at ${quoted(labelKey)}`)
    })
    return [...new Set(texts)]
  }

  #shown = (name: string): string => `${this.tar.path}:${shownName(name)}`

  #refuse(name: string, problem: string, hint = 'A sample is an image, 0001.jpg, and its label, 0001.cls.') {
    return dataError(this.#shown(name), problem, hint)
  }
}
