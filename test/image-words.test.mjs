/* What the words of predict mean: patterns beside names with a pattern's characters, lists of every encoding, odd names. */
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { imagesOf } = internal('imageWords')
const { readText } = internal('openFile')

const PNG = 'not looked at'
const dir = fs.realpathSync(t.testdir())
process.chdir(dir)

/** Names or, of bytes, what they are called; and what was left out. */
async function named(words, filesFrom) {
  const [found, skipped] = [[], []]
  for await (const each of imagesOf({ words, filesFrom }, (file, error) => skipped.push({ file, code: error.code })))
    found.push(typeof each === 'string' ? each : each.name)
  return { found, skipped }
}
const put = (...names) => {
  for (const name of names) {
    fs.mkdirSync(path.dirname(name), { recursive: true })
    fs.writeFileSync(name, PNG)
  }
}

t.test('a folder that exists is itself, whatever a pattern would make of its name', async (t) => {
  put('Photos (1)/x.png', 'photos[2024]/x.png', '{a,b}/x.png', '!no/x.png', 'what?/x.png', 'star*/x.png', '+(x)/y.png')
  put(
    'Photos 1/wrong.png',
    'photos2/wrong.png',
    'a/wrong.png',
    'star7/wrong.png',
    'x/wrong.png',
    'sub/Photos (2)/x.png',
  )
  for (const folder of ['Photos (1)', 'photos[2024]', '{a,b}', '!no', 'what?', 'star*'])
    for (const word of [`${folder}/*.png`, `./${folder}/x.*`, `${dir}/${folder}/**/*.png`, folder, `${folder}/x.png`]) {
      const { found, skipped } = await named([word])
      t.same(
        found.map((file) => path.relative(dir, path.resolve(file))),
        [`${folder}/x.png`],
        word,
      )
      t.same(skipped, [])
    }
  // Behind a wildcard there is no folder to ask: parentheses are plain, as in a shell; alternatives stay alternatives.
  t.same((await named(['s*/Photos (2)/*.png'])).found, ['sub/Photos (2)/x.png'])
  t.same((await named(['sub/*/*.(png|jpg)'])).found, ['sub/Photos (2)/x.png'])
  t.same((await named(['+(x)/*.png'])).found, ['+(x)/y.png'])
  t.same((await named(['none (1)/*.png'])).skipped, [{ file: 'none (1)/*.png', code: 'ERR_DATA' }])
})

t.test('folders: numbers by value, links once, hidden ones and pipes not, case of the ending no matter', async (t) => {
  put('walk/10.png', 'walk/2.PNG', 'walk/.hidden/a.png', 'walk/.b.png', 'walk/deep/er/1.jpg', 'walk/note.txt')
  fs.symlinkSync('..', 'walk/deep/up')
  fs.symlinkSync('self.png', 'walk/self.png')
  if (process.platform !== 'win32') execFileSync('mkfifo', ['walk/pipe.png'])
  const { found, skipped } = await named(['walk'])
  t.same(found, ['walk/2.PNG', 'walk/10.png', 'walk/deep/er/1.jpg'])
  t.same(skipped, [{ file: 'walk/self.png', code: 'ERR_DATA' }])
})

