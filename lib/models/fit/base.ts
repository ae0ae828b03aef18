/**
 * What a fit scales, and the training configuration that names the result.
 *
 * If the base was itself scaled from a published table (such as width 0.25 of B0), the fit scales that table by the
 * product of both coefficients. Channels are then rounded once, and `model.name`, `width`, `depth` of a configuration
 * give the same network. A user's own table is scaled directly; no configuration can name it.
 */
import { MbconvError } from '../../errors/error'
import type { Arch } from '../arch/arch'
import { type CheckedArch, checkArch } from '../arch/check'
import { defaultDropPath } from '../arch/plan'
import { checkSquare } from '../arch/resolution'
import { scale } from '../arch/scaling'
import { arch as archNamed, list } from '../families/catalogue'

/** Resolutions that a training configuration accepts, px. */
export const RESOLUTIONS = Object.freeze({ min: 8, max: 4096 })

/** Depth and width relative to the base; the resolution in pixels. */
export interface Point {
  readonly depth: number
  readonly width: number
  readonly resolution: number
}

/**
 * The keys of `model:` in a training configuration that define a network. Keys equal to the named network's are
 * omitted.
 */
export interface ModelConfig {
  /** The architecture, one of `models.list()`. */
  readonly name: string
  /** Factor on the architecture's channels. */
  readonly width: number
  /** Factor on the architecture's layers per stage. */
  readonly depth: number
  /** Side of the input, px. */
  readonly resolution: number
  /** Channels are rounded to multiples of this. */
  readonly divisor: number
  /** Rate before the classifier; absent where it is the architecture's. */
  readonly dropout?: number
  /** Rate at which the last block is skipped; absent where it is the architecture's. */
  readonly dropPath?: number
}

/** A table with a square input. Only such a network is scaled. */
export type SquareArch = CheckedArch & { readonly resolution: number }

export interface FitBase {
  /** The base as the caller gave it. */
  readonly arch: SquareArch
  /** The table that is scaled. */
  readonly root: CheckedArch
  /** The base's coefficients relative to the root. */
  readonly depth: number
  readonly width: number
  /** Channels of the result are multiples of this. */
  readonly divisor: number
  /** Whether the root is published under its name. */
  readonly named: boolean
}

/** A product of two decimals without the digits that binary fractions add: 0.1 · 3 is 0.3. */
function times(a: number, b: number): number {
  return Number((a * b).toPrecision(12))
}

/**
 * What a network is, whatever it is called, however it was made and with whatever drop path it is trained: equal for
 * equal networks at one resolution.
 */
export function networkOf(arch: Arch): string {
  const others = { dropPath: undefined, globalPool: undefined }
  return JSON.stringify({ ...arch, name: '', width: 0, depth: 0, resolution: 0, ...others })
}

/**
 * Published tables that this one may have been scaled from. The table whose name this one's begins with comes first.
 */
function roots(arch: CheckedArch): CheckedArch[] {
  const names = list()
  const own = names.filter((name) => arch.name === name || arch.name.startsWith(`${name}_`))
  return [...own, ...names.filter((name) => !own.includes(name))].map(archNamed)
}

/**
 * @param base a published name, or a table
 * @throws MbconvError ERR_TYPE or ERR_VALUE
 */
export function fitBase(op: string, base: unknown, divisor?: number): FitBase {
  const table = typeof base === 'string' ? archNamed(base) : checkArch(op, base)
  const { min, max } = RESOLUTIONS
  const resolution = checkSquare(op, table.resolution, 'scaling to a budget')
  if (resolution < min || resolution > max) {
    const message = `${op}: the base's resolution must be ${min} to ${max} px, got ${resolution}`
    throw new MbconvError('ERR_VALUE', message, { op })
  }
  const arch = table as SquareArch
  const wanted = networkOf(arch)
  for (const root of roots(arch)) {
    const [depth, width] = [times(arch.depth / root.depth, 1), times(arch.width / root.width, 1)]
    const made = scaled(root, depth, width, arch.divisor, arch)
    if (made === undefined || networkOf(made) !== wanted) continue
    const drop = defaultDropPath(arch)
    const { globalPool } = arch
    const isOwn = drop === defaultDropPath(root) && globalPool === root.globalPool
    const own = isOwn ? root : checkArch(op, { ...root, dropPath: drop, globalPool })
    return { arch, root: own, depth, width, divisor: divisor ?? arch.divisor, named: true }
  }
  return { arch, root: arch, depth: 1, width: 1, divisor: divisor ?? arch.divisor, named: false }
}

/** Undefined if the coefficients exceed the limits of a table. */
function scaled(root: CheckedArch, depth: number, width: number, divisor: number, { resolution, dropout }: Arch) {
  try {
    return scale(root, { depth, width, divisor, resolution, dropout })
  } catch (error) {
    if (error instanceof MbconvError && error.code === 'ERR_VALUE') return undefined
    throw error
  }
}

/** The scaled base, or the base itself if nothing changes. Undefined beyond the limits of a table. */
export function tableAt(base: FitBase, { depth, width, resolution }: Point): SquareArch | undefined {
  const { arch } = base
  if (depth === 1 && width === 1 && base.divisor === arch.divisor && resolution === arch.resolution) return arch
  const [d, w] = [times(base.depth, depth), times(base.width, width)]
  return scaled(base.root, d, w, base.divisor, { ...arch, resolution }) as SquareArch | undefined
}

/** The configuration that makes `tableAt(base, point)`; null if the base does not come from a published table. */
export function modelConfig(base: FitBase, { depth, width, resolution }: Point): ModelConfig | null {
  if (!base.named) return null
  const { root, arch, divisor } = base
  const config = {
    name: root.name,
    width: times(base.width, width),
    depth: times(base.depth, depth),
    resolution,
    divisor,
  }
  const dropPath = defaultDropPath(arch)
  return Object.freeze({
    ...config,
    ...(arch.dropout === root.dropout ? {} : { dropout: arch.dropout }),
    ...(dropPath === defaultDropPath(archNamed(root.name)) ? {} : { dropPath }),
  })
}
