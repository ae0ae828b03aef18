/** `mbconv data cache`: decodes and resizes images once, into shards of pixels that training reads. */
import { MbconvError } from '../../../errors/error'
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { DATA_ARGUMENT } from '../../command-line/options'
import { index, wholeUpTo } from '../../command-line/values'
import * as format from '../../view/format'
import { countingNotes } from '../../view/inspection'
import { Output } from '../../view/output'

export const cacheCommand: CommandDescription = {
  name: 'cache',
  summary: 'decode and resize every image once, into a folder that mbconv train takes',
  arguments: [DATA_ARGUMENT],
  options: [
    { flags: '--to <folder>', help: '(required) folder to write; it must not exist' },
    { flags: '--validation <path>', help: 'images to evaluate during training, of the same kind as <path>' },
    { flags: '--test <path>', help: 'images to evaluate at the end, of the same kind' },
    { flags: '--size <px>', help: 'side of the cached images', parse: wholeUpTo(4096), default: 256 },
    {
      flags: '--fit <fit>',
      help: 'as the data.fit of the training. crop: the shorter side becomes --size, and the centre is cut out; squash, stretch: the whole image becomes a square',
      choices: ['crop', 'squash', 'stretch'],
      default: 'crop',
    },
    {
      flags: '--interpolation <filter>',
      help: 'how images are resized',
      choices: ['bilinear', 'bicubic'],
      default: 'bicubic',
    },
    { flags: '--color-management', help: 'convert images to sRGB by their colour profiles' },
    { flags: '--multi-label', help: 'an image of the list or archives has any number of classes' },
    {
      flags: '--max-unreadable <n>',
      help: 'images that may be left out because they cannot be read (default: 1 %, at least 10)',
      parse: index,
    },
  ],
  examples: [
    'mbconv data cache photos/ --to photos-256',
    "mbconv data cache 'train-{000..146}.tar' --validation 'val-{000..006}.tar' --to cache --size 232",
  ],
  run,
}

interface CacheOptions extends GlobalOptions {
  to?: string
  validation?: string
  test?: string
  size: number
  fit: 'crop' | 'squash' | 'stretch'
  interpolation: 'bilinear' | 'bicubic'
  colorManagement?: boolean
  multiLabel?: boolean
  maxUnreadable?: number
}

async function run(source: string, options: CacheOptions): Promise<number> {
  const output = new Output(options)
  const { to, validation, test, size, fit, interpolation, multiLabel, maxUnreadable = null } = options
  if (to === undefined) throw new MbconvError('ERR_USAGE', 'data cache needs --to FOLDER, the folder to write')
  const { cacheImages } = await import('../../../data/inspection/cache-images.js')
  const { exitOfInterruption, stopOnSignals } = await import('../../../process/signals.js')
  const controller = new AbortController()
  const restore = stopOnSignals(controller, () => output.note('stopping; what was written is removed'))
  const note = countingNotes(output)
  const { colorManagement = false } = options
  try {
    const layout = { size, fit, interpolation, colorManagement }
    const cached = await cacheImages(
      { source, validation, test, multiLabel, to, layout, maxUnreadable },
      { onImage: note, onWarning: (message) => output.warn(message), signal: controller.signal },
    )
    output.data(cached)
    const parts = Object.entries(cached.images).map(([part, count]) => `${format.whole(count)} ${part}`)
    const leftOut = cached.leftOut > 0 ? [`${format.counted(cached.leftOut, 'unreadable image')} left out`] : []
    const facts = [parts.join(' + '), format.countedClasses(cached.classes), format.bytes(cached.bytes), ...leftOut]
    output.result(`${format.shortPath(to)}: ${facts.join(', ')}`)
    return EXIT.ok
  } catch (error) {
    if (!controller.signal.aborted || (error as MbconvError).code !== 'ERR_ABORTED') throw error
    output.note((error as Error).message)
    return exitOfInterruption(controller.signal.reason)
  } finally {
    restore()
  }
}
