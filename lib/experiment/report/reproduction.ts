/** What somebody needs to repeat an experiment: commands, versions, machine, settings. */
import { posix } from 'node:path'
import { stringify } from 'yaml'
import { gibibytes } from '../../text/figures'
import type { Analysis } from '../analysis/analysis'

/** A word as a shell takes it. */
const quoted = (word: string) => (/^[\w.@%+=:,/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

export interface Reproduction {
  commands: string[]
  /** Pairs of name and value. */
  facts: [string, string][]
  /** YAML. */
  settings: string
}

/** Collects the facts from the plan. */
export function reproduction({ plan }: Analysis): Reproduction {
  const { versions, machine, revision, profile, name, set = [], dir, device, limits, seeds } = plan
  const known = (pairs: [string, string | number | null | undefined][]) =>
    pairs.flatMap(([word, value]): [string, string][] =>
      value === null || value === undefined || value === '' ? [] : [[word, String(value)]],
    )
  const gpus = Array.isArray(machine.gpus) ? machine.gpus.join(', ') : ''
  return {
    commands: [
      [
        `mbconv experiment run ${quoted(`${name}.yaml`)}`,
        // An experiment that runs without a profile is called `default`, which no file has as a profile.
        ...(profile === 'default' ? [] : [`--profile ${quoted(profile)}`]),
        ...set.map((setting) => `--set ${quoted(setting)}`),
        ...(dir === undefined ? [] : [`--dir ${quoted(dir)}`]),
      ].join(' '),
      `mbconv experiment report ${quoted(posix.join(dir ?? 'runs/experiments', `${name}-${profile}`))}`,
    ],
    facts: known([
      ['mbconv', versions.mbconv],
      [
        'Revision',
        revision === null ? 'not known' : revision.slice(0, 12) + (revision.endsWith('+') ? ', with changes' : ''),
      ],
      ['libtorch', versions.libtorch],
      ['Node.js', versions.node],
      ['Device', device],
      ['Processor', machine.cpu && `${machine.cpu}, ${machine.cores} cores`],
      ['GPUs', gpus],
      ['Memory', machine.memory && gibibytes(machine.memory)],
      ['Limits of a job', limits && `${limits.minutes} min, ${gibibytes(limits.memory)}`],
      ['Seeds', seeds.join(', ')],
    ]),
    settings: plan.arms.length > 0 ? stringify(plan.arms[0].config ?? {}).trimEnd() : 'no arm',
  }
}
