// Fitting arguments for operators that refuse random ones at their first check. Calls start from these, and most of
// them then spoil one argument or two.

const tensor =
  (dtype, values) =>
  (...shape) => ({ tensor: { shape, dtype, seed: shape.length, values } })
const [f, i, b, q] = [tensor('float32'), tensor('int64'), tensor('bool'), tensor('uint8')]
const ones = tensor('int64', 'ones')
const sparse = (...shape) => ({ tensor: { ...f(...shape).tensor, form: 'sparse' } })
const csr = (...shape) => ({ tensor: { ...f(...shape).tensor, form: 'csr' } })
const quantized = (...shape) => ({ tensor: { ...f(...shape).tensor, form: 'quantized' } })
const mkldnn = (...shape) => ({ tensor: { ...f(...shape).tensor, form: 'mkldnn' } })
const v = (value) => ({ value })
const l = (...values) => ({ list: values.map((value) => (typeof value === 'object' ? value : v(value))) })

const images = (rank) => [1, 2, 5, 6, 4].slice(0, rank + 2)
const each = (rank, value) => l(...Array(rank).fill(value))
const cell = (gates) => ({
  input: f(2, 3),
  hx: f(2, 4),
  w_ih: f(gates * 4, 3),
  w_hh: f(gates * 4, 4),
  b_ih: f(gates * 4),
  b_hh: f(gates * 4),
})
const layer = (gates) => ({
  params: l(f(gates * 4, 3), f(gates * 4, 4), f(gates * 4), f(gates * 4)),
  has_biases: v(true),
  num_layers: v(1),
  bidirectional: v(false),
  batch_first: v(false),
  data: f(6, 3),
  batch_sizes: { tensor: { ...i(3).tensor, content: [3, 2, 1] } },
  input: f(5, 2, 3),
})
const state = (rows) => ({ hx: f(1, rows, 4) })
const states = (rows) => ({ hx: l(f(1, rows, 4), f(1, rows, 4)) })
const convolution = (rank, transposed = false) => ({
  input: f(...images(rank)),
  self: f(...images(rank)),
  weight: f(...(transposed ? [2, 3] : [3, 2]), ...Array(rank).fill(3)),
  bias: f(3),
  kernel_size: each(rank, 3),
  stride: each(rank, 1),
  padding: each(rank, 1),
  dilation: each(rank, 1),
  output_padding: each(rank, 0),
  transposed: v(transposed),
  groups: v(1),
})
const pool = (rank) => ({
  self: f(...images(rank)),
  kernel_size: each(rank, 2),
  stride: each(rank, 1),
  padding: each(rank, 0),
  dilation: each(rank, 1),
  output_size: each(rank, 3),
})
const channels = {
  input: f(3, 2, 4),
  weight: f(2),
  bias: f(2),
  running_mean: f(2),
  running_var: f(2),
  mean: f(2),
  invstd: f(2),
  var: f(2),
  save_mean: f(2),
  save_invstd: f(2),
  training: v(true),
}
const resample = (rank) => ({
  self: f(...images(rank)),
  input: f(...images(rank)),
  output_size: each(rank, 3),
})
const fractional = (rank) => ({
  ...pool(rank),
  random_samples: f(1, 2, rank),
  indices: i(1, 2, ...Array(rank).fill(3)),
})
const classes = { self: f(3, 4), target: i(3), weight: f(4), reduction: v(1), total_weight: f() }
const bags = {
  weight: f(5, 3),
  indices: i(6),
  offsets: { tensor: { ...i(3).tensor, content: [0, 2, 4] } },
  offset2bag: i(6),
  per_sample_weights: f(6),
  mode: v(0),
  sparse: v(false),
}

