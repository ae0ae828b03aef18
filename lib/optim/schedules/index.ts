/** Learning-rate schedules. */
export { constant } from './constant'
export { type CosineOptions, cosine } from './cosine'
export { type ScheduleConfig, scheduleOf } from './kinds'
export type { Schedule, WarmupOptions } from './schedule'
export { type StaircaseOptions, staircase } from './staircase'
