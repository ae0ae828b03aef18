/* What an experiment shows as it runs: lines, or a table that is drawn again on a terminal. */
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { createExperimentProgress } = internal('experimentProgress')

const plan = { type: 'plan', plan: {}, folder: 'x', phase: 0, jobs: 3, finished: 1, slots: 2 }
const job = (arm, more) => ({ arm, seed: 0, attempt: 1, ...more })
const row = (arm, more) => ({
  row: { arm, seed: 0, status: 'done', attempt: 1, top1: 0.5, ...more },
  timing: { wallSeconds: 20 },
})

function shown({ isTTY, quiet = false, columns = 60 }) {
  let time = 0
  const write = (text) => {
    stream.text += text
  }
  const stream = { text: '', isTTY, columns, write }
  const progress = createExperimentProgress(stream, { quiet, env: { NO_COLOR: '1' }, now: () => time })
  const at = (milliseconds, event) => {
    time = milliseconds
    progress.event(event)
  }
  at(0, plan)
  at(0, { type: 'job-start', ...job('base'), slot: 0 })
  at(0, { type: 'job-start', ...job('compound'), slot: 1 })
  at(5000, { type: 'job-progress', ...job('base', { step: 50, steps: 100, loss: 1.25, top1: 0.25 }) })
  at(5100, { type: 'job-progress', ...job('base', { step: 51, steps: 100, loss: 1.2, top1: 0.25 }) })
  at(9000, { type: 'job-retry', ...job('compound'), error: { code: 'ERR_JOB_DIED', message: 'it died' } })
  at(10000, { type: 'job-end', ...row('base') })
  at(20000, {
    type: 'job-end',
    ...row('compound', { status: 'failed', error: { code: 'ERR_OOM', message: 'no memory' } }),
  })
  progress.end()
  // The escape character, so that it can be seen.
  return stream.text.replaceAll('\u001b', '^')
}

t.test('without a terminal: a line for each job that begins or ends', async (t) => {
  t.same(shown({ isTTY: false }).trimEnd().split('\n'), [
    '1/3  base seed 0 begins',
    '1/3  compound seed 0 begins',
    'once more: compound seed 0: it died (ERR_JOB_DIED)',
    '2/3  base seed 0  top-1 50.00 %  20 s',
    '3/3  compound seed 0 failed: no memory (ERR_OOM)',
  ])
  t.equal(shown({ isTTY: false, quiet: true }), 'once more: compound seed 0: it died (ERR_JOB_DIED)\n')
})

t.test('on a terminal: the jobs under way, drawn again in place', async (t) => {
  const text = shown({ isTTY: true })
  t.ok(text.includes('base seed 0       50/100  loss 1.2500  top-1 25.00 %  0:05^[K\n'))
  t.ok(text.includes('compound seed 0  starting  0:05^[K\n'))
  t.ok(text.includes('1/3 done, about 0:15 left^[K\n'), 'half a job took 5 s, one and a half are left')
  t.notOk(text.includes('51/100  loss 1.2000  top-1 25.00 %  0:05'), 'not drawn more often than five times a second')
  // What a terminal shows in the end: only the lines that stay.
  const screen = []
  for (const [, up, line] of text.matchAll(/\^\[(\d+)A\^\[J|([^\n]*)\n/g)) {
    if (up === undefined) screen.push(line.replace('^[K', ''))
    else screen.length -= Number(up)
  }
  t.same(screen, [
    'once more: compound seed 0: it died (ERR_JOB_DIED)',
    '2/3  base seed 0  top-1 50.00 %  20 s',
    '3/3  compound seed 0 failed: no memory (ERR_OOM)',
  ])
  const narrow = shown({ isTTY: true, columns: 20 })
  for (const line of narrow.split('\n')) if (line.endsWith('^[K')) t.ok(line.replace(/\^\[\d*[AJK]/g, '').length < 20)
})
