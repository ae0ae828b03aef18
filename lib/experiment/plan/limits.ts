/** Constants of every experiment, independent of its file. */
import { join } from 'node:path'

/** Default folder of experiments. */
export const EXPERIMENTS = join('runs', 'experiments')

/** The most trainings at one time. */
export const MOST_JOBS = 1024
