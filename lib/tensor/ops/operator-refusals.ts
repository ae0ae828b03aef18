/** The operators of libtorch's dispatcher that {@link callOp} refuses, and why. */

/** One rule, for every operator whose full name (`namespace::operator`, no overload) it matches. */
export interface Refusal {
  rule: string
  pattern: RegExp
  /** The reason: the rest of a sentence that begins with the operator's name. */
  reason: string
  /** What to call instead, if there is an alternative. */
  instead?: string
}

/**
 * Each rule covers operators that end the process, never return, or access memory outside a tensor when they get
 * invalid arguments, because libtorch checks the arguments in their callers. `npm run sweep:operators` finds such
 * operators. The first rule that matches applies.
 */
export const REFUSALS: readonly Refusal[] = [
  {
    rule: 'internal operators',
    pattern: /(^|::)_/,
    reason: 'is internal to libtorch and does not check its arguments',
  },
  {
    rule: 'distributed operators',
    pattern: /^(c10d|symm_mem)::/,
    reason: 'needs a process group, which cannot be created here, and does not check its arguments without one',
  },
  {
    rule: 'operators of compiled and quantized programs',
    pattern:
      /^(inductor|inductor_prims|static_runtime|profiler|mkl|mkldnn|mkldnn_prepacked|onednn|sparse|quantized|quantization)::/,
    reason: 'belongs to compiled or quantized programs and relies on their compiler for valid arguments',
    instead: 'the operators of aten',
  },
  {
    rule: 'gradients',
    pattern: /^aten::\w+_backward/,
    reason: 'computes a gradient and relies on autograd for valid arguments',
    instead: 'the operator itself, then backward() or grad() of its result',
  },
  {
    rule: 'kernels of one backend',
    pattern: /^aten::((mkldnn|miopen|cudnn|fbgemm|mps)_|\w+_(mps|overrideable)$)/,
    reason: 'is the kernel of one backend; libtorch selects it after checking the arguments',
    instead: 'the operator without the name of a backend',
  },
  {
    rule: 'kernels of checked operators',
    pattern:
      /^aten::((slow|thnn)_conv|conv_depthwise3d$|native_(batch|group)_norm$|batch_norm_|rrelu_with_noise|copy$)/,
    reason: 'is a kernel that relies on its calling operator to check the arguments',
    instead: 'aten::convolution, aten::batch_norm, aten::group_norm, aten::rrelu or aten::copy_',
  },
  {
    rule: 'operators that are checked only by their method',
    pattern: /^aten::(ctc_loss|max_pool1d|col2im)$/,
    reason: 'accesses memory at positions given by its arguments without checking them',
    instead: 'mb.nn.functional.ctcLoss, maxPool1d or fold, which check first',
  },
  {
    rule: 'recurrent layers',
    pattern: /^aten::(lstm|gru|rnn_tanh|rnn_relu)$/,
    reason: 'relies on torch.nn in Python to check its arguments',
    instead: 'aten::lstm_cell, aten::gru_cell, aten::rnn_tanh_cell or aten::rnn_relu_cell, one step at a time',
  },
  {
    rule: 'quantized and opaque tensors',
    pattern: /^aten::(quantized_|quantize_per_|empty_quantized$|choose_qparams_|fused_moving_avg_|to_mkldnn$)/,
    reason: 'works on quantized or opaque tensors, which most other operators misread',
    instead: 'aten::fake_quantize_per_tensor_affine for training with rounded numbers',
  },
  {
    rule: 'deprecated operators',
    pattern: /^aten::range$/,
    reason: 'is deprecated, and divides by its step even if the step became 0 as an integer',
    instead: 'aten::arange',
  },
  {
    rule: 'files',
    pattern: /^aten::from_file$/,
    reason: 'maps a file and ends the process if the file shrinks; it may also create or extend the file',
    instead: 'the readers of this package',
  },
]

/** 'add' and 'aten::add.out' as 'aten::add'. */
export function operatorOf(name: string): string {
  const colons = name.indexOf('::')
  const full = colons < 0 ? `aten::${name}` : name
  const dot = full.indexOf('.', full.indexOf('::'))
  return dot < 0 ? full : full.slice(0, dot)
}

/** The rule that refuses an operator, whose name is given as for {@link callOp}. */
export function refusalOf(name: string): Refusal | undefined {
  const operator = operatorOf(name)
  return REFUSALS.find(({ pattern }) => pattern.test(operator))
}
