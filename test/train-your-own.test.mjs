/* docs/train-your-own.md: every command of the page, in its order, on a small folder of pictures. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { CLASSES, pictureOf, writePhotos } from './helpers/photo-folder.mjs'

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

/** What makes a training last seconds in place of minutes; it is all that the test adds to the page's commands. */
const BRIEF = '--minutes 0.02 --epochs 2 --data.batchSize=8 --run.curves=false'

const BRIEF_LABELS = '--epochs=1 --model.width=0.25 --model.depth=0.1 --model.resolution=32 --run.curves=false'

const page = readFileSync(resolve('docs/train-your-own.md'), 'utf8')
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block.trim().split('\n'))

t.test('the commands of the page', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  await writePhotos(sharp, join(dir, 'photos'))
  writeFileSync(join(dir, 'new.jpg'), await pictureOf(sharp, 'birch', 77))
  // The list and the configuration of several labels: a whole list like the page's, and the file that it shows.
  const rows = CLASSES.flatMap((name) =>
    readdirSync(join(dir, 'photos', name)).map(
      (file) => `photos/${name}/${file},${name === 'birch' ? name : `${name}|upright`}`,
    ),
  )
  writeFileSync(join(dir, 'labels.csv'), `path,label\n${rows.join('\n')}\n`)
  const [, several] = /```yaml\n(task: multiLabel\n[\s\S]*?)```/.exec(page)
  writeFileSync(join(dir, 'labels.yaml'), several)
  // `mbconv` as a command on the path.
  mkdirSync(join(dir, 'bin'))
  const script = `#!/bin/sh\nexec '${process.execPath}' '${resolve('dist/cli/main.js')}' "$@"\n`
  writeFileSync(join(dir, 'bin', 'mbconv'), script, { mode: 0o755 })
  const env = {
    ...process.env,
    PATH: `${join(dir, 'bin')}:${process.env.PATH}`,
    HOME: dir,
    NO_COLOR: '1',
    LANG: 'C.UTF-8',
  }
  env.MBCONV_CACHE = join(dir, 'cache')

  t.ok(commands.length >= 11, `${commands.length} commands`)
  for (const command of commands) {
    const isFirst = command === 'mbconv train ./photos'
    const isPrinted = command.includes('--print-config')
    const isListed = command === 'mbconv train labels.yaml'
    const brief = isFirst
      ? `${command} ${BRIEF}`
      : isListed
        ? `${command} ${BRIEF_LABELS}`
        : isPrinted
          ? command.replace(' > ', ` ${BRIEF} > `)
          : command
    const { status, stdout, stderr } = spawnSync('sh', ['-c', brief], { cwd: dir, env, encoding: 'utf8' })
    t.equal(status, 0, `${command}\n${stderr}`)
    if (command.startsWith('mbconv predict')) t.match(stdout, /^new\.jpg: .*(ash|birch|cedar|upright|none)/)
    if (command.startsWith('mbconv eval')) t.match(stdout, /%/)
  }
  for (const file of ['why.png', 'vectors.npy', 'model.onnx', 'model.safetensors', 'photos.yaml'])
    t.ok(existsSync(join(dir, file)), file)
  t.equal(readdirSync(join(dir, 'runs')).length, 3, 'the run was resumed, and one followed each file')
})
