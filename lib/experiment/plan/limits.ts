/** What stands for every experiment, whatever its file says. */
import { join } from 'node:path'

/** Where experiments are, unless told otherwise. */
export const EXPERIMENTS = join('runs', 'experiments')

/** Trainings at once. */
export const MOST_JOBS = 1024
