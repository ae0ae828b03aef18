/** metrics.jsonl: one line per step and per evaluation. run/metrics.ts describes the file itself. */
import { join } from 'node:path'
import { RUN_FILES } from '../run/folder'
import { cutMetrics, MetricsLog } from '../run/metrics'
import type { LoggerKind } from './logger'

export const metrics: LoggerKind = {
  name: RUN_FILES.metrics,
  isEssential: false,
  open({ runDir, position, warn }) {
    const path = join(runDir, RUN_FILES.metrics)
    // An evaluation at the checkpoint's own step may still follow.
    cutMetrics(path, position.step, position.lastEval?.step ?? -1)
    const log = new MetricsLog(path, warn)
    return {
      record(event) {
        if (event.type === 'step' || event.type === 'eval') log.append({ ...event, seconds: position.seconds })
      },
      sync: () => log.sync(),
      settle: () => log.settle(),
      close: () => log.close(),
    }
  },
}
