// Compiled, never run: what users write in TypeScript has to pass the compiler, and what is wrong must not.
import mbconv, { type DType, MbconvError, type Tensor, type TrainConfigInput, tensor, train } from 'mbconv'

const x: Tensor = tensor([[1, 2]], { dtype: 'float64', requiresGrad: true })
const shape: number[] = x.add(1).mul(x).sum({ dim: 0, keepdim: true }).shape
const dtype: DType = x.dtype
{
  using scoped = mbconv.zeros(shape, { dtype })
  scoped.fill_(1)
}
const numbers: number = mbconv.scope(() => x.sum().item() as number)
const model = mbconv.models.create('efficientnet_b0', { numClasses: numbers, seed: 0 }).eval()
const logits: Tensor = mbconv.noGrad(() => model.forward(mbconv.randn([1, 3, 224, 224])))
const { values, indices } = logits.softmax(1).topk(5)
const config: TrainConfigInput = { model: { name: 'efficientnet_b0' }, data: { dataset: 'digits' }, epochs: 1 }
const run = train(config, { signal: new AbortController().signal })
for await (const event of run) if (event.type === 'eval') console.log(event.top1, values, indices)
console.log((await run.result).top1)
try {
  mbconv.callOp('aten::relu', [x])
} catch (error) {
  if (error instanceof MbconvError && error.code === 'ERR_DISPOSED') console.log(error.op, error.hint)
}

// @ts-expect-error a dtype that does not exist
tensor([1], { dtype: 'float8' })
// @ts-expect-error strings are no data
tensor(['1'])
// @ts-expect-error an unknown optimiser
train({ optimizer: { name: 'lion', lr: 1 }, epochs: 1 })
