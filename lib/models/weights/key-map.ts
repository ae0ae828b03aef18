/**
 * The state-dict keys that other libraries have for the same networks, by rule. The order of the tensors is the same
 * everywhere; only the names of the layers differ, `weight`, `bias`, `running_mean` … stay.
 *
 * Sources: timm 1.0.29, torchvision 0.28.0, lukemelas/EfficientNet-PyTorch (its names as in the checkpoints it published).
 */
import type { Arch } from '../arch/arch'
import { type BlockPlan, blocksOf } from '../arch/plan'

/** `mbconv` is this package's own, for EfficientNets torchvision's as well. */
export type KeyScheme = 'mbconv' | 'torchvision' | 'timm' | 'lukemelas'

type Family = 'efficientnet' | 'mobilenet_v1' | 'mobilenet_v2' | 'mobilenet_v3' | 'mnasnet' | 'resnet'

/** What the names depend on; a table of someone's own is named as EfficientNets are. */
function familyOf({ name, stages }: Arch): Family {
  const named = (['mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3', 'mnasnet'] as const).find((each) =>
    name.startsWith(each),
  )
  if (named !== undefined) return named
  return stages.some(({ block }) => block === 'basic' || block === 'bottleneck') ? 'resnet' : 'efficientnet'
}

/** Schemes that have names for this network. */
export function schemesOf(arch: Arch): KeyScheme[] {
  switch (familyOf(arch)) {
    case 'efficientnet':
      return ['mbconv', 'timm', 'lukemelas']
    case 'mobilenet_v1':
      return ['mbconv', 'timm']
    case 'resnet':
      return ['mbconv', 'torchvision'] // timm's ResNets have torchvision's names
    case 'mnasnet':
      // torchvision has B1 only, which has no squeeze-excitation.
      return arch.stages.some(({ seRatio }) => seRatio > 0) ? ['mbconv', 'timm'] : ['mbconv', 'torchvision', 'timm']
    case 'mobilenet_v2':
    case 'mobilenet_v3':
      return ['mbconv', 'torchvision', 'timm']
  }
}

/** Layers of one network in the order of the state dict, by their names in a scheme. */
export function layerNames(arch: Arch, scheme: KeyScheme): string[] {
  const namer = namerOf(familyOf(arch), scheme)
  const names = [...namer.stem]
  let flat = 0
  let [stage, inStage] = [-1, 0]
  let [width, inWidth, widths] = [0, 0, 0]
  for (const plan of blocksOf(arch)) {
    inStage = plan.stage === stage ? inStage + 1 : 0
    stage = plan.stage
    if (plan.output === width) inWidth++
    else [width, inWidth, widths] = [plan.output, 0, widths + 1]
    names.push(...namer.block(plan, { stage, inStage, flat: flat++, width: widths - 1, inWidth }))
  }
  if (arch.head > 0) names.push(...namer.head(arch.stages.length, flat, widths))
  names.push(...(arch.hidden ? namer.wideClassifier : [namer.classifier]))
  return names
}

interface Place {
  /** All counted from 0. */
  stage: number
  inStage: number
  flat: number
  /** Of the widths that blocks put out, one after the other, and within one. */
  width: number
  inWidth: number
}

interface Namer {
  stem: [conv: string, norm: string]
  block(plan: BlockPlan, place: Place): string[]
  head(stages: number, blocks: number, widths: number): [conv: string, norm: string]
  classifier: string
  wideClassifier: string[]
}

/** Parts of a block in order: convolutions with their norms, and squeeze-excitation. */
type Part = 'expand' | 'middle' | 'squeeze' | 'project'

function partsOf({ kind, inner, input, squeezed }: BlockPlan): Part[] {
  if (kind === 'basic') return ['expand', 'project']
  if (kind === 'fused' && inner === input) return ['project']
  const expands = (kind === 'mbconv' && inner !== input) || kind === 'fused' || kind === 'bottleneck'
  const middle = kind !== 'fused'
  return [
    ...(expands ? (['expand'] as const) : []),
    ...(middle ? (['middle'] as const) : []),
    ...(squeezed > 0 ? (['squeeze'] as const) : []),
    'project',
  ]
}

/** Each part by its position: `N.0` and `N.1`, `N.fc1` and `N.fc2`. */
function numbered(plan: BlockPlan, prefix: string): string[] {
  const names = partsOf(plan).flatMap((part, i) => {
    const [first, second] = part === 'squeeze' ? ['fc1', 'fc2'] : ['0', '1']
    return [`${prefix}block.${i}.${first}`, `${prefix}block.${i}.${second}`]
  })
  return plan.projected ? [...names, `${prefix}downsample.0`, `${prefix}downsample.1`] : names
}