/** [operators, arguments by name]; the first match counts. */
export const FITTING = [
  [
    /^conv(_transpose)?[123]d|^(thnn|slow|_?mkldnn)?_?conv/,
    (name) => {
      const rank = Number(/(\d)d/.exec(name)?.[1] ?? (/tbc/.test(name) ? 1 : 2))
      if (/tbc/.test(name)) return { self: f(5, 2, 3), weight: f(3, 3, 4), bias: f(4), pad: v(1) }
      const all = convolution(rank, /transpose/.test(name))
      return /depthwise/.test(name) ? { ...all, weight: f(2, 1, ...Array(rank).fill(3)), bias: f(2) } : all
    },
  ],
  [
    /^mkldnn_(max|adaptive)/,
    (name) => ({ ...pool(Number(/(\d)d/.exec(name)[1])), self: mkldnn(...images(Number(/(\d)d/.exec(name)[1]))) }),
  ],
  [/^mkldnn_reorder/, (name) => convolution(Number(/(\d)d/.exec(name)[1]))],
  [/^mkldnn_linear/, () => ({ self: mkldnn(2, 3), weight: mkldnn(4, 3), bias: mkldnn(4) })],
  [/^fractional_max_pool/, (name) => fractional(Number(/(\d)d/.exec(name)[1]))],
  [
    /^max_unpool/,
    (name) => {
      const rank = Number(/(\d)d/.exec(name)[1])
      return {
        ...pool(rank),
        self: f(1, 2, ...Array(rank).fill(2)),
        indices: i(1, 2, ...Array(rank).fill(2)),
        output_size: each(rank, 4),
        stride: each(rank, 2),
      }
    },
  ],
  [
    /^quantized_max_pool/,
    (name) => ({ ...pool(Number(/(\d)d/.exec(name)[1])), self: quantized(...images(Number(/(\d)d/.exec(name)[1]))) }),
  ],
  [
    /pool[123]d/,
    (name) => ({ ...pool(Number(/(\d)d/.exec(name)[1])), indices: i(...images(Number(/(\d)d/.exec(name)[1]))) }),
  ],
  [/^upsample/, (name) => resample(Number(/(\d)d/.exec(name)[1]))],
  [
    /^(reflection|replication)_pad/,
    (name) => {
      const rank = Number(/(\d)d/.exec(name)[1])
      return { self: f(...images(rank)), padding: each(2 * rank, 1) }
    },
  ],
  [/^(pad|constant_pad_nd)$/, () => ({ self: f(1, 2, 5, 5), pad: l(1, 1, 1, 1) })],
  [
    /grid_sampler_3d|grid_sampler$/,
    () => ({ input: f(1, 2, 3, 4, 5), grid: f(1, 2, 2, 2, 3), interpolation_mode: v(0), padding_mode: v(0) }),
  ],
  [/grid_sampler/, () => ({ input: f(1, 2, 4, 5), grid: f(1, 3, 3, 2), interpolation_mode: v(0), padding_mode: v(0) })],
  [/^affine_grid/, () => ({ theta: f(1, 2, 3), size: l(1, 2, 4, 5), grad: f(1, 4, 5, 2) })],
  [
    /^col2im/,
    () => ({
      self: f(1, 8, 12),
      output_size: l(4, 5),
      kernel_size: l(2, 2),
      dilation: l(1, 1),
      padding: l(0, 0),
      stride: l(1, 1),
    }),
  ],
  [
    /^im2col/,
    () => ({ self: f(1, 2, 4, 5), kernel_size: l(2, 2), dilation: l(1, 1), padding: l(0, 0), stride: l(1, 1) }),
  ],
  [/^(quantized_)?batch_norm|^native_batch_norm|^cudnn_batch|^instance_norm/, () => channels],
  [
    /^(native_)?(layer|group)_norm|^rms_norm/,
    () => ({
      input: f(2, 4, 3),
      normalized_shape: l(4, 3),
      weight: f(4),
      bias: f(4),
      N: v(2),
      C: v(4),
      HxW: v(3),
      group: v(2),
      num_groups: v(2),
    }),
  ],
  [
    /ctc_loss\.Tensor/,
    () => ({
      log_probs: f(5, 2, 4),
      targets: ones(2, 3),
      input_lengths: { tensor: { ...i(2).tensor, content: [5, 4] } },
      target_lengths: { tensor: { ...i(2).tensor, content: [2, 1] } },
      blank: v(0),
      reduction: v(1),
    }),
  ],
  [
    /ctc_loss/,
    () => ({
      log_probs: f(5, 2, 4),
      targets: ones(2, 3),
      input_lengths: l(5, 4),
      target_lengths: l(2, 1),
      blank: v(0),
      reduction: v(1),
    }),
  ],
  [/^nll_loss2d/, () => ({ ...classes, self: f(2, 4, 3, 3), target: i(2, 3, 3) })],
  [/^(nll|multi_margin|cross_entropy)/, () => classes],
  [/^multilabel_margin/, () => ({ ...classes, target: i(3, 4) })],
  [/^embedding_bag/, () => bags],
  [/^embedding_renorm/, () => ({ self: f(5, 3), indices: i(4), max_norm: v(1), norm_type: v(2) })],
  [/^embedding/, () => ({ weight: f(5, 3), indices: i(2, 3), grad_output: f(2, 3, 3), num_weights: v(5) })],
  [/^lstm_cell/, () => ({ ...cell(4), hx: l(f(2, 4), f(2, 4)) })],
  [/^gru_cell/, () => cell(3)],
  [/^rnn_(tanh|relu)_cell/, () => cell(1)],
  [/^lstm\.data/, () => ({ ...layer(4), ...states(3) })],
  [/^(quantized_)?lstm(\.|$)/, () => ({ ...layer(4), ...states(2) })],
  [/^gru\.data/, () => ({ ...layer(3), ...state(3) })],
  [/^(quantized_)?gru(\.|$)/, () => ({ ...layer(3), ...state(2) })],
  [/^rnn_\w+\.data/, () => ({ ...layer(1), ...state(3) })],
  [/^rnn_/, () => ({ ...layer(1), ...state(2) })],
  [
    /^quantized_.*cell/,
    (name) => {
      const gates = /lstm/.test(name) ? 4 : /gru/.test(name) ? 3 : 1
      const all = {
        ...cell(gates),
        packed_ih: q(gates * 4, 3),
        packed_hh: q(gates * 4, 4),
        col_offsets_ih: i(gates * 4),
        col_offsets_hh: i(gates * 4),
      }
      if (gates === 4) all.hx = l(f(2, 4), f(2, 4))
      return all
    },
  ],
  [
    /^mkldnn_rnn_layer/,
    () => ({
      input: f(5, 2, 3),
      weight0: f(16, 3),
      weight1: f(16, 4),
      weight2: f(16),
      weight3: f(16),
      hx_: f(2, 4),
      cx_: f(2, 4),
      reverse: v(false),
      batch_sizes: l(),
      mode: v(2),
      hidden_size: v(4),
      num_layers: v(1),
      has_biases: v(true),
      bidirectional: v(false),
      batch_first: v(false),
      train: v(false),
    }),
  ],
  [/^(thnn_|_)?fused/, () => cell(4)],
  [/^addbmm/, () => ({ self: f(3, 5), batch1: f(2, 3, 4), batch2: f(2, 4, 5) })],
  [
    /^(baddbmm|bmm)/,
    () => ({ self: f(2, 3, 4), mat2: f(2, 4, 5), batch1: f(2, 3, 4), batch2: f(2, 4, 4), out_dtype: v('float32') }),
  ],
  [/^addmv/, () => ({ self: f(3), mat: f(3, 4), vec: f(4) })],
  [/^(mv)/, () => ({ self: f(3, 4), vec: f(4) })],
  [
    /^(addmm|sspaddmm|sparse_sampled_addmm)/,
    (name) => ({
      self: name.startsWith('sparse') ? csr(3, 5) : name.startsWith('ss') ? sparse(3, 5) : f(3, 5),
      mat1: name.startsWith('ss') ? sparse(3, 4) : f(3, 4),
      mat2: f(4, 5),
    }),
  ],
  [
    /^(mm|matmul|smm|hspmm|linalg_matmul)/,
    () => ({ self: f(3, 4), mat2: f(4, 5), other: f(4, 5), mat1: sparse(3, 4), out_dtype: v('float32') }),
  ],
  [/^(vdot|dot|inner|ger|outer)/, () => ({ self: f(4), other: f(4), tensor: f(4), vec2: f(4) })],
  [
    /^(linalg_lu_solve|lu_solve|lu_unpack)/,
    () => ({
      LU: f(3, 3),
      pivots: ones(3),
      B: f(3, 2),
      self: f(3, 2),
      LU_data: f(3, 3),
      LU_pivots: { tensor: { ...ones(3).tensor, dtype: 'int32' } },
    }),
  ],
  [
    /^(orgqr|ormqr|linalg_householder_product)/,
    () => ({ self: f(4, 3), input: f(4, 3), tau: f(3), input2: f(3), input3: f(4, 2) }),
  ],
  [
    /^(linalg_|cholesky|inverse|logdet|det|slogdet|triangular_solve|geqrf|qr|svd|matrix_exp|matrix_power|pinverse)/,
    () => ({
      self: f(3, 3),
      A: f(3, 3),
      input: f(3, 3),
      B: f(3, 2),
      b: f(3, 2),
      LD: f(3, 3),
      pivots: ones(3),
      tau: f(3),
      other: f(3, 2),
      n: v(3),
      ind: v(1),
      x: f(3),
      M: f(3, 3),
      p: v('fro'),
    }),
  ],
  [/^where/, () => ({ condition: b(2, 3), self: f(2, 3), other: f(2, 3) })],
  [/^masked_/, () => ({ self: f(2, 3), mask: b(2, 3), source: f(6), value: f() })],
  [/^sparse_mask/, () => ({ self: f(2, 3), mask: sparse(2, 3) })],
  [/^sparse_resize/, () => ({ self: sparse(2, 3), size: l(4, 5), sparse_dim: v(2), dense_dim: v(0) })],
  [/^sparse_coo_tensor/, () => ({ indices: i(2, 3), values: f(3), size: l(4, 4) })],
  [
    /^sparse_(csr|csc|compressed)/,
    () => ({
      crow_indices: { tensor: { ...i(3).tensor, content: [0, 1, 2] } },
      ccol_indices: { tensor: { ...i(3).tensor, content: [0, 1, 2] } },
      compressed_indices: { tensor: { ...i(3).tensor, content: [0, 1, 2] } },
      col_indices: { tensor: { ...i(2).tensor, content: [0, 1] } },
      row_indices: { tensor: { ...i(2).tensor, content: [0, 1] } },
      plain_indices: { tensor: { ...i(2).tensor, content: [0, 1] } },
      values: f(2),
      size: l(2, 2),
    }),
  ],
  [
    /^sparse_bs[rc]/,
    () => ({
      crow_indices: { tensor: { ...i(3).tensor, content: [0, 1, 2] } },
      ccol_indices: { tensor: { ...i(3).tensor, content: [0, 1, 2] } },
      col_indices: { tensor: { ...i(2).tensor, content: [0, 1] } },
      row_indices: { tensor: { ...i(2).tensor, content: [0, 1] } },
      values: f(2, 2, 2),
      size: l(4, 4),
    }),
  ],
  [
    /^(crow|ccol|col|row)_indices|^values_copy|^to_sparse_|^resize_as_sparse|^copy_sparse/,
    (name) => ({ self: /^(ccol|row)/.test(name) ? csr(3, 4) : csr(3, 4), the_template: csr(2, 3), src: sparse(3, 4) }),
  ],
  [/^(indices|values|coalesce|is_coalesced|sparse_dim|dense_dim|to_dense)/, () => ({ self: sparse(3, 4) })],
  [/^q_|^int_repr|^dequantize/, () => ({ self: quantized(3, 4), tensors: l(quantized(3), quantized(2, 2)) })],
  [/^quantize_per_tensor/, () => ({ self: f(3, 4), scale: v(0.1), zero_point: v(3), dtype: v(13) })],
  [
    /^quantize_per_channel|^fake_quantize_per_channel/,
    () => ({
      self: f(3, 4),
      scales: f(4),
      scale: f(4),
      zero_points: i(4),
      zero_point: { tensor: { ...i(4).tensor, dtype: 'int32' } },
      axis: v(1),
      quant_min: v(0),
      quant_max: v(255),
    }),
  ],
  [
    /^fake_quantize|^fused_moving/,
    () => ({
      self: f(3, 4),
      observer_on: ones(1),
      fake_quant_on: ones(1),
      running_min: f(1),
      running_max: f(1),
      scale: f(1),
      zero_point: { tensor: { ...i(1).tensor, dtype: 'int32' } },
      averaging_const: v(0.1),
      quant_min: v(0),
      quant_max: v(255),
      ch_axis: v(0),
    }),
  ],
  [/^histogramdd/, () => ({ self: f(5, 2), bins: l(f(4), f(3)), weight: f(5), range: l(0, 1, 0, 1) })],
  [/^histogram|^histc/, () => ({ self: f(6), bins: v(4), weight: f(6), range: l(0, 1) })],
  [
    /^(stft|istft)/,
    () => ({
      self: f(2, 40),
      n_fft: v(8),
      hop_length: v(4),
      win_length: v(8),
      window: f(8),
      return_complex: v(true),
      align_to_window: v(false),
      center: v(true),
    }),
  ],
  [
    /^segment_reduce/,
    () => ({
      data: f(6, 2),
      lengths: { tensor: { ...i(3).tensor, content: [1, 2, 3] } },
      offsets: { tensor: { ...i(4).tensor, content: [0, 1, 3, 6] } },
      indices: i(3),
      axis: v(0),
    }),
  ],
  [/^(index_put|index)(_|\.|$)/, () => ({ self: f(4, 3), indices: l(i(3)), values: f(3) })],
  [
    /^(index_|scatter|gather|take_along|take|put)/,
    () => ({ self: f(4, 3), dim: v(0), index: i(4, 3), src: f(4, 3), source: f(4, 3), value: v(1), indices: i(4, 3) }),
  ],
  [/^(searchsorted|bucketize)/, () => ({ sorted_sequence: f(2, 4), boundaries: f(4), self: f(2, 3), sorter: i(2, 4) })],
  [/^(repeat_interleave)/, () => ({ self: f(3, 2), repeats: i(3) })],
  [/^(as_strided)/, () => ({ self: f(12), size: l(2, 3), stride: l(3, 1), storage_offset: v(1), src: f(2, 3) })],
  [/^(multinomial)/, () => ({ self: f(2, 5), num_samples: v(2), replacement: v(true) })],
  [/^(bincount)/, () => ({ self: i(6), weights: f(6), minlength: v(3) })],
  [/^(bitwise_|gcd|lcm|__)/, () => ({ self: i(2, 3), other: ones(2, 3) })],
  [
    /^(scaled_dot_product|native_multi|transformer)/,
    () => ({ query: f(1, 2, 4, 3), key: f(1, 2, 5, 3), value: f(1, 2, 5, 3), attn_mask: f(4, 5) }),
  ],
  [/^(bilinear)/, () => ({ input1: f(2, 3), input2: f(2, 4), weight: f(5, 3, 4), bias: f(5) })],
  [/^(linear)/, () => ({ input: f(2, 3), weight: f(4, 3), bias: f(4) })],
  [/^(cdist)/, () => ({ x1: f(3, 4), x2: f(5, 4), p: v(2) })],
  [
    /^(pixel_|channel_shuffle)/,
    () => ({ self: f(1, 4, 4, 4), upscale_factor: v(2), downscale_factor: v(2), groups: v(2) }),
  ],
  [/^(unfold)/, () => ({ self: f(5, 4), dimension: v(0), size: v(2), step: v(1) })],
  [/^linspace|^logspace/, () => ({ start: f(), end: f(), steps: v(5) })],
  [/^randint_like/, () => ({ self: f(2, 3), high: ones(), low: v(0) })],
]
