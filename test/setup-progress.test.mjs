/* What the set-up tells while a step is going on, on a terminal and elsewhere. The clock and the stream are the test's. */
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { Interrupted } from '../scripts/setup/failure.mjs'
import { buildStep } from '../scripts/setup/native.mjs'
import { Progress, run } from '../scripts/setup/run.mjs'
import { makeProject } from './helpers/setup-fixture.mjs'

/** A stream that keeps what is written, and a clock that goes on when it is told to. */
function stage(stream = {}) {
  const clock = { seconds: 0 }
  const written = []
  const progress = new Progress(stream.quiet ?? false, {
    stream: { ...stream, write: (text) => written.push(text) },
    now: () => clock.seconds * 1000,
  })
  return { clock, progress, text: () => written.join('') }
}

t.test('without a terminal: a line every five seconds, in plain text', async (t) => {
  const { clock, progress, text } = stage()
  await progress.step('native addon', async (detail) => {
    for (clock.seconds = 1; clock.seconds <= 11; clock.seconds++) detail(`${clock.seconds} of 99, native/a.cc`)
  })
  t.equal(
    text(),
    [
      'setup: native addon … ',
      'setup:   5 of 99, native/a.cc, 5.0 s',
      'setup:   10 of 99, native/a.cc, 10.0 s',
      'setup: native addon … 12.0 s',
      '',
    ].join('\n'),
  )
})

t.test('without a terminal: a short step is one line, and what has to be said is a line of its own', async (t) => {
  const short = stage()
  await short.progress.step('JavaScript', async (detail) => detail('compiling'))
  t.equal(short.text(), 'setup: JavaScript … 0.0 s\n')

  const warned = stage()
  await warned.progress.step('libtorch', async () => warned.progress.say('a wheel that is not known'))
  t.equal(warned.text(), 'setup: libtorch … \nsetup: a wheel that is not known\nsetup: libtorch … 0.0 s\n')

  const failed = stage()
  await t.rejects(failed.progress.step('a', () => Promise.reject(new Error('no'))))
  await t.rejects(failed.progress.step('b', () => Promise.reject(new Interrupted('SIGINT'))))
  t.equal(failed.text(), 'setup: a … failed after 0.0 s\nsetup: b … interrupted after 0.0 s\n')

  const quiet = stage({ quiet: true })
  await quiet.progress.step('a', async (detail) => {
    quiet.clock.seconds = 100
    detail('b')
    quiet.progress.say('c')
  })
  t.equal(quiet.text(), '')
})

t.test('on a terminal: one line, drawn again', async (t) => {
  const { clock, progress, text } = stage({ isTTY: true, columns: 80 })
  const again = '\r\u001b[K'
  await progress.step('native addon', async (detail) => {
    detail('1 of 3, native/a.cc')
    clock.seconds = 2
    detail('2 of 3, native/b.cc')
    progress.say('something else')
    detail(`3 of 3, native/${'long'.repeat(9)}.cc`)
    detail(`3 of 3, native/${'longer'.repeat(20)}.cc`)
  })
  t.strictSame(text().split(again), [
    'setup: native addon … ',
    'setup: native addon … 1 of 3, native/a.cc, 0.0 s ',
    'setup: native addon … 2 of 3, native/b.cc, 2.0 s ',
    'setup: something else\nsetup: native addon … 2 of 3, native/b.cc, 2.0 s ',
    // What does not fit: first the step's name goes, then the end of the line.
    `setup: … 3 of 3, native/${'long'.repeat(9)}.cc, 2.0 s `,
    `setup: … 3 of 3, native/${'longer'.repeat(20)}`.slice(0, 79),
    'setup: native addon … 2.0 s\n',
  ])
})

t.test('what programs say is printed as text', async (t) => {
  for (const isTTY of [true, false]) {
    const { clock, progress, text } = stage({ isTTY })
    await progress.step('a\u001b[2Jb', async (detail) => {
      clock.seconds = 40
      detail('native/\u001b]0;title\u0007\u202e.cc')
      progress.say('one\ntwo\r')
    })
    const own = text().replaceAll('\r\u001b[K', '')
    for (const character of '\u001b\u0007\u202e\r') t.notOk(own.includes(character), JSON.stringify(own))
    t.match(own, 'native/\\u001b]0;title\\u0007\\u202e.cc')
    t.match(own, 'one\\ntwo\\r')
  }
})

t.test('what ninja and make say of a build', async (t) => {
  for (const [line, step] of [
    ['[3/36] Building CXX object CMakeFiles/mbconv.dir/native/nn/activation.cc.o', '3 of 36, native/nn/activation.cc'],
    ['[36/36] Linking CXX shared library Release/mbconv.node', '36 of 36, linking'],
    ['[1/36] Precompiling headers', '1 of 36, precompiling'],
    ['[ 12%] Building CXX object CMakeFiles/mbconv.dir/native/ops/norm.cc.o', '12 %, native/ops/norm.cc'],
    ['[100%] Built target mbconv', '100 %'],
    ['native/a.cc:1:1: error: no', null],
    ['info RUN [1/2]', null],
  ]) {
    t.equal(buildStep(line), step, line)
  }
})

t.test('a build tells its files as they come', async (t) => {
  const project = makeProject(path.join(t.testdir(), 'project'))
  const environment = { PATH: process.env.PATH, FAKE_HOME: process.env.FAKE_HOME }
  t.teardown(() => {
    process.env.PATH = environment.PATH
    if (environment.FAKE_HOME === undefined) delete process.env.FAKE_HOME
    else process.env.FAKE_HOME = environment.FAKE_HOME
  })
  process.env.PATH = project.file('bin')
  process.env.FAKE_HOME = project.folder
  const { buildNative } = await import(pathToFileURL(project.file('scripts', 'setup', 'native.mjs')))
  const log = fs.openSync(project.file('log'), 'w')
  const details = []
  const libtorch = { path: project.folder, version: '2.13.0', flavour: 'cpu', mark: '' }
  const tools = { compiler: { command: 'c++', version: '' }, generator: 'Ninja', cmake: '3.30.0' }
  await buildNative(project.folder, libtorch, tools, {
    log,
    logFile: project.file('log'),
    detail: (text) => details.push(text),
    force: false,
  })
  fs.closeSync(log)
  t.strictSame(details, ['configuring', 'compiling', '1 of 2, native/a.cc', '2 of 2, linking', 'loading'])
})

t.test('programs are asked in English, so that their answers can be read', async (t) => {
  const print = ['-p', '[process.env.LC_ALL, process.env.LANGUAGE, process.env.A].join()']
  const { stdout } = await run(process.execPath, print, { env: { LC_ALL: 'tr_TR.UTF-8', LANGUAGE: 'tr', A: 'kept' } })
  t.equal(stdout, 'C.UTF-8,,kept\n')
})
