/**
 * Rules for the state-dict keys that other libraries use for the same networks. The order of the tensors is the same
 * everywhere. Only the layer names differ; `weight`, `bias`, `running_mean` … are the same.
 *
 * Sources: timm 1.0.29, torchvision 0.28.0, lukemelas/EfficientNet-PyTorch (names as in its published checkpoints).
 */
import type { CheckedArch } from '../arch/check'
import type { LayerPlan } from '../arch/kinds'
import { blocksOf, layersOf } from '../arch/plan'
import { type Family, familyOf } from '../families/family'

/** `mbconv` is this package's own scheme, equal to torchvision's for EfficientNets. */
export type KeyScheme = 'mbconv' | 'torchvision' | 'timm' | 'lukemelas'

/** The schemes that have names for this network, each set of names once: under the first scheme that has it. */
export function schemesOf(arch: CheckedArch): KeyScheme[] {
  const namers = namersOf(arch)
  const schemes = Object.keys(namers) as KeyScheme[]
  return schemes.filter((scheme) => schemes.find((other) => namers[other] === namers[scheme]) === scheme)
}

/** Whether a scheme has names for this network. */
export function hasScheme(arch: CheckedArch, scheme: KeyScheme): boolean {
  return namersOf(arch)[scheme] !== undefined
}

/** Names of the state dict in both directions. Loading and saving read the same one. */
export interface KeyMap {
  readonly scheme: KeyScheme
  /** PyTorch's `_version` of the network's class, which a file of torch.save has. */
  readonly version: number
  /** Our key for one of the scheme; undefined for a layer that this network does not have. */
  toOwn(key: string): string | undefined
  /** The scheme's key for one of ours. */
  fromOwn(key: string): string
  /** Whether a linear layer's weight of ours, by its key, is that of a 1x1 convolution in the scheme. */
  isConvolution(ownKey: string): boolean
}

/** The names of a network's state dict in a scheme that has names for it. */
export function keyMapOf(arch: CheckedArch, scheme: KeyScheme): KeyMap {
  const own = layerNames(arch, 'mbconv')
  const theirs = layerNames(arch, scheme)
  const [ownAt, theirsAt] = [own, theirs].map((layers) => new Map(layers.map((layer, i) => [layer, i])))
  const look = (places: Map<string, number>, to: readonly string[]) => (key: string) => {
    const [layer, name] = splitKey(key)
    const at = places.get(layer)
    return at === undefined ? undefined : `${to[at]}.${name}`
  }
  const { version = 1, convolvesHidden = false } = namersOf(arch)[scheme] ?? {}
  const hidden = convolvesHidden && arch.hidden ? `${own[own.length - 2]}.weight` : undefined
  const fromOwn = look(ownAt, theirs)
  return {
    scheme,
    version,
    toOwn: look(theirsAt, own),
    fromOwn(key) {
      const found = fromOwn(key)
      if (found === undefined) throw new Error(`${arch.name} has no layer with the key ${key}`)
      return found
    },
    isConvolution: (key) => key === hidden,
  }
}

/** The layer names of a network in a scheme, in the order of the state dict. */
export function layerNames(arch: CheckedArch, scheme: KeyScheme): string[] {
  const namer = namersOf(arch)[scheme] ?? OWN
  const names = [...namer.stem]
  let flat = 0
  let [stage, inStage] = [-1, 0]
  let [width, inWidth, widths] = [0, 0, 0]
  for (const plan of blocksOf(arch)) {
    inStage = plan.stage === stage ? inStage + 1 : 0
    stage = plan.stage
    if (plan.output === width) inWidth++
    else [width, inWidth, widths] = [plan.output, 0, widths + 1]
    names.push(...namer.block(layersOf(plan), { stage, inStage, flat: flat++, width: widths - 1, inWidth }))
  }
  if (arch.head > 0) names.push(...namer.head(arch.stages.length, flat, widths))
  names.push(...(arch.hidden ? namer.wideClassifier : [namer.classifier]))
  return names
}

interface Place {
  /** All indices count from 0. */
  stage: number
  inStage: number
  flat: number
  /** Index among the runs of blocks with equal output width, and index within the run. */
  width: number
  inWidth: number
}

interface Namer {
  stem: [conv: string, norm: string]
  block(layers: readonly LayerPlan[], place: Place): string[]
  head(stages: number, blocks: number, widths: number): [conv: string, norm: string]
  classifier: string
  wideClassifier: string[]
  /** PyTorch's `_version` of the network's class there, if it is not 1. */
  version?: number
  /** Whether the hidden layer before the classifier is a 1x1 convolution there. */
  convolvesHidden?: boolean
}

/** Names layers by position: `N.0` and `N.1`, `N.fc1` and `N.fc2`. */
function numbered(layers: readonly LayerPlan[], prefix: string): string[] {
  return layers.flatMap(({ op, part }, i) => {
    const [first, second] = op === 'squeezeExcite' ? ['fc1', 'fc2'] : ['0', '1']
    const place = part === 'downsample' ? 'downsample' : `block.${i}`
    return [`${prefix}${place}.${first}`, `${prefix}${place}.${second}`]
  })
}

/** timm's names: convolutions by their role, norms by number. */
function named(layers: readonly LayerPlan[], prefix: string): string[] {
  let norm = 0
  return layers.flatMap(({ op, part, timm }) => {
    const names =
      op === 'squeezeExcite'
        ? [`${timm}.conv_reduce`, `${timm}.conv_expand`]
        : part === 'downsample'
          ? [`${timm}.0`, `${timm}.1`]
          : [timm, `bn${++norm}`]
    return names.map((name) => `${prefix}${name}`)
  })
}

