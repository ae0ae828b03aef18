/** Export of networks as ONNX files, for other runtimes. */
import { checkCount, checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { type OnnxNode, type OnnxTensor, writeOnnx } from '../../io/protobuf/onnx'
import { packageVersion } from '../../package/manifest'
import { checkResolution, type Resolution, resolutionText, sameResolution, sidesOf } from '../arch/resolution'
import { Network } from '../network/network'
import { checkedCard, type ModelCard } from './card'
import { CARD_KEY, PROFILE_KEY } from './metadata'
import { graphOf, outputName } from './onnx-graph'
import { OPSETS } from './opset'

/** How an ONNX file is written. */
export interface ExportOptions {
  /** Version of ONNX's operators, 17 to 22. The graph uses the same operators for all of them. Default 17. */
  opset?: number
  /** Fold batch norms into the convolutions before them: a smaller graph, equal up to rounding. Default true. */
  fold?: boolean
  /** Written into the file's metadata; must describe this network. */
  card?: ModelCard
  /** Size of the input, px: a side, or [height, width]. Default: the card's, else the architecture's. */
  resolution?: Resolution
  /**
   * True: the input is pixels, uint8 0 … 255, and the graph normalises them with the card's mean and standard
   * deviation. Default false: the input is normalised float32.
   */
  pixels?: boolean
}

/** What an ONNX file has. */
export interface ExportReport {
  /** The file that was written. */
  path: string
  /** Its size, bytes. */
  bytes: number
  /** Number of nodes of its graph. */
  nodes: number
  /** The version of ONNX's operators. */
  opset: number
  /** [`batch`, channels, height, width] */
  input: {
    /** The name of the input. */
    name: 'input'
    /** `uint8` if the file normalises pixels itself, else `float32`. */
    type: 'float32' | 'uint8'
    /** Any number of images, then channels, height and width. */
    shape: readonly ['batch', number, number, number]
  }
  /** `logits` [`batch`, classes]; of a network without classes `features` [`batch`, features] */
  output: {
    /** The name of the output. */
    name: 'logits' | 'features'
    /** The type of the output. */
    type: 'float32'
    /** Any number of images, then classes or features. */
    shape: readonly ['batch', number]
  }
}

/**
 * Writes a network as an ONNX file that maps images `input` [batch, channels, height, width] to `logits`
 * [batch, classes]. It computes what evaluation mode computes, whatever mode the network is in. Numbers are float32.
 * The batch is dynamic; the resolution is fixed, since SAME padding depends on it. Nodes and tensors have the names of
 * the state dict.
 *
 * @param path the file; written atomically, so it holds either its old content or all of the new
 * @throws MbconvError ERR_TYPE; ERR_VALUE for options, for a card of another network, and for more than 2 GiB, the
 *   limit of an ONNX file; ERR_NOT_IMPLEMENTED naming a layer that has no ONNX counterpart; ERR_DISPOSED; ERR_IO
 */
export function exportOnnx(network: Network, path: string, options: ExportOptions = {}): ExportReport {
  const op = 'exportOnnx'
  if (!(network instanceof Network)) {
    throw new MbconvError('ERR_TYPE', `${op}: network must be a network, as models.create makes them`, { op })
  }
  if (typeof path !== 'string' || path === '') {
    throw new MbconvError('ERR_TYPE', `${op}: path must be a string that is not empty, got ${shown(path)}`, { op })
  }
  checkOptions(op, options, ['opset', 'fold', 'card', 'resolution', 'pixels'])
  const { opset = OPSETS.default, fold = true, pixels = false } = options
  const card = options.card === undefined ? undefined : checkedCard(op, options.card)
  checkCount(op, 'opset', opset, OPSETS)
  for (const [name, value] of Object.entries({ fold, pixels })) {
    if (typeof value === 'boolean') continue
    throw new MbconvError('ERR_TYPE', `${op}: ${name} must be true or false, got ${shown(value)}`, { op })
  }
  if (card !== undefined) checkCardFits(op, card, network)
  if (pixels && card === undefined) {
    throw new MbconvError('ERR_VALUE', `${op}: pixels needs a card, which has the mean and standard deviation`, { op })
  }
  const { arch, profile, inChannels, numClasses } = network
  const own = card?.preprocessing.resolution ?? arch.resolution
  const resolution = checkResolution(op, 'resolution', options.resolution ?? own)
  if (card !== undefined && !sameResolution(resolution, own)) {
    const text = `${op}: resolution is ${resolutionText(resolution)}, the card's ${resolutionText(own)}`
    throw new MbconvError('ERR_VALUE', text, { op })
  }

  const before = pixels ? normalization(card as ModelCard) : { nodes: [], tensors: [], output: 'input' }
  const graph = graphOf(network, before.output, { resolution, fold })
  const nodes = [...before.nodes, ...graph.nodes]
  const shape = ['batch', inChannels, ...sidesOf(resolution)] as const
  const report = {
    input: { name: 'input', type: pixels ? 'uint8' : 'float32', shape },
    output: { name: outputName(network), type: 'float32', shape: ['batch', numClasses || network.numFeatures] },
  } as const
  const bytes = writeOnnx(path, {
    opset,
    producer: { name: 'mbconv', version: packageVersion() },
    description: `${arch.name}, ${numClasses} classes, profile ${profile.name}`,
    metadata: {
      [PROFILE_KEY]: JSON.stringify(profile),
      ...(card && { [CARD_KEY]: JSON.stringify(card) }),
    },
    name: arch.name,
    nodes,
    tensors: [...before.tensors, ...graph.tensors],
    ...report,
  })
  return { path, bytes, nodes: nodes.length, opset, ...report }
}

/** Refuses a card that describes another network. */
function checkCardFits(op: string, card: ModelCard, { arch, profile, numClasses, inChannels }: Network): void {
  const facts: [string, unknown, unknown][] = [
    ['classes', card.classes.length, numClasses],
    ['channels', card.preprocessing.channels, inChannels],
    ['profile', canonical(card.profile), canonical(profile)],
    // Drop path is of training only, and a card from before tables had it lacks it.
    ['arch', canonical({ ...card.arch, dropPath: undefined }), canonical({ ...arch, dropPath: undefined })],
  ]
  const wrong = facts.find(([, is, wanted]) => is !== wanted)
  if (wrong === undefined) return
  const [what, is, wanted] = wrong
  throw new MbconvError('ERR_VALUE', `${op}: the card is of another network: ${what} ${is}, here ${wanted}`, { op })
}

/** JSON with sorted keys, so that the order of keys makes no difference. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** The constants that turn bytes into normalised float32: x / (255 · std) − mean / std. */
function normalization({ preprocessing: { mean, std } }: ModelCard) {
  const shape = [1, mean.length, 1, 1]
  const tensors: OnnxTensor[] = [
    { name: 'normalize.scale', shape, values: () => Float32Array.from(std, (s) => 1 / (255 * s)) },
    { name: 'normalize.shift', shape, values: () => Float32Array.from(mean, (m, c) => -m / std[c]) },
  ]
  const node = (name: string, operator: string, inputs: string[], attributes?: OnnxNode['attributes']): OnnxNode => {
    return { name, operator, inputs, output: name, ...(attributes && { attributes }) }
  }
  const nodes = [
    node('normalize.cast', 'Cast', ['input'], { to: 1 }),
    node('normalize.mul', 'Mul', ['normalize.cast', 'normalize.scale']),
    node('normalize.add', 'Add', ['normalize.mul', 'normalize.shift']),
  ]
  return { nodes, tensors, output: 'normalize.add' }
}
