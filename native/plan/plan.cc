#include "plan/plan.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <chrono>

#include "binding/error.h"
#include "kernels/cpu/dispatch.h"

namespace mbconv::plan {

namespace {

// Sizes of images whose arenas are kept.
constexpr size_t kSizes = 4;

const float* data(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

Weights packed(const Layer& layer, const std::vector<at::Tensor>& tensors, const kernels::Table& table) {
  using kernels::PackedMatrix;
  std::vector<at::Tensor> own;
  const auto of = [&](int i) {
    own.push_back(tensors[layer.tensor + i].detach().contiguous());
    return data(own.back());
  };
  own.reserve(4);
  switch (layer.op) {
    case Op::conv: {
      const auto order = layer.input == 0 ? PackedMatrix::Order::pixels : PackedMatrix::Order::blocks;
      const float* weights = of(0);
      return std::make_unique<PackedMatrix>(weights, of(1), layer.outputs, layer.inputs, layer.kernel, order, table);
    }
    case Op::linear: {
      const float* weights = of(0);
      return std::make_unique<PackedMatrix>(weights, of(1), layer.outputs, layer.inputs, 1, PackedMatrix::Order::blocks,
                                            table);
    }
    case Op::depthwise: {
      const float* weights = of(0);
      return std::make_unique<kernels::PackedDepthwise>(weights, of(1), layer.outputs, layer.kernel, table);
    }
    case Op::squeezeExcite: {
      const float* first = of(0);
      const float* firstBias = of(1);
      const float* second = of(2);
      return std::make_unique<kernels::PackedSqueezeExcite>(first, firstBias, second, of(3), layer.inputs,
                                                            layer.squeezed, table);
    }
    case Op::maxPool:
    case Op::globalPool:
      return {};
  }
  return {};
}

}  // namespace

const kernels::PackedMatrix& Network::matrix(int layer) const {
  return *std::get<std::unique_ptr<kernels::PackedMatrix>>(weights[layer]);
}
const kernels::PackedDepthwise& Network::depthwise(int layer) const {
  return *std::get<std::unique_ptr<kernels::PackedDepthwise>>(weights[layer]);
}
const kernels::PackedSqueezeExcite& Network::squeezeExcite(int layer) const {
  return *std::get<std::unique_ptr<kernels::PackedSqueezeExcite>>(weights[layer]);
}

Plan::Plan(std::vector<Layer> layers, std::vector<at::Tensor> tensors) : tensors_(std::move(tensors)) {
  network_ = std::make_unique<Network>(Network{kernels::table(), std::move(layers), {}, {}});
  const std::vector<Layer>& all = network_->layers;
  network_->readers.assign(all.size() + 1, 0);
  firstLinear_ = all.size();
  for (size_t index = 0; index < all.size(); ++index) {
    for (const int value : {all[index].input, all[index].residual, all[index].gate})
      if (value >= 0) network_->readers[value] += 1;
    const bool isLinear = all[index].op == Op::linear;
    if (isLinear && firstLinear_ == all.size()) firstLinear_ = index;
    if (!isLinear && firstLinear_ < index) throw Error("ERR_VALUE", "a linear layer must be among the last");
    if (isLinear && all[index].input != static_cast<int>(index))
      throw Error("ERR_VALUE", "linear layers must be in a row");
    if ((index == 0) != (all[index].input == 0)) throw Error("ERR_VALUE", "the first layer alone must read the image");
  }
  if (all[0].op != Op::conv || !(all[0].residual < 0 && all[0].gate < 0))
    throw Error("ERR_VALUE", "the first layer must be a convolution");
  if (firstLinear_ == 0 || all[firstLinear_ - 1].op != Op::globalPool)
    throw Error("ERR_VALUE", "a pooling over all pixels must come before linear layers");
  pooled_ = static_cast<int>(firstLinear_);
}

void Plan::pack() {
  std::vector<int64_t> versions;
  versions.reserve(tensors_.size());
  // Tensors made in inference mode count no versions: they cannot be changed in place outside it.
  for (const at::Tensor& tensor : tensors_)
    versions.push_back(tensor.is_inference() ? 0 : static_cast<int64_t>(tensor._version()));
  if (versions == versions_ && !network_->weights.empty()) return;
  // Steps refer to the packed weights.
  sizes_.clear();
  network_->weights.clear();
  // All or none: memory may run out on the way, and the next run must not take a part for the whole.
  std::vector<Weights> weights;
  for (const Layer& layer : network_->layers) weights.push_back(packed(layer, tensors_, network_->table));
  network_->weights = std::move(weights);
  versions_ = std::move(versions);
}

void Plan::drop() {
  sizes_.clear();
  network_->weights.clear();
}

Plan::Sized& Plan::sized(int height, int width) {
  for (auto it = sizes_.begin(); it != sizes_.end(); ++it) {
    if (it->height != height || it->width != width) continue;
    sizes_.splice(sizes_.begin(), sizes_, it);
    return sizes_.front();
  }
  Sized made{height, width, std::make_unique<Geometry>(network_->table, network_->layers.size() + 1), {}, {}, {}};
  made.steps = makeSteps(*network_, height, width, *made.geometry);
  // The last value is read after the last step.
  made.geometry->useValue(pooled_, static_cast<int>(made.steps.size()));
  made.geometry->arrange();
  if (sizes_.size() == kSizes) sizes_.pop_back();
  sizes_.push_front(std::move(made));
  return sizes_.front();
}

void Plan::computeImages(Sized& sized, const at::Tensor& images, kernels::Borrowed& crew, float* pooled) {
  const Geometry& geometry = *sized.geometry;
  const int threads = crew.threads();
  const int64_t count = images.size(0);
  // Each thread computes images alone, as long as there is one for each; the threads share the images that are left.
  const int64_t alone = threads > 1 ? count / threads * threads : count;
  const size_t side = alone > 0 ? threads : 1;
  while (sized.arenas.size() < side) sized.arenas.emplace_back(geometry.arena());
  while (sized.scratch.size() < static_cast<size_t>(threads)) sized.scratch.emplace_back(geometry.scratch);
  std::vector<float*> scratch;
  scratch.reserve(sized.scratch.size());
  for (const kernels::Buffer& buffer : sized.scratch) scratch.push_back(buffer.data());
  const size_t floats = geometry.floats(geometry.shapes[pooled_]);
  const auto compute = [&](int64_t image, int arena, const std::vector<float*>& memory, kernels::Borrowed* shared) {
    Run run{geometry,
            sized.arenas[arena].data(),
            memory,
            shared,
            {data(images) + image * images.stride(0), images.stride(1), images.stride(2), images.stride(3)}};
    for (const auto& step : sized.steps) step->run(run);
    std::copy_n(run.value(pooled_), floats, pooled + image * static_cast<int64_t>(floats));
  };
  std::vector<std::vector<float*>> own;
  own.reserve(scratch.size());
  for (float* memory : scratch) own.push_back({memory});
  crew.each(static_cast<int>(alone), [&](int image, int thread) { compute(image, thread, own[thread], nullptr); });
  for (int64_t image = alone; image < count; ++image) compute(image, 0, scratch, &crew);
}

at::Tensor Plan::computeLinear(const float* pooled, int64_t images, kernels::Borrowed& crew) const {
  const kernels::Table& table = network_->table;
  const auto filled = [&](int channels) { return static_cast<size_t>(kernels::roundedUp(channels, table.lanes)); };
  const int channels = network_->layers[firstLinear_ - 1].outputs;
  int outputs = channels;
  size_t row = filled(channels);
  kernels::Buffer held;
  for (size_t index = firstLinear_; index < network_->layers.size(); ++index) {
    const Layer& layer = network_->layers[index];
    const kernels::PackedMatrix& matrix = network_->matrix(static_cast<int>(index));
    outputs = layer.outputs;
    const size_t nextRow = filled(outputs);
    kernels::Buffer next(nextRow * images);
    std::vector<ptrdiff_t> segments;
    for (int at = 0; at < matrix.depth; at += kernels::kMaxSegment) segments.push_back(at);
    crew.each(static_cast<int>(matrix.panels.size()), [&](int task, int) {
      const kernels::PackedMatrix::Panel& panel = matrix.panels[task];
      kernels::Product product;
      product.input = pooled;
      product.inputPixel = static_cast<ptrdiff_t>(row);
      product.segments = segments.data();
      product.segmentLength = kernels::kMaxSegment;
      product.depth = matrix.depth;
      product.panel = matrix.panel(panel);
      product.vectors = panel.vectors;
      product.pixels = static_cast<int>(images);
      product.output = next.data() + static_cast<size_t>(panel.first) * table.lanes;
      product.outputPixel = static_cast<ptrdiff_t>(nextRow);
      product.outputVector = table.lanes;
      product.epilogue.bias = matrix.panelBias(panel);
      product.epilogue.activation = layer.activation;
      table.product(product);
    });
    held = std::move(next);
    pooled = held.data();
    row = nextRow;
  }
  at::Tensor result = at::empty({images, outputs}, at::kFloat);
  for (int64_t image = 0; image < images; ++image)
    std::copy_n(pooled + image * static_cast<int64_t>(row), outputs,
                result.mutable_data_ptr<float>() + image * outputs);
  return result;
}

void Plan::check(const at::Tensor& images) const {
  if (!images.device().is_cpu() || images.scalar_type() != at::kFloat || images.layout() != at::kStrided)
    throw Error("ERR_TYPE", "images must be float32 on the CPU");
  if (images.dim() != 4 || images.size(1) != network_->layers[0].inputs)
    throw Error("ERR_SHAPE", "images must be [N, channels, height, width]");
  constexpr int64_t kMostSide = 1 << 14;
  if (images.size(2) > kMostSide || images.size(3) > kMostSide)
    throw Error("ERR_SHAPE", "an image has more than 16,384 px a side");
}

at::Tensor Plan::run(const at::Tensor& given) {
  check(given);
  const at::Tensor images = given.resolve_neg();
  pack();
  Sized& sized = this->sized(static_cast<int>(images.size(2)), static_cast<int>(images.size(3)));
  kernels::Borrowed crew(at::get_num_threads());
  const int64_t count = images.size(0);
  kernels::Buffer pooled(sized.geometry->floats(sized.geometry->shapes[pooled_]) * count);
  computeImages(sized, images, crew, pooled.data());
  return computeLinear(pooled.data(), count, crew);
}

std::vector<Plan::Timed> Plan::profile(const at::Tensor& images, int runs) {
  using Clock = std::chrono::steady_clock;
  if (images.dim() != 4 || images.size(0) < 1 || runs < 1)
    throw Error("ERR_VALUE", "a profile needs an image and a run");
  const at::Tensor first = images.narrow(0, 0, 1).resolve_neg();
  run(first);  // warms up, and makes the arena
  Sized& sized = this->sized(static_cast<int>(images.size(2)), static_cast<int>(images.size(3)));
  kernels::Borrowed crew(at::get_num_threads());
  std::vector<float*> scratch;
  while (sized.scratch.size() < static_cast<size_t>(crew.threads()))
    sized.scratch.emplace_back(sized.geometry->scratch);
  scratch.reserve(sized.scratch.size());
  for (const kernels::Buffer& buffer : sized.scratch) scratch.push_back(buffer.data());
  const Run each{*sized.geometry,
                 sized.arenas[0].data(),
                 scratch,
                 &crew,
                 {data(first), first.stride(1), first.stride(2), first.stride(3)}};
  std::vector<std::vector<double>> times(sized.steps.size());
  for (int i = 0; i < runs; ++i) {
    for (size_t step = 0; step < sized.steps.size(); ++step) {
      const auto begin = Clock::now();
      sized.steps[step]->run(each);
      times[step].push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
  }
  std::vector<Timed> result;
  for (size_t step = 0; step < sized.steps.size(); ++step) {
    std::vector<double>& own = times[step];
    std::nth_element(own.begin(), own.begin() + static_cast<ptrdiff_t>(own.size() / 2), own.end());
    result.push_back({sized.steps[step]->work(), own[own.size() / 2]});
  }
  return result;
}

size_t Plan::bytes() const {
  size_t floats = 0;
  for (const Sized& sized : sizes_) {
    for (const kernels::Buffer& buffer : sized.arenas) floats += buffer.size();
    for (const kernels::Buffer& buffer : sized.scratch) floats += buffer.size();
  }
  for (const Weights& weights : network_->weights) {
    if (const auto* matrix = std::get_if<std::unique_ptr<kernels::PackedMatrix>>(&weights))
      floats += (*matrix)->weights.size() + (*matrix)->bias.size();
    if (const auto* depthwise = std::get_if<std::unique_ptr<kernels::PackedDepthwise>>(&weights))
      floats += (*depthwise)->weights.size() + (*depthwise)->bias.size();
    if (const auto* gate = std::get_if<std::unique_ptr<kernels::PackedSqueezeExcite>>(&weights))
      floats += (*gate)->first.size() + (*gate)->second.size();
  }
  return floats * sizeof(float);
}

}  // namespace mbconv::plan