const OWN: Namer = {
  stem: ['features.0.0', 'features.0.1'],
  block: (layers, { stage, inStage }) => numbered(layers, `features.${stage + 1}.${inStage}.`),
  head: (stages) => [`features.${stages + 1}.0`, `features.${stages + 1}.1`],
  classifier: 'classifier.1',
  wideClassifier: ['classifier.0', 'classifier.3'],
}

const MOBILENET_V3: Namer = {
  ...OWN,
  block: (layers, { flat }) => numbered(layers, `features.${flat + 1}.`),
  head: (_, blocks) => [`features.${blocks + 1}.0`, `features.${blocks + 1}.1`],
}

const MOBILENET_V2: Namer = {
  ...MOBILENET_V3,
  block: (layers, { flat }) =>
    layers.flatMap(({ part }, i) => {
      const prefix = `features.${flat + 1}.conv.`
      return part === 'project' ? [`${prefix}${i}`, `${prefix}${i + 1}`] : [`${prefix}${i}.0`, `${prefix}${i}.1`]
    }),
}

/**
 * torchvision's MnasNet is one list. The list also counts activations, and has an entry for each layer of the first
 * block.
 */
const MNASNET: Namer = {
  stem: ['layers.0', 'layers.1'],
  block: (_, { stage, inStage }) => {
    if (stage === 0) return ['layers.3', 'layers.4', 'layers.6', 'layers.7']
    return [0, 1, 3, 4, 6, 7].map((layer) => `layers.${7 + stage}.${inStage}.layers.${layer}`)
  },
  head: (stages) => [`layers.${stages + 7}`, `layers.${stages + 8}`],
  classifier: 'classifier.1',
  wideClassifier: [],
  version: 2, // load_state_dict refuses a state dict without it
}

const RESNET: Namer = {
  ...OWN,
  stem: ['conv1', 'bn1'],
  block: (layers, { stage, inStage }) =>
    layers.flatMap(({ part }, i) => {
      const prefix = `layer${stage + 1}.${inStage}.`
      if (part === 'downsample') return [`${prefix}downsample.0`, `${prefix}downsample.1`]
      return [`${prefix}conv${i + 1}`, `${prefix}bn${i + 1}`]
    }),
  classifier: 'fc',
}

const TIMM: Namer = {
  stem: ['conv_stem', 'bn1'],
  block: (layers, { stage, inStage }) => named(layers, `blocks.${stage}.${inStage}.`),
  head: () => ['conv_head', 'bn2'],
  classifier: 'classifier',
  wideClassifier: [],
}

/**
 * In timm's MobileNetV3, each run of blocks of one width is a stage, the head is a stage, and the hidden layer a
 * convolution.
 */
const TIMM_V3: Namer = {
  ...TIMM,
  block: (layers, place) => TIMM.block(layers, { ...place, stage: place.width, inStage: place.inWidth }),
  head: (_stages, _blocks, widths) => [`blocks.${widths}.0.conv`, `blocks.${widths}.0.bn1`],
  wideClassifier: ['conv_head', 'classifier'],
  convolvesHidden: true,
}

const LUKEMELAS: Namer = {
  stem: ['_conv_stem', '_bn0'],
  block: (layers, { flat }) => {
    const names = {
      expand: ['_expand_conv', '_bn0'],
      middle: ['_depthwise_conv', '_bn1'],
      squeeze: ['_se_reduce', '_se_expand'],
      project: ['_project_conv', '_bn2'],
      downsample: [], // lukemelas has no ResNets
    }
    return layers.flatMap(({ part }) => names[part].map((name) => `_blocks.${flat}.${name}`))
  },
  head: () => ['_conv_head', '_bn1'],
  classifier: '_fc',
  wideClassifier: [],
}

type Namers = Readonly<Partial<Record<KeyScheme, Namer>>>

/** torchvision has only MnasNet-B1, which has no squeeze-excitation. */
const MNASNETS = { squeezing: { mbconv: OWN, timm: TIMM }, plain: { mbconv: OWN, torchvision: MNASNET, timm: TIMM } }

/**
 * Who names the layers of a family how. torchvision's EfficientNets have our names, or we have theirs; timm's ResNets
 * have torchvision's.
 */
const NAMERS: Readonly<Record<Exclude<Family, 'mnasnet'>, Namers>> = {
  efficientnet: { mbconv: OWN, torchvision: OWN, timm: TIMM, lukemelas: LUKEMELAS },
  mobilenet_v1: { mbconv: OWN, timm: TIMM },
  mobilenet_v2: { mbconv: OWN, torchvision: MOBILENET_V2, timm: TIMM },
  mobilenet_v3: { mbconv: OWN, torchvision: MOBILENET_V3, timm: TIMM_V3 },
  resnet: { mbconv: OWN, torchvision: RESNET, timm: RESNET },
}

function namersOf(arch: CheckedArch): Namers {
  const family = familyOf(arch)
  if (family !== 'mnasnet') return NAMERS[family]
  return arch.stages.some(({ seRatio }) => seRatio > 0) ? MNASNETS.squeezing : MNASNETS.plain
}

/** Splits `features.0.1.running_mean` into `features.0.1` and `running_mean`. */
export function splitKey(key: string): [layer: string, name: string] {
  const at = key.lastIndexOf('.')
  return [key.slice(0, at), key.slice(at + 1)]
}
