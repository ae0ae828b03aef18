/** Computes with libtorch, exactly as `predictEach` and `embedEach` do. */
import { type ImageTask, rowsOf, withFoldedNetwork } from '../inference/each-image'
import { EMBEDDING } from '../inference/embed'
import { openModel } from '../inference/open-model'
import { PREDICTING } from '../inference/predict'
import { setOwnNumThreads } from '../native/runtime'
import { inPrecision } from '../optim/precision'
import { resolvePrecision } from '../train/session/precision'
import type { Engine, EngineOptions, TaskName } from './engine'

const TASKS: Record<TaskName, Pick<ImageTask<unknown>, 'compute' | 'finish'>> = {
  predict: PREDICTING,
  embed: EMBEDDING,
}

/** @throws MbconvError as `openModel` */
export function openWithLibtorch(model: string, { device, precision = 'float32', threads }: EngineOptions): Engine {
  if (threads !== undefined) setOwnNumThreads(threads)
  const opened = withFoldedNetwork(openModel(model, device))
  const { card, path } = opened
  const resolved = resolvePrecision(precision, opened.device)
  return {
    ...{ runtime: 'libtorch', card, path, device: opened.device },
    async rows(name, planes, views) {
      const { compute, finish } = TASKS[name]
      return rowsOf(
        opened,
        planes,
        {
          // 16-bit results become float32 before they are averaged.
          compute: (network, input) =>
            inPrecision(resolved, opened.device, () => compute(network, input)).to({ dtype: 'float32' }),
          finish,
        },
        views,
      )
    },
    async close() {
      opened.network.dispose()
    },
  }
}
