/** `mbconv data`: what image files are there, and whether they are whole. Each subcommand is a file of ./data. */
import type { CommandDescription } from '../command-line/command'
import { cacheCommand } from './data/cache'
import { indexCommand } from './data/index'
import { inspectCommand } from './data/inspect'
import { verifyCommand } from './data/verify'

export const dataCommand: CommandDescription = {
  name: 'data',
  summary: 'inspect, check, index or cache image files before training',
  examples: ['mbconv data inspect photos/', 'mbconv data index photos/', 'mbconv data cache photos/ --to photos-256'],
  subcommands: [inspectCommand, indexCommand, verifyCommand, cacheCommand],
}
