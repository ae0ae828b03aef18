/** Optional packages: the error if a needed one is not installed, or does not run on this machine. */
import { MbconvError } from './error'

/** Loads an optional package, or throws ERR_ENVIRONMENT with its name and the command that installs it. */
export async function optionalPackage<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw missingPackage(name, purpose, cause)
  }
}

/** @param purpose the feature that needs the package; begins the message */
export function missingPackage(name: string, purpose: string, cause: unknown): MbconvError {
  return new MbconvError('ERR_ENVIRONMENT', `${purpose} needs the package ${name}, which cannot be loaded`, {
    hint: `npm install ${name}`,
    cause,
  })
}
