/** The entry point of a run's worker thread; train.ts is the other end. */
import { parentPort, workerData } from 'node:worker_threads'
import { coded } from '../errors/coded'
import { toPlainError } from '../errors/plain-error'
import { STOP_REASONS, type WorkerInput, type WorkerMessage } from './messages'
import { runTraining } from './run-training'

const { request, stopFlag } = workerData as WorkerInput
const flag = new Int32Array(stopFlag)
const send = (message: WorkerMessage) => parentPort!.postMessage(message)

runTraining(request, {
  begin: (config) => send({ type: 'begin', config }),
  emit: (event) => send({ type: 'event', event }),
  stopRequested: () => STOP_REASONS[Atomics.load(flag, 0)],
}).then(
  (result) => send({ type: 'done', result }),
  (error) => send({ type: 'failed', error: toPlainError(coded('train', error)) }),
)
