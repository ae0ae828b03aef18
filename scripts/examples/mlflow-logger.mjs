/*
 * An example of a logger of your own: it sends a run to an MLflow server through its REST interface.
 *
 *   import * as mb from 'mbconv'
 *   import { mlflow } from './mlflow-logger.mjs'
 *   const run = mb.train(config, { loggers: [mlflow({ url: 'http://127.0.0.1:5000' })] })
 *   await run.result
 *
 * Source: https://mlflow.org/docs/latest/rest-api.html
 */

/** The most metrics and parameters that runs/log-batch takes at once. */
const [MOST_METRICS, MOST_PARAMETERS] = [1000, 100]
/** The most characters of a parameter that every version of MLflow takes. */
const LONGEST = 500
/** Fields of an event that are no measurements. */
const POSITION = ['step', 'epoch']

/** Slices of a list, each with at most `most` items. */
const slices = (list, most) =>
  Array.from({ length: Math.ceil(list.length / most) }, (_, i) => list.slice(i * most, (i + 1) * most))

/** A nested object with dotted keys: `{ model: { name: 'x' } }` is `[['model.name', 'x']]`. */
const flat = (value, prefix = '') =>
  Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? flat(inner, `${prefix}${key}.`)
      : [[prefix + key, inner]],
  )

/** JSON has no NaN. MLflow takes its name. */
const number = (value) => (Number.isFinite(value) ? value : String(value))

/** The measurements of an event: `train/loss`, `test/top1` … */
function metricsOf(event, timestamp) {
  const group = event.type === 'step' ? 'train' : 'test'
  return Object.entries(event)
    .filter(([key, value]) => typeof value === 'number' && !POSITION.includes(key))
    .map(([key, value]) => ({ key: `${group}/${key}`, value: number(value), timestamp, step: event.step }))
}

/**
 * A logger for `train(config, { loggers: [mlflow({ … })] })`.
 *
 * @param {object} options
 * @param {string} options.url of the server
 * @param {string} [options.experiment] its name; it is made if it does not exist
 * @param {number} [options.every] milliseconds between two requests with new metrics
 */
export function mlflow({ url, experiment = 'mbconv', every = 2000 }) {
  async function call(method, path, body) {
    const answer = await fetch(new URL(`/api/2.0/mlflow/${path}`, url), {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    const text = await answer.text()
    if (answer.ok) return JSON.parse(text || '{}')
    throw Object.assign(new Error(`${path}: the server answers ${answer.status}: ${text.slice(0, 200)}`), {
      status: answer.status,
    })
  }

  async function experimentId() {
    try {
      const query = new URLSearchParams({ experiment_name: experiment })
      return (await call('GET', `experiments/get-by-name?${query}`)).experiment.experiment_id
    } catch (error) {
      if (error.status !== 404) throw error
      return (await call('POST', 'experiments/create', { name: experiment })).experiment_id
    }
  }

  return {
    name: 'MLflow',
    open({ runDir, config, start }) {
      let waiting = []
      let failure
      let wasStopped = false

      async function begin() {
        const tags = [{ key: 'mbconv.folder', value: runDir }]
        const made = await call('POST', 'runs/create', {
          experiment_id: await experimentId(),
          run_name: runDir.split(/[\\/]/).at(-1),
          start_time: Date.now(),
          tags,
        })
        const facts = { ...config, parameters: start.params, multiplyAdds: start.macs }
        const params = flat(facts).map(([key, value]) => ({ key, value: String(value).slice(0, LONGEST) }))
        const id = made.run.info.run_id
        for (const part of slices(params, MOST_PARAMETERS))
          await call('POST', 'runs/log-batch', { run_id: id, params: part })
        return id
      }

      async function send(id) {
        const metrics = waiting
        waiting = []
        for (const part of slices(metrics, MOST_METRICS))
          await call('POST', 'runs/log-batch', { run_id: id, metrics: part })
      }

      // One request after another, in order. The first failure is kept, and `record` or `close` reports it.
      const id = begin()
      let requests = id.then(() => {})
      const add = (request) => {
        requests = requests.then(async () => request(await id))
        requests.catch((error) => {
          failure ??= error
        })
      }
      add(() => {})
      const timer = setInterval(() => waiting.length > 0 && add(send), every)
      timer.unref()

      return {
        record(event) {
          if (failure !== undefined) throw failure
          if (event.type === 'step' || event.type === 'eval') waiting.push(...metricsOf(event, Date.now()))
          if (event.type === 'end') wasStopped = event.result.interrupted !== false
        },
        async close(error) {
          clearInterval(timer)
          // Reported by `record` already.
          if (failure !== undefined && error === failure) return
          const status = error !== undefined ? 'FAILED' : wasStopped ? 'KILLED' : 'FINISHED'
          add(send)
          add((run) => call('POST', 'runs/update', { run_id: run, status, end_time: Date.now() }))
          await requests
        },
      }
    },
  }
}
