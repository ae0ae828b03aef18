/**
 * What timm 1.0.29 and torchvision 0.28 call the networks here. A name of theirs also says under which numeric profile
 * its weights compute: torchvision's and timm's own, and `tf` for timm's `tf_*`, which were ported from TensorFlow.
 * test/families.test.mjs compares the table with the libraries' own lists (scripts/goldens/names.py).
 */

export type Library = 'torchvision' | 'timm'

/** A network's name in a library. */
export interface LibraryName {
  readonly library: Library
  readonly name: string
  /** The network's name here. */
  readonly arch: string
  readonly profile: 'torchvision' | 'timm' | 'tf'
}

type Row = readonly [arch: string, timm: string | null, tf: string | null, torchvision: string | null]

const same = (arch: string): Row => [arch, arch, `tf_${arch}`, null]

// biome-ignore format: a table
const ROWS: readonly Row[] = [
  ...['b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7'].map((size): Row => {
    const name = `efficientnet_${size}`
    return [name, name, `tf_${name}`, name]
  }),
  ...['b8', 'l2', 'lite0', 'lite1', 'lite2', 'lite3', 'lite4'].map((size) => same(`efficientnet_${size}`)),
  ...['b0', 'b1', 'b2', 'b3'].map((size): Row => [`efficientnetv2_${size}`, null, `tf_efficientnetv2_${size}`, null]),
  ...['s', 'm', 'l'].map((size): Row => {
    const name = `efficientnetv2_${size}`
    return [name, name, `tf_${name}`, `efficientnet_v2_${size}`]
  }),
  same('efficientnetv2_xl'),
  ['efficientnetv2_rw_t', 'efficientnetv2_rw_t',   null,                       null],
  ['efficientnetv2_rw_s', 'efficientnetv2_rw_s',   null,                       null],
  ['efficientnetv2_rw_m', 'efficientnetv2_rw_m',   null,                       null],
  ['mobilenet_v1',        'mobilenetv1_100',       null,                       null],
  ['mobilenet_v2',        'mobilenetv2_100',       null,                       'mobilenet_v2'],
  ['mobilenet_v3_small',  'mobilenetv3_small_100', 'tf_mobilenetv3_small_100', 'mobilenet_v3_small'],
  ['mobilenet_v3_large',  'mobilenetv3_large_100', 'tf_mobilenetv3_large_100', 'mobilenet_v3_large'],
  ['mnasnet_b1',          'mnasnet_100',           null,                       'mnasnet1_0'],
  ['mnasnet_a1',          'semnasnet_100',         null,                       null],
  ...['resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152', 'wide_resnet50_2', 'wide_resnet101_2'].map(
    (name): Row => [name, name, null, name],
  ),
]

export const LIBRARY_NAMES: readonly LibraryName[] = ROWS.flatMap(([arch, timm, tf, torchvision]) => {
  const all = [
    { library: 'torchvision', name: torchvision, arch, profile: 'torchvision' },
    { library: 'timm', name: timm, arch, profile: 'timm' },
    { library: 'timm', name: tf, arch, profile: 'tf' },
  ] as const
  return all.flatMap(({ name, ...rest }) => (name === null ? [] : [{ ...rest, name }]))
})

/** What short names leave out: `b0` is `efficientnet_b0`. */
export const SHORT = 'efficientnet_'

/**
 * The profile that a name implies: that of the only library that has the name, `tf` for timm's `tf_*`; `paper` for the
 * names that both have, and for all others. A short name (`lite0`) implies what the full one does.
 *
 * @param name as the user wrote it, or the name in a table
 */
export function impliedProfile(name: string): LibraryName['profile'] | 'paper' {
  const found = LIBRARY_NAMES.filter((each) => each.name === name || each.name === `${SHORT}${name}`)
  return found.length === 1 ? found[0].profile : 'paper'
}

/** What a library calls the network of that name here: no, one or two names. */
export function namesIn(library: Library, arch: string): LibraryName[] {
  return LIBRARY_NAMES.filter((each) => each.arch === arch && each.library === library)
}