t.test('lists: UTF-8 and UTF-16 with a mark, line breaks of every system, NUL characters', async (t) => {
  const names = ['a b.png', 'grün/ü.png', 'Photos (1)/x.png', 'tab\there.png']
  const utf16 = (text, big) => {
    const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
    return big ? bytes.swap16() : bytes
  }
  const lists = {
    plain: names.join('\n'),
    'a last line break': `${names.join('\n')}\n`,
    'empty lines': `\n\n${names.join('\n\n')}\n\n`,
    CRLF: `${names.join('\r\n')}\r\n`,
    'a mark': `\ufeff${names.join('\n')}`,
    'a mark and CRLF': `\ufeff${names.join('\r\n')}`,
    'UTF-16, little': utf16(names.join('\r\n'), false),
    'UTF-16, big': utf16(names.join('\n'), true),
    'find -print0': `${names.join('\0')}\0`,
    long: `${names.join('\n')}\n`.repeat(5000),
  }
  for (const [what, content] of Object.entries(lists)) {
    fs.writeFileSync('list', content)
    const { found } = await named([], 'list')
    t.same(found.slice(0, 4), names, what)
    t.equal(found.length, what === 'long' ? 20_000 : 4, what)
  }
  fs.writeFileSync('list', `${'line\nbreak.png'}\0b.png\0`)
  t.same((await named([], 'list')).found, ['line\nbreak.png', 'b.png'], 'a name with a line break')
  for (const nothing of ['', '\n', '\ufeff', 'a']) {
    fs.writeFileSync('list', nothing)
    t.same((await named([], 'list')).found, nothing === 'a' ? ['a'] : [], JSON.stringify(nothing))
  }
  const refused = [
    [Buffer.from('a.png\nb.png\n', 'utf16le'), /UTF-16 text without a byte-order mark/],
    [Buffer.from('a.png\n', 'utf16le').swap16(), /UTF-16 text without a byte-order mark/],
    [Buffer.alloc(200_000, 'x'), /longer than any path/],
  ]
  for (const [content, message] of refused) {
    fs.writeFileSync('list', content)
    await t.rejects(named([], 'list'), { code: 'ERR_DATA', message })
  }
  if (process.platform === 'win32') return
  await t.rejects(named([], '/dev/zero'), { code: 'ERR_DATA', message: /not a regular file/ })
  await t.rejects(named([], dir), { code: 'ERR_DATA', message: /folder/ })
})

t.test('a list from a pipe is read as it comes', { skip: process.platform === 'win32' }, async (t) => {
  execFileSync('mkfifo', ['pipe'])
  const writer = spawn('sh', ['-c', 'exec 3<>pipe; echo; read go; printf "a.p" >&3; sleep 0.1; printf "ng\\nb" >&3'])
  await new Promise((resolve) => writer.stdout.once('data', resolve))
  const found = named([], 'pipe')
  writer.stdin.end('go\n')
  t.same((await found).found, ['a.png', 'b'])
})

t.test('names that are no UTF-8 are read, however they are given', async (t) => {
  const bytes = (name) => Buffer.concat([Buffer.from(`${dir}/bytes/`), Buffer.from(name, 'latin1')])
  fs.mkdirSync('bytes')
  try {
    fs.writeFileSync(bytes('caf\xe9.png'), PNG)
  } catch {
    t.comment('this file system takes UTF-8 only')
    return
  }
  fs.writeFileSync(bytes('caf\xe8.png'), PNG)
  const both = ['bytes/caf\\xE8.png', 'bytes/caf\\xE9.png']
  for (const word of ['bytes', 'bytes/*.png', 'bytes/caf\ufffd.png'])
    t.same((await named([word])).found.sort(), both, `${word}: as Node gives what a shell passes on`)
  fs.writeFileSync('list', Buffer.from('bytes/caf\xe9.png\nbytes/none\xe9.png\n', 'latin1'))
  const { found, skipped } = await named([], 'list')
  t.same(found, ['bytes/caf\\xE9.png'])
  t.same(skipped, [{ file: 'bytes/none\\xE9.png', code: 'ERR_DATA' }], 'and one that is not there is named')
})

t.test('text files of other editors', async (t) => {
  const text = 'epochs: 3 # ü\n'
  for (const [what, content] of Object.entries({
    plain: text,
    'a mark': `\ufeff${text}`,
    'UTF-16, little': Buffer.from(`\ufeff${text}`, 'utf16le'),
    'UTF-16, big': Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
  })) {
    fs.writeFileSync('text', content)
    t.equal(readText('text', { op: 'test' }), text, what)
  }
  for (const [content, message] of [
    [Buffer.from(text, 'latin1'), /text: is not UTF-8 text/],
    [Buffer.from(text, 'utf16le'), /without a byte-order mark/],
    [Buffer.from([0xff, 0xfe, 0x00, 0xd8]), /begins like UTF-16/],
  ]) {
    fs.writeFileSync('text', content)
    t.throws(() => readText('text', { op: 'test' }), { code: 'ERR_FORMAT', message })
  }
})
