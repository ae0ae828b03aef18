// Compiled, never run: what users write in TypeScript has to pass the compiler, and what is wrong must not.
import mbconv, {
  type ClassEvaluation,
  type Confidence,
  type DType,
  type Evaluation,
  type Explanation,
  type LabelFigures,
  MbconvError,
  type MultiLabelEvaluation,
  type PerClass,
  type Precision,
  type Region,
  type RunEvaluation,
  type RunFacts,
  type Score,
  type StartEvent,
  type Task,
  type Tensor,
  type TrainConfigInput,
  type TrainLogger,
  type TrainResult,
  tensor,
  train,
  type Views,
} from 'mbconv'

const x: Tensor = tensor([[1, 2]], { dtype: 'float64', requiresGrad: true })
const shape: number[] = x.add(1).mul(x).sum({ dim: 0, keepdim: true }).shape
const dtype: DType = x.dtype
{
  using scoped = mbconv.zeros(shape, { dtype })
  scoped.fill_(1)
}
const numbers: number = mbconv.scope(() => x.mean().item())
// An element is typed where its dtype is known.
const [one, truth, whole64]: [number, boolean, number | bigint] = [
  mbconv.zeros([], { dtype: 'float64' }).item(),
  x.gt(0).item(),
  x.argmax().item(),
]
const loss: number = mbconv.nn.functional.crossEntropy(x, x).item()
const halved: number = x.to({ dtype: 'float16' }).item()
const any: number | bigint | boolean = x.sum().item()
console.log(one, truth, whole64, loss, halved, any, tensor([true]).item() === true, await tensor([1n]).itemAsync())
// An editor completes the names of architectures; others are allowed.
const name: mbconv.models.ArchName = 'efficientnetv2_s'
console.log(mbconv.models.arch(name), mbconv.models.arch('tf_efficientnet_b0'), mbconv.models.arch(String(name)))
const model = mbconv.models.create('efficientnet_b0', { numClasses: numbers, seed: 0 }).eval()
const logits: Tensor = mbconv.noGrad(() => model.forward(mbconv.randn([1, 3, 224, 224])))
const { values, indices } = logits.softmax(1).topk(5)
const config: TrainConfigInput = { model: { name: 'efficientnet_b0' }, data: { dataset: 'digits' }, epochs: 1 }
const counts: Record<string, number> = {}
const logger: TrainLogger = {
  name: 'counts',
  open: ({ config: { epochs, log }, start }) => ({
    record: async ({ type }) => {
      counts[type] = (counts[type] ?? 0) + epochs * start.steps
    },
    close: (error) => console.log(error, log.csv),
  }),
}
const run = train(config, { signal: new AbortController().signal, loggers: [logger] })
for await (const event of run) if (event.type === 'eval') console.log(event.top1, values, indices)
const result = await run.result
console.log(result.top1)
// Narrowed by the task, each evaluation has all of its figures.
if (result.task === 'multiLabel') console.log(result.mAP.toFixed(3), result.thresholds.length)
else console.log(result.top1.toFixed(3), result.confusion)
// Each part of a result has a name.
const partsOf = (given: TrainResult | RunEvaluation): ClassEvaluation | MultiLabelEvaluation => given
const labelsOf = ({ perClass }: MultiLabelEvaluation): LabelFigures | null => perClass
const classesOf = ({ perClass, confidence }: ClassEvaluation): [PerClass | null, Confidence | null] => [
  perClass,
  confidence,
]
const bestOf = ({ best }: RunFacts): Score | null => best
const testOf = ({ test }: TrainResult): Evaluation | null => test
const precisionOf = ({ precision }: StartEvent): Precision => precision
const regionOf = ({ region }: Explanation): Region => region
const cardOf = ({ metrics }: mbconv.models.ModelCard): mbconv.models.CardEvaluation | null => metrics
const partOf = ({ validation }: mbconv.data.DataParts): mbconv.data.Dataset | undefined => validation
const [task, views]: [Task, Views] = [partsOf(result).task, 'ten']
console.log(labelsOf, classesOf, bestOf(result), testOf(result), precisionOf, regionOf, cardOf, partOf, task)
console.log((await mbconv.evaluateRun('run', { views })).step)
for (const { labels = [] } of await mbconv.predictImages('run', [])) console.log(labels.map((label) => label.threshold))
const whole: Tensor = logits.max()
const best: Tensor = logits.max({ dim: 1 }).indices
const { min, max } = logits.aminmax()
const averages: Tensor[] = mbconv.foreach.lerp_([whole], [min], 0.1)
const halves: Tensor = mbconv.nn.functional.interpolate(x, null, { scaleFactor: 0.5, mode: 'area' })
mbconv.nn.init.kaimingNormal_(halves.scatterReduce(0, best, max, { reduce: 'amax' }), { nonlinearity: 'relu' })
const spectrum: Tensor = mbconv.fft.rfft(x.double(), { n: 4, norm: 'ortho' })
const parts: Tensor[] = [spectrum.real, spectrum.imag, spectrum.conj().angle(), ...mbconv.viewAsReal(spectrum)]
const [size, sizes]: [number, number[]] = [x.size(0), x.size()]
const limit: number = mbconv.finfo('complex64').max + parts.length + size + sizes.length
console.log(`${x} ${limit} ${x.isclose(2, { atol: 1 }).newZeros([2], { dtype: 'complex128' }).isComplex()}`)
console.log(averages, x.unique({ counts: true }).counts?.shape)
try {
  mbconv.callOp('aten::relu', [x])
} catch (error) {
  if (error instanceof MbconvError && error.code === 'ERR_DISPOSED') console.log(error.op, error.hint)
}

// @ts-expect-error a dtype that does not exist
tensor([1], { dtype: 'float8' })
// @ts-expect-error scatterReduce needs to know how
x.scatterReduce(0, best, max)
// @ts-expect-error a mode that does not exist
mbconv.nn.functional.interpolate(x, 3, { mode: 'cubic' })
// @ts-expect-error a norm that does not exist
mbconv.fft.fft(x, { norm: 'unitary' })
// @ts-expect-error one dimension only
mbconv.fft.fft(x, { dim: [0, 1] })
// @ts-expect-error strings are no data
tensor(['1'])
// @ts-expect-error an unknown optimiser
train({ optimizer: { name: 'lion', lr: 1 }, epochs: 1 })

// @ts-expect-error an asynchronous function would go on after the scope
mbconv.scope(async () => x.add(1))
// @ts-expect-error nor can one run without gradients
mbconv.noGrad(async () => x.add(1))
// @ts-expect-error nor in inference mode
mbconv.inferenceMode(() => Promise.resolve(1))
// @ts-expect-error nor under autocast
mbconv.autocast({}, async () => {})
// @ts-expect-error nor with a stream
mbconv.cuda.stream(mbconv.cuda.currentStream(), async () => {})
// @ts-expect-error no architecture of the catalogue
const unknown: mbconv.models.ArchName = 'efficientnet_b9'
// @ts-expect-error an element of a tensor of floats is a number
const flag: boolean = mbconv.zeros([]).item()
console.log(unknown, flag)
