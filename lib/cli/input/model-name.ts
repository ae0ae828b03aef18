/** The name of an architecture, as it is typed. */
import { MbconvError } from '../../errors/error'
import type { Arch } from '../../models/arch/arch'
import { arch, fullName, list } from '../../models/families/catalogue'
import { nearest } from '../../text/nearest'

/** `b3` is enough where `efficientnet_b3` is meant; timm's and torchvision's names are known too. */
export function archNamed(name: string): Arch {
  const names = list()
  const full = fullName(name)
  if (full) return arch(full)
  const near = nearest(name, [...names.map((candidate) => candidate.replace('efficientnet_', '')), ...names])
  throw new MbconvError('ERR_USAGE', `no model is called ${name}`, {
    hint: near ? `did you mean ${near}?` : `there are ${names.join(', ')}`,
  })
}
