// Usage: node image-memory.mjs SMALL LARGE...: by how many bytes memory grows at most when each large image in turn is read
// four times at once.
import { readFileSync } from 'node:fs'
import { internal } from './internals.mjs'

const { readInputImage } = internal('inputImage')

const [small, ...larges] = process.argv.slice(2)
const preprocessing = {
  ...{ channels: 3, size: null, resolution: 64, fit: 'crop', cropShare: 0.875, interpolation: 'bicubic' },
  ...{ colorManagement: false, mean: [0, 0, 0], std: [1, 1, 1] },
}
// On Linux the process's own: what getrusage tells begins with the memory of the process that started it.
const peak = () =>
  process.platform === 'linux'
    ? 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
    : 1024 * process.resourceUsage().maxRSS

for (let i = 0; i < 4; i++) await readInputImage(small, preprocessing)
const before = peak()
const found = []
for (const large of larges) {
  const images = await Promise.all(Array.from({ length: 4 }, () => readInputImage(large, preprocessing)))
  found.push({ grown: peak() - before, lengths: images.map(({ length }) => length) })
}
console.log(JSON.stringify(found))