const OWN: Namer = {
  stem: ['features.0.0', 'features.0.1'],
  block: (plan, { stage, inStage }) => numbered(plan, `features.${stage + 1}.${inStage}.`),
  head: (stages) => [`features.${stages + 1}.0`, `features.${stages + 1}.1`],
  classifier: 'classifier.1',
  wideClassifier: ['classifier.0', 'classifier.3'],
}

const MOBILENET_V3: Namer = {
  ...OWN,
  block: (plan, { flat }) => numbered(plan, `features.${flat + 1}.`),
  head: (_, blocks) => [`features.${blocks + 1}.0`, `features.${blocks + 1}.1`],
}

const MOBILENET_V2: Namer = {
  ...MOBILENET_V3,
  block: (plan, { flat }) => {
    const parts = partsOf(plan)
    return parts.flatMap((part, i) => {
      const prefix = `features.${flat + 1}.conv.`
      return part === 'project' ? [`${prefix}${i}`, `${prefix}${i + 1}`] : [`${prefix}${i}.0`, `${prefix}${i}.1`]
    })
  },
}

/** torchvision's MnasNet is one list: activations are counted too, and the first block stands in it layer by layer. */
const MNASNET: Namer = {
  stem: ['layers.0', 'layers.1'],
  block: (_, { stage, inStage }) => {
    if (stage === 0) return ['layers.3', 'layers.4', 'layers.6', 'layers.7']
    return [0, 1, 3, 4, 6, 7].map((layer) => `layers.${7 + stage}.${inStage}.layers.${layer}`)
  },
  head: (stages) => [`layers.${stages + 7}`, `layers.${stages + 8}`],
  classifier: 'classifier.1',
  wideClassifier: [],
}

const RESNET: Namer = {
  ...OWN,
  stem: ['conv1', 'bn1'],
  block: (plan, { stage, inStage }) => {
    const prefix = `layer${stage + 1}.${inStage}.`
    const names = partsOf(plan).flatMap((_, i) => [`${prefix}conv${i + 1}`, `${prefix}bn${i + 1}`])
    return plan.projected ? [...names, `${prefix}downsample.0`, `${prefix}downsample.1`] : names
  },
  classifier: 'fc',
}

const TIMM: Namer = {
  stem: ['conv_stem', 'bn1'],
  block: (plan, { stage, inStage }) => {
    const parts = partsOf(plan)
    const fused = plan.kind === 'fused'
    const convs: Record<Exclude<Part, 'squeeze'>, string> = {
      expand: fused ? 'conv_exp' : 'conv_pw',
      middle: 'conv_dw',
      project: parts[0] === 'expand' ? 'conv_pwl' : fused ? 'conv' : 'conv_pw',
    }
    let norm = 0
    return parts
      .flatMap((part) => (part === 'squeeze' ? ['se.conv_reduce', 'se.conv_expand'] : [convs[part], `bn${++norm}`]))
      .map((name) => `blocks.${stage}.${inStage}.${name}`)
  },
  head: () => ['conv_head', 'bn2'],
  classifier: 'classifier',
  wideClassifier: [],
}

/** timm's MobileNetV3 counts blocks of one width as a stage, and the head as another; its wide layer is a convolution. */
const TIMM_V3: Namer = {
  ...TIMM,
  block: (plan, place) => TIMM.block(plan, { ...place, stage: place.width, inStage: place.inWidth }),
  head: (_stages, _blocks, widths) => [`blocks.${widths}.0.conv`, `blocks.${widths}.0.bn1`],
  wideClassifier: ['conv_head', 'classifier'],
}

const LUKEMELAS: Namer = {
  stem: ['_conv_stem', '_bn0'],
  block: (plan, { flat }) => {
    const names = {
      expand: ['_expand_conv', '_bn0'],
      middle: ['_depthwise_conv', '_bn1'],
      squeeze: ['_se_reduce', '_se_expand'],
      project: ['_project_conv', '_bn2'],
    }
    return partsOf(plan).flatMap((part) => names[part].map((name) => `_blocks.${flat}.${name}`))
  },
  head: () => ['_conv_head', '_bn1'],
  classifier: '_fc',
  wideClassifier: [],
}

function namerOf(family: Family, scheme: KeyScheme): Namer {
  if (scheme === 'timm') return family === 'mobilenet_v3' ? TIMM_V3 : TIMM
  if (scheme === 'lukemelas') return LUKEMELAS
  if (scheme === 'mbconv') return OWN
  const own: Partial<Record<Family, Namer>> = {
    mobilenet_v2: MOBILENET_V2,
    mobilenet_v3: MOBILENET_V3,
    mnasnet: MNASNET,
    resnet: RESNET,
  }
  return own[family] ?? OWN
}

/** `features.0.1.running_mean` is `features.0.1` and `running_mean`. */
export function splitKey(key: string): [layer: string, name: string] {
  const at = key.lastIndexOf('.')
  return [key.slice(0, at), key.slice(at + 1)]
}
