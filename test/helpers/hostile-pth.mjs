import { archive, dictOf, op, program, tensor, zip } from './pth-writer.mjs'

export const good = () => program(dictOf([['weight', tensor()]]))

/** Files that nobody's torch.save has made, and a part of what is said of each. */
export const HOSTILE = {
  'nothing in it': [Buffer.alloc(0), /it is empty/],
  'a zip without a pickle': [zip([['a/b', 'x']]), /no data\.pkl/],
  'os.system': [
    archive(program(op.global('os', 'system'), op.mark, op.text('true'), op.tuple, op.reduce)),
    /asks for os\.system/,
  ],
  'builtins.eval': [archive(program(op.global('builtins', 'eval'))), /builtins\.eval/],
  'a call of something of torch': [archive(program(op.global('torch.hub', 'load'))), /torch\.hub\.load/],
  'a name made at run time': [archive(program(op.text('os'), op.text('system'), Buffer.from([0x93]))), /os\.system/],
  'a new object': [archive(program(op.list, op.mark, op.tuple, Buffer.from([0x81]))), /calls what is no function/],
  'a call of a value': [archive(program(op.text('x'), op.mark, op.tuple, op.reduce)), /calls what is no function/],
  'attributes of a dict': [archive(program(op.dict, dictOf([['__class__', op.none]]), op.build)), /sets attributes/],
  'attributes of a list': [archive(program(op.list, dictOf([['x', op.none]]), op.build)), /sets attributes/],
  'a tuple that grows': [archive(program(op.mark, op.tuple, op.none, Buffer.from('a'))), /something else than a list/],
  'items of a list': [archive(program(op.list, op.mark, op.none, op.none, op.setItems)), /something else than a dict/],
  'an odd number of items': [archive(program(op.dict, op.mark, op.none, op.setItems)), /something else than a dict/],
  'no stop': [archive(Buffer.concat([op.proto, op.none])), /ends too early/],
  'an empty stack': [archive(program()), /empty stack/],
  'a mark as a value': [archive(program(op.mark)), /empty stack/],
  'no mark': [archive(program(op.none, op.tuple)), /no mark/],
  'a memo of nothing': [archive(program(op.get(7))), /has not made/],
  'text longer than the file': [
    archive(Buffer.concat([op.proto, Buffer.from('X\xff\xff\xff\xff', 'latin1')])),
    /ends too early/,
  ],
  'an integer in place of a dictionary': [archive(program(op.long(new Uint8Array(200)))), /no dictionary/],
  'an unknown protocol': [archive(Buffer.from([0x80, 9, 0x2e])), /unknown protocol/],
  'a storage of objects': [archive(program(tensor({ storage: 'ObjectStorage' }))), /no dictionary/],
  'numbers that are not there': [archive(program(dictOf([['w', tensor({ key: '9' })]]))), /lacks the numbers/],
  'a name that leads out': [
    archive(program(dictOf([['w', tensor({ key: '../../etc/passwd' })]]))),
    /lacks the numbers/,
  ],
  'more elements than numbers': [
    archive(program(dictOf([['w', tensor({ elements: 400, shape: [400] })]]))),
    /smaller than it says/,
  ],
  'a shape beyond the storage': [archive(program(dictOf([['w', tensor({ shape: [5] })]]))), /beyond its storage/],
  'an offset beyond the storage': [archive(program(dictOf([['w', tensor({ offset: 1 })]]))), /beyond its storage/],
  'a negative offset': [archive(program(dictOf([['w', tensor({ offset: -1 })]]))), /damaged/],
  'a stride beyond the storage': [archive(program(dictOf([['w', tensor({ strides: [2] })]]))), /beyond its storage/],
  'a negative stride': [archive(program(dictOf([['w', tensor({ strides: [-1] })]]))), /damaged/],
  'one element repeated a billion times': [
    archive(program(dictOf([['w', tensor({ shape: [1 << 30], strides: [0] })]]))),
    /beyond its storage/,
  ],
  'a shape and strides of different lengths': [
    archive(program(dictOf([['w', tensor({ strides: [1, 1] })]]))),
    /damaged/,
  ],
  'two entries of one name': [
    zip([
      ['a/data.pkl', good()],
      ['a/data.pkl', good()],
    ]),
    /two entries/,
  ],
  'a zip slip': [zip([['../data.pkl', good()]]), /leads out/],
  'an absolute name': [zip([['/etc/data.pkl', good()]]), /leads out/],
  'a backslash in a name': [zip([['a\\data.pkl', good()]]), /leads out/],
  'a wrong checksum': [archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { crc: 1 } : {})), /checksum/],
  'another name inside': [
    archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { localName: 'archive/data.pkX' } : {})),
    /own header/,
  ],
  'entries that overlap': [
    archive(good(), undefined, (name) => (name.endsWith('order') ? { offset: 10 } : {})),
    /reaches into|no header/,
  ],
  'an entry larger than the file': [
    archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { bytes: 0x7fffffff } : {})),
    /reaches into/,
  ],
  'an entry of 2^32 − 1 bytes': [
    archive(good(), undefined, (name) => (name.endsWith('/0') ? { bytes: 0xffffffff } : {})),
    /reaches into/,
  ],
  'a compressed pickle': [
    archive(good(), undefined, (name) => (name.endsWith('.pkl') ? { method: 8 } : {})),
    /compressed/,
  ],
  'big-endian numbers': [
    zip([
      ['a/data.pkl', good()],
      ['a/byteorder', 'big'],
    ]),
    /big-endian/,
  ],
  'no tensor anywhere': [archive(program(dictOf([['epoch', op.int(3)]]))), /no state dict/],
  'no dictionary': [archive(program(op.list)), /no dictionary/],
}
