/** `mbconv experiment`: many trainings that answer one question. Each subcommand is a file of ./experiment. */
import type { CommandDescription } from '../command-line/command'
import { compareCommand } from './experiment/compare'
import { jobCommand } from './experiment/job'
import { reportCommand } from './experiment/report'
import { runCommand } from './experiment/run'
import { statusCommand } from './experiment/status'

export const experimentCommand: CommandDescription = {
  name: 'experiment',
  summary: 'many trainings that answer one question: planned, run side by side, resumed, compared',
  examples: [
    'mbconv experiment run table7 --profile cpu',
    'mbconv experiment status runs/experiments/table7-cpu',
    'mbconv experiment report runs/experiments/table7-cpu',
  ],
  subcommands: [runCommand, statusCommand, reportCommand, compareCommand, jobCommand],
}
