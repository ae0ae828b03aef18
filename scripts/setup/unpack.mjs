/*
 * Unpacks selected members of a Python wheel, and checks each against the SHA-256 in the wheel's RECORD. Python's
 * zipfile does the work: pip needs Python anyway, and Node has no zip reader.
 */
import fs from 'node:fs'
import path from 'node:path'
import { SetupError } from './failure.mjs'
import { run } from './run.mjs'
import { checkWheel, DamagedWheel } from './wheels.mjs'

const SCRIPT = `
import base64, csv, email, hashlib, io, json, os, re, sys, zipfile
wheel, dest, wanted, unwanted = sys.argv[1], sys.argv[2], re.compile(sys.argv[3]), re.compile(sys.argv[4])
try:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    info = [n for n in names if re.fullmatch(r'[^/]+\\.dist-info/RECORD', n)][0].rsplit('/', 1)[0]
    digests = {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(info + '/RECORD').decode())) if row}
    metadata = email.message_from_string(archive.read(info + '/METADATA').decode())
    libraries = []
    for member in archive.infolist():
        name = member.filename
        if member.is_dir() or not wanted.search(name) or unwanted.search(name):
            continue
        if name.startswith('/') or '..' in name.split('/') or '\\\\' in name:
            raise ValueError('unsafe member name ' + name)
        kind, _, expected = digests.get(name, '').partition('=')
        if kind != 'sha256':
            raise ValueError('RECORD has no sha256 of ' + name)
        target = os.path.join(dest, *name.split('/'))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        digest = hashlib.sha256()
        with archive.open(member) as source, open(target, 'wb') as out:
            while True:
                block = source.read(1 << 20)
                if not block:
                    break
                digest.update(block)
                out.write(block)
        if base64.urlsafe_b64encode(digest.digest()).decode().rstrip('=') != expected:
            raise ValueError('checksum mismatch in ' + name)
        if re.search(r'\\.(so|dylib|dll)(\\.|$)', name):
            libraries.append({'path': name, 'size': member.file_size, 'sha256': digest.hexdigest()})
except (zipfile.BadZipFile, zipfile.zlib.error, ValueError, KeyError, IndexError, EOFError) as error:
    print('damaged wheel: %s' % error, file=sys.stderr)
    sys.exit(65)
print(json.dumps({
    'name': metadata['Name'], 'version': metadata['Version'], 'requires': metadata.get_all('Requires-Dist') or [],
    'cuda': 'torch/lib/libtorch_cuda.so' in names, 'libraries': libraries}))
`

/** The exit status with which the script reports a damaged wheel. */
const DAMAGED = 65

/**
 * Unpacks the members of `wheel` that match `wanted` and not `unwanted` (regular expressions both to JavaScript and to
 * Python) into `dest`.
 * @returns {Promise<{name: string, version: string, requires: string[], cuda: boolean, libraries: {path: string, size: number, sha256: string}[]}>}
 * @throws DamagedWheel if it is not a complete wheel
 */
async function unpackWheel(python, wheel, dest, wanted, unwanted, { log, logFile }) {
  const result = await run(python, ['-c', SCRIPT, wheel, dest, wanted.source, unwanted.source], { log })
  if (result.code === 0) return JSON.parse(result.stdout)
  const said = result.output.trim().split('\n').pop()
  if (result.code === DAMAGED) throw new DamagedWheel(`${wheel}: ${said}`, { log: logFile })
  throw new SetupError(`cannot unpack ${wheel}: ${said}`, { log: logFile })
}

/**
 * Like unpackWheel, for a wheel that pip has put into `folder`. First checks that it is the known wheel of that name
 * (see wheels.mjs). A wrong or damaged wheel is removed, since pip would find it again.
 */
export async function unpackDownloaded(folder, wheel, dest, wanted, unwanted, tools) {
  const file = path.join(folder, wheel)
  try {
    checkWheel(file, tools)
    tools.detail(`unpacking ${wheel}`)
    return await unpackWheel(tools.python, file, dest, wanted, unwanted, tools)
  } catch (error) {
    if (error instanceof DamagedWheel) fs.rmSync(file, { force: true })
    throw error
  }
}
