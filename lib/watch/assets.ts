/** The files that make up the page: our own, the plotting library, and the font if it is installed. */
import { join } from 'node:path'
import { fontFiles } from '../drawing/font'
import { missingPackage } from '../errors/optional-package'
import { readBytes } from '../files/open'
import { packageRoot } from '../package/manifest'

/**
 * The page's own files are not compiled: the browser gets them as they are. The package.json beside them tells other tools
 * that they are ES modules.
 */
const FOLDER = join(packageRoot, 'lib', 'watch', 'page')

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  ttf: 'font/ttf',
} as const

const OWN = [
  'index.html',
  'watch.css',
  'watch.js',
  'chart.js',
  'curves.js',
  'figures.js',
  'samples.js',
  'table.js',
  'icon.svg',
]

/** What a path of the server answers with. */
export interface Asset {
  type: string
  read: () => Uint8Array
}

const typeOf = (name: string): string => TYPES[name.slice(name.lastIndexOf('.') + 1) as keyof typeof TYPES]

const assetOf = (name: string, file: string): Asset => ({
  type: typeOf(name),
  read: () => readBytes(file, { op: 'watch' }),
})

/**
 * All files by path. Nothing else is served from the disk, apart from the images of samples.
 *
 * @throws MbconvError ERR_ENVIRONMENT if the plotting library is not installed
 */
export function pageAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map(OWN.map((name): [string, Asset] => [`/${name}`, assetOf(name, join(FOLDER, name))]))
  assets.set('/', assetOf('index.html', join(FOLDER, 'index.html')))
  const library = plotLibrary()
  assets.set('/uplot.js', assetOf('uplot.js', join(library, 'uPlot.esm.js')))
  assets.set('/uplot.css', assetOf('uplot.css', join(library, 'uPlot.min.css')))
  for (const [i, file] of fonts().entries()) assets.set(`/font-${i}.ttf`, assetOf('font.ttf', file))
  return assets
}

/** The folder of uPlot's files. */
function plotLibrary(): string {
  try {
    return join(require.resolve('uplot/package.json'), '..', 'dist')
  } catch (cause) {
    throw missingPackage('uplot', 'the page of mbconv watch', cause)
  }
}

/** Regular, then bold. Without the package, the browser takes another font. */
function fonts(): string[] {
  try {
    return fontFiles()
  } catch {
    return []
  }
}
