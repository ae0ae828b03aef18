/**
 * Recipes: how a network is trained, as files in configs/recipes/.
 *
 * A recipe is a part of a training configuration. `recipe: NAME` puts it below the keys of a configuration, so that each
 * of them can be changed. Nothing here loads native code.
 */
import { join } from 'node:path'
import { CROP_KEYS, cuts, FITS } from '../data/images/preprocessing'
import { packageRoot } from '../package/manifest'
import { isMapping } from '../schema/values'
import { readYaml } from './yaml'

/** Every recipe, with its origin. `configs/recipes/NAME.yaml` has the values and their sources. */
export const RECIPES = {
  'fine-tune': 'for published weights and photographs of your own',
  scratch: 'for a small network and photographs of your own, from nothing in minutes',
  paper: 'EfficientNet: arXiv:1905.11946 and its published code',
  'timm-ra': "timm's EfficientNet-B0 with RandAugment",
  'torchvision-v2': "torchvision's EfficientNetV2-S",
  efficientnetv2: 'EfficientNetV2-S: arXiv:2104.00298, from small images to large ones',
} as const satisfies Record<string, string>

export type RecipeName = keyof typeof RECIPES

export const RECIPE_NAMES = Object.keys(RECIPES) as RecipeName[]

const isRecipe = (name: unknown): name is RecipeName => typeof name === 'string' && Object.hasOwn(RECIPES, name)

const read = new Map<RecipeName, Record<string, unknown>>()

/** The keys that a recipe sets; none for a name that the schema refuses. */
export function recipeNamed(name: unknown): Record<string, unknown> {
  if (!isRecipe(name)) return {}
  const known = read.get(name)
  if (known !== undefined) return known
  const file = join(packageRoot, 'configs', 'recipes', `${name}.yaml`)
  const keys = readYaml(file, 'configs').value as Record<string, unknown>
  read.set(name, keys)
  return keys
}

/**
 * A raw configuration with the keys of the recipe that it names. A configuration that names another optimiser, schedule
 * or policy than the recipe replaces that part of it, since the options of one do not suit another. One that shows whole
 * images goes without the recipe's crops.
 */
export function withRecipe(raw: unknown): unknown {
  return isMapping(raw) ? below(raw, suiting(recipeNamed(raw.recipe), raw)) : raw
}

/** The recipe's keys without its crops, if the configuration shows whole images. */
function suiting(recipe: Record<string, unknown>, { data }: Record<string, unknown>): Record<string, unknown> {
  const fit = FITS.find((each) => isMapping(data) && each === data.fit)
  if (fit === undefined || cuts(fit)) return recipe
  return CROP_KEYS.reduce((rest, keys) => without(rest, ['data', ...keys]), recipe)
}

/** A copy without the value at a path of keys. */
function without(from: Record<string, unknown>, [key, ...inner]: readonly string[]): Record<string, unknown> {
  const { [key]: value, ...rest } = from
  return inner.length > 0 && isMapping(value) ? { ...from, [key]: without(value, inner) } : rest
}

/** `keys`, and what only `base` has. */
function below(keys: Record<string, unknown>, base: Record<string, unknown>): Record<string, unknown> {
  if ('name' in keys && 'name' in base && keys.name !== base.name) return keys
  const merged: Record<string, unknown> = { ...keys }
  for (const [key, value] of Object.entries(base)) {
    if (!Object.hasOwn(keys, key)) merged[key] = value
    else if (isMapping(value) && isMapping(keys[key])) merged[key] = below(keys[key], value)
  }
  return merged
}
