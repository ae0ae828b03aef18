// What a picture becomes before it goes into each of timm's checkpoints, and the other fields of timm's configurations.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { archOf } = internal('published')
const { stageTable } = internal('count')
const { layerNames, schemesOf } = internal('keyMap')
const { readInputImage } = internal('inputImage')
const { inputOf } = internal('eachImage')

const golden = JSON.parse(readFileSync(new URL('./golden/checkpoint-inputs.json', import.meta.url), 'utf8'))
const checkpoints = mb.models.checkpoints()
const sharp = await import('sharp').then(
  () => true,
  () => false, // optional: the tests that need it say that they are skipped
)

t.test('every checkpoint has timm’s fields', async (t) => {
  t.same(checkpoints.map(({ name }) => name).sort(), Object.keys(golden.checkpoints).sort())
  for (const { name, arch, numClasses, trainResolution, license, original, preprocessing, url } of checkpoints) {
    const [way, side, classes, terms, address, first, classifier, map] = golden.checkpoints[name]
    t.same([trainResolution, numClasses, license], [side, classes, terms], name)
    t.equal(preprocessing.resolution, golden.inputs[way].side)
    t.ok(url.endsWith(`/timm/${name}/resolve/main/model.safetensors`))
    if (original !== null) t.equal(original.url, address)
    const table = archOf({ arch })
    // ResNets have torchvision's names there.
    const layers = layerNames(table, schemesOf(table).includes('timm') ? 'timm' : 'torchvision')
    t.ok(layers.includes(first) && layers.includes(classifier), `${first}, ${classifier}`)
    const stages = stageTable(table, { resolution: trainResolution }).filter(
      ({ outputShape }) => outputShape.length === 3,
    )
    t.equal(stages.at(-1).outputShape[1], map, `${name}: the side of the last map`)
  }
})

t.test(
  'every checkpoint’s input is timm’s, normalised, by a step of 256 at most',
  { skip: !sharp && 'the optional package sharp is not installed' },
  async (t) => {
    mb.setNumThreads(1)
    const image = { name: 'picture.png', bytes: Buffer.from(golden.file, 'base64') }
    const made = new Map()
    const digestOf = async (preprocessing) => {
      const key = JSON.stringify(preprocessing)
      if (!made.has(key)) {
        const planes = await readInputImage(image, preprocessing)
        made.set(key, digest(inputOf({ card: { preprocessing, classes: ['one'] } }, [planes])))
      }
      return made.get(key)
    }
    const worst = { parts: 0, pixels: 0 }
    for (const { name, preprocessing } of checkpoints) {
      const wanted = golden.inputs[golden.checkpoints[name][0]]
      const found = await digestOf(preprocessing)
      for (const what of ['parts', 'pixels']) {
        t.equal(found[what].length, wanted[what].length)
        const steps = wanted[what].map((v, i) => 255 * preprocessing.std[i % 3] * Math.abs(v - found[what][i]))
        worst[what] = Math.max(worst[what], ...steps)
        t.ok(Math.max(...steps) < (what === 'parts' ? 0.1 : 1.1), `${name}, ${what}: ${Math.max(...steps)}`)
      }
    }
    t.comment(`at most ${worst.parts.toFixed(3)} steps in a part's mean, ${worst.pixels.toFixed(2)} in a pixel`)
  },
)

/** As scripts/goldens/checkpoints.py takes it of timm's tensors. */
function digest({ images, shape: [, , side] }) {
  const at = (c, y, x) => images[(c * side + y) * side + x]
  const edges = [0, 1, 2, 3].map((i) => Math.floor((side * i) / 3))
  const parts = []
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++)
      for (let c = 0; c < 3; c++) {
        let sum = 0
        for (let y = edges[i]; y < edges[i + 1]; y++) for (let x = edges[j]; x < edges[j + 1]; x++) sum += at(c, y, x)
        parts.push(sum / (edges[i + 1] - edges[i]) / (edges[j + 1] - edges[j]))
      }
  const pixels = [...Array(8).keys()].flatMap((i) => {
    const [y, x] = [Math.floor(((2 * i + 1) * side) / 16), Math.floor((((5 * i + 3) % 16) * side) / 16)]
    return [0, 1, 2].map((c) => at(c, y, x))
  })
  return { parts, pixels }
}
