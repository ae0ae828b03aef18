/** `mbconv data`: what image files are there, and whether they are whole. Each subcommand is a file of ./data. */
import type { CommandDescription } from '../command-line/command'
import { cacheCommand } from './data/cache'
import { indexCommand } from './data/index'
import { inspectCommand } from './data/inspect'
import { verifyCommand } from './data/verify'

export const dataCommand: CommandDescription = {
  name: 'data',
  summary: 'look at image files before training: classes, damage, duplicates, checksums',
  examples: ['mbconv data inspect photos/', 'mbconv data index photos/', 'mbconv data verify photos/'],
  subcommands: [inspectCommand, indexCommand, verifyCommand, cacheCommand],
}
