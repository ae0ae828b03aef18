/** Which operators of libtorch's dispatcher {@link callOp} does not call, and why. */

/** One rule, for every operator whose full name (`namespace::operator`, no overload) it matches. */
export interface Refusal {
  rule: string
  pattern: RegExp
  /** Why, as the end of a sentence that begins with the operator's name. */
  reason: string
  /** What to call instead, where there is something. */
  instead?: string
}

/**
 * Each rule covers operators that end the process, never end, or read and write beside a tensor when their arguments do
 * not fit, because libtorch checks those in their callers; `npm run sweep:operators` finds them. The first rule that
 * matches counts.
 */
export const REFUSALS: readonly Refusal[] = [
  {
    rule: 'internal operators',
    pattern: /(^|::)_/,
    reason: 'is internal to libtorch and checks nothing',
  },
  {
    rule: 'distributed operators',
    pattern: /^(c10d|symm_mem)::/,
    reason: 'belongs to a process group, which cannot be made here, and checks nothing without one',
  },
  {
    rule: 'operators of compiled and quantized programs',
    pattern:
      /^(inductor|inductor_prims|static_runtime|profiler|mkl|mkldnn|mkldnn_prepacked|onednn|sparse|quantized|quantization)::/,
    reason: 'is part of a compiled or quantized program, whose compiler is trusted to call it rightly',
    instead: 'the operators of aten',
  },
  {
    rule: 'gradients',
    pattern: /^aten::\w+_backward/,
    reason: 'computes a gradient and trusts autograd to call it rightly',
    instead: 'the operator itself, and backward() or grad() of its result',
  },
  {
    rule: 'kernels of one backend',
    pattern: /^aten::((mkldnn|miopen|cudnn|fbgemm|mps)_|\w+_(mps|overrideable)$)/,
    reason: 'is the kernel of one backend, which libtorch chooses itself after it has checked the arguments',
    instead: 'the operator without the name of a backend',
  },
  {
    rule: 'kernels of checked operators',
    pattern:
      /^aten::((slow|thnn)_conv|conv_depthwise3d$|native_(batch|group)_norm$|batch_norm_|rrelu_with_noise|copy$)/,
    reason: 'is a kernel that trusts the operator that calls it to check its arguments',
    instead: 'aten::convolution, aten::batch_norm, aten::group_norm, aten::rrelu or aten::copy_',
  },
  {
    rule: 'operators that only their method checks',
    pattern: /^aten::(ctc_loss|max_pool1d|col2im)$/,
    reason: 'goes where its arguments point without a look',
    instead: 'mb.nn.functional.ctcLoss, maxPool1d or fold, which look first',
  },
  {
    rule: 'recurrent layers',
    pattern: /^aten::(lstm|gru|rnn_tanh|rnn_relu)$/,
    reason: 'trusts torch.nn in Python to check its arguments',
    instead: 'aten::lstm_cell, aten::gru_cell, aten::rnn_tanh_cell or aten::rnn_relu_cell, one step at a time',
  },
  {
    rule: 'quantized and opaque tensors',
    pattern: /^aten::(quantized_|quantize_per_|empty_quantized$|choose_qparams_|fused_moving_avg_|to_mkldnn$)/,
    reason: 'deals in quantized or opaque tensors, which most other operators read wrongly',
    instead: 'aten::fake_quantize_per_tensor_affine for training with rounded numbers',
  },
  {
    rule: 'deprecated operators',
    pattern: /^aten::range$/,
    reason: 'is deprecated, and divides by a step that has become 0 as an integer',
    instead: 'aten::arange',
  },
  {
    rule: 'files',
    pattern: /^aten::from_file$/,
    reason: 'maps a file, which ends the process when the file shrinks, and may create or lengthen it',
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

/** The rule that refuses an operator, given as {@link callOp} takes it. */
export function refusalOf(name: string): Refusal | undefined {
  const operator = operatorOf(name)
  return REFUSALS.find(({ pattern }) => pattern.test(operator))
}
