/** Parses the name of an architecture. */
import { MbconvError } from '../../errors/error'
import type { Arch } from '../../models/arch/arch'
import { arch, fullName, list } from '../../models/families/catalogue'
import { nearest } from '../../text/nearest'

/** Accepts short names (`b3` for `efficientnet_b3`), and timm's and torchvision's names. */
export function archNamed(name: string): Arch {
  const names = list()
  const full = fullName(name)
  if (full) return arch(full)
  const near = nearest(name, [...names.map((candidate) => candidate.replace('efficientnet_', '')), ...names])
  throw new MbconvError('ERR_USAGE', `no model is called ${name}`, {
    hint: near ? `did you mean ${near}?` : `there are ${names.join(', ')}`,
  })
}
