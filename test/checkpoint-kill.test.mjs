import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { killRandom } from './helpers/kill-seed.mjs'
import { inspect, SAVER } from './helpers/saver.mjs'
import { runScript } from './helpers/tiny.mjs'

t.test('killed at 200 random moments while saving', async (t) => {
  const kills = 200
  // Milliseconds after the first save that a program is killed; a save takes a few.
  const random = killRandom(t)
  const moments = Array.from({ length: kills }, () => 25 * random())
  const outcomes = { kills: 0, temporaries: 0 }

  /** One run folder, killed again and again; every program goes on from what the one before it left. */
  async function lane(name, delays) {
    const runDir = join(t.testdirName, name)
    mkdirSync(join(runDir, 'checkpoints'), { recursive: true })
    const script = `${SAVER}
      const runDir = ${JSON.stringify(runDir)}
      let step = checkpoint.listCheckpoints(runDir)[0]?.step ?? 0
      removeStaleTemporaries(runDir + '/checkpoints', { exclusive: true })
      for (;;) {
        step++
        save(runDir, step)
        fs.writeSync(1, 'saved ' + step + '\\n')
        checkpoint.pruneCheckpoints(runDir, 3, step)
      }`
    for (const delay of delays) {
      let saved = 0
      let armed = false
      const { signal, stderr } = await runScript(script, {
        onLine: (line, child) => {
          saved = Number(line.split(' ')[1])
          // From the first save on, so that the time a start takes does not matter.
          if (!armed) setTimeout(() => child.kill('SIGKILL'), delay)
          armed = true
        },
      })
      if (signal !== 'SIGKILL') return t.fail(`the program ended by itself: ${stderr}`)
      outcomes.kills++
      outcomes.temporaries += readdirSync(join(runDir, 'checkpoints')).filter((file) => file.startsWith('.')).length
      const { step, warnings, whole } = inspect(runDir)
      if (!whole || warnings.length > 0 || step < saved) {
        return t.fail(`after ${delay} ms: step ${step} of ${saved}, whole: ${whole}, ${warnings}`)
      }
    }
  }

  t.testdir()
  await Promise.all([lane('one', moments.slice(0, kills / 2)), lane('two', moments.slice(kills / 2))])
  t.equal(outcomes.kills, kills)
  t.ok(outcomes.temporaries > 10, `${outcomes.temporaries} of them left a temporary folder: they hit a save`)
})
