/** Turns errors of the file system into this package's own. */
import { MbconvError } from '../errors/error'
import { nameOf } from '../text/foreign-text'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'read-only file system',
  EFBIG: 'the file is too large',
  EIO: 'the device cannot read or write it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  EMFILE: 'too many open files',
  EEXIST: 'it exists already',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  ENXIO: 'it is not a regular file',
  ERR_INVALID_ARG_VALUE: 'no name can be like that',
}

/** The reason for an errno, in words that complete "cannot read FILE: …". */
export function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return REASONS[code] ?? message
}

/** Turns an errno into the package's own error, with the path, and a remedy if one is obvious. */
export function ioError(action: string, path: string | Buffer, error: unknown, op?: string): MbconvError {
  if (error instanceof MbconvError) return error
  return new MbconvError('ERR_IO', `cannot ${action} ${nameOf(path)}: ${reasonOf(error)}`, { op, cause: error })
}
