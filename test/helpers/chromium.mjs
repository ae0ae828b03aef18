/**
 * The browser that tests and scripts open pages in: the system's Chromium, or the one that CHROME_PATH names, without a
 * window, with a profile of its own that is removed afterwards.
 */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** What to do where there is no browser. */
export const NO_BROWSER = `no Chromium at ${PLACES.join(', ')}; install one, or set CHROME_PATH`

function canRun(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The browser's program; undefined if there is none. */
export const browserPath = () => process.env.CHROME_PATH ?? PLACES.find(canRun)

/**
 * Opens the browser.
 *
 * @returns its context, and a function that closes it
 */
export async function openBrowser(options = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'mbconv-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: browserPath(),
    headless: true,
    args: FLAGS,
    ...options,
  })
  const close = async () => {
    await context.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  return { context, close }
}

/** Opens the browser for a test file, and closes it at the end. Without one, the file's tests are skipped, with the reason. */
export async function contextFor(t) {
  if (browserPath() === undefined) {
    t.comment(NO_BROWSER)
    t.plan(0, NO_BROWSER)
    process.exit()
  }
  const { context, close } = await openBrowser()
  t.teardown(close)
  return context
}

/** How bright a CSS colour is, 0 … 1. */
export function luminance(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).map(Number)
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255
}
