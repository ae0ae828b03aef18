/** Options shared by several commands. */

import { VIEWS } from '../../data/images/views'
import { EXPERIMENTS } from '../../experiment/plan/limits'
import type { ArgumentDescription, OptionDescription } from './command'
import { device, wholeUpTo } from './values'

/** The device to compute on. */
export const DEVICE: OptionDescription = {
  flags: '--device <device>',
  help: 'auto, cpu, cuda or cuda:N',
  parse: device,
}

/** What a network sees of an image. */
export const VIEWS_OPTION: OptionDescription = {
  flags: '--views <views>',
  help: 'average over views: flip adds the mirror image, five takes corners and centre, ten both; five and ten need fit crop or squash (default: one)',
  choices: VIEWS,
}

/** The trained model to run on images. */
export const MODEL: OptionDescription = {
  flags: '--run <model>',
  help: 'folder of a run or a checkpoint, a .safetensors file with a card, published weights (default: the newest run in runs/)',
}

/** How images are read. */
export const IMAGE_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--color-management',
    help: 'convert images to sRGB by their colour profiles (default: as the model card says)',
  },
  { flags: '--no-color-management', help: 'take colours as they are, whatever the model card says' },
  {
    flags: '--max-pixels <n>',
    help() {
      const { MAX_PIXELS, MAX_HELD } =
        require('../../data/images/image-limits.js') as typeof import('../../data/images/image-limits')
      return `largest image: larger JPEG and lossy WebP files are decoded smaller, others refused (default: ${MAX_PIXELS / 1e6} million, fewer where decoding would hold more than ${MAX_HELD / 1e6} MB)`
    },
    parse: wholeUpTo(Number.MAX_SAFE_INTEGER),
  },
]

/** The run that a command reads. */
export const RUN_ARGUMENT: ArgumentDescription = {
  name: '[run]',
  help: 'folder of a run or of one of its checkpoints (default: the newest run below runs/)',
}

/** Labelled image files. */
export const DATA_ARGUMENT: ArgumentDescription = {
  name: '<path>',
  help: 'folder of images, list of images (.csv, .jsonl), or tar archive; braces stand for several archives',
}

export const EXPERIMENT_ARGUMENT: ArgumentDescription = { name: '<experiment>', help: 'its folder or its file' }

/** Selects an experiment of a file, and the folder of experiments. */
export const EXPERIMENT_OPTIONS: readonly OptionDescription[] = [
  { flags: '--profile <name>', help: "of the file's profiles" },
  { flags: '--dir <dir>', help: `folder of all experiments (default: ${EXPERIMENTS})` },
]
