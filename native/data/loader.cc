// The loader of photographs: a batch is one call, which reads, decodes, crops and resizes its images on threads of the
// loader's own. lib/data/photos/ is its face.
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <tuple>

#include "binding/bind.h"
#include "binding/handle.h"
#include "data/photo.h"
#include "data/pool.h"
#include "decode/unreadable.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

constexpr int kMostThreads = 256;
constexpr int kMostSide = 4096;  // of a batch's images, px

// What became of an image: 0 done, 1 another decoder may read it, 2 unreadable; with the reason.
struct Outcome {
  int64_t kind = 0;
  std::string reason;
};

// An epoch that is being loaded. Its batches can be given up together.
struct PhotoRun {
  std::atomic<bool> cancelled = false;

  void check() const {
    if (cancelled) throw Error("ERR_ABORTED", "the epoch has been given up");
  }
};

class PhotoLoader {
 public:
  PhotoLoader(std::shared_ptr<const TurboJpeg> turbo, const PhotoOptions& options, int threads)
      : options(options), maker(options), turbo_(std::move(turbo)), pool_(threads) {
    free_.reserve(kMostThreads);  // so that returning one does not allocate
  }

  const PhotoOptions options;
  PhotoMaker maker;

  // Calls work(image, workspace) for each image of a batch, on the threads.
  template <class Work>
  void forEach(size_t count, const Work& work) {
    pool_.run(count, [&](size_t i) {
      const Lease lease(*this);
      work(i, *lease.space);
    });
  }

  // Ends the threads after the images that they are at, and frees their memory.
  void close() {
    pool_.stop();
    const std::lock_guard lock(mutex_);
    free_.clear();
  }

 private:
  // A workspace for the time of one image.
  struct Lease {
    explicit Lease(PhotoLoader& loader) : loader(loader) {
      {
        const std::lock_guard lock(loader.mutex_);
        if (!loader.free_.empty()) {
          space = std::move(loader.free_.back());
          loader.free_.pop_back();
        }
      }
      if (!space) space = std::make_unique<Workspace>(loader.turbo_);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      const std::lock_guard lock(loader.mutex_);
      loader.free_.push_back(std::move(space));
    }

    PhotoLoader& loader;
    std::unique_ptr<Workspace> space;
  };

  const std::shared_ptr<const TurboJpeg> turbo_;
  std::mutex mutex_;  // of the list
  std::vector<std::unique_ptr<Workspace>> free_;
  Pool pool_;  // last, so that its threads end before what they use
};

}  // namespace

template <>
struct HandleKind<const TurboJpeg> {
  static constexpr napi_type_tag tag = {0x6d62636f6e764a70, 0x6567000000000001};
  static constexpr const char* name = "a JPEG library";
};

template <>
struct HandleKind<PhotoLoader> {
  static constexpr napi_type_tag tag = {0x6d62636f6e765068, 0x6f746f0000000001};
  static constexpr const char* name = "a loader of photographs";
};

template <>
struct HandleKind<PhotoRun> {
  static constexpr napi_type_tag tag = {0x6d62636f6e765068, 0x6f746f0000000002};
  static constexpr const char* name = "an epoch of photographs";
};

namespace {

std::shared_ptr<const TurboJpeg> loadJpegLibrary(std::vector<std::string> paths) { return loadTurboJpeg(paths); }

// Its path, and the version's second number: 1 for 3.1 and newer.
std::tuple<std::string, int64_t> describeJpegLibrary(std::shared_ptr<const TurboJpeg> library) {
  return {library->path, library->minor};
}

Napi::Uint8Array bytesOf(const Env& env, Napi::Value value, const char* name) {
  if (value.IsTypedArray()) {
    auto bytes = value.As<Napi::Uint8Array>();
    if (bytes.TypedArrayType() == napi_uint8_array) return bytes;
  }
  throw Error("ERR_TYPE", std::string(name) + " must be a Uint8Array, got " + describe(env, value));
}

// Decodes a whole JPEG file as Pillow does, upright, to [height, width, 3] bytes. A file that cannot be decoded is
// ERR_DATA.
Task decodeJpeg(Env& env, std::shared_ptr<const TurboJpeg> library, Napi::Value encoded) {
  const auto given = bytesOf(env, encoded, "bytes");
  // A copy: JavaScript could transfer the bytes away while they are read.
  const auto bytes = std::make_shared<std::vector<uint8_t>>(given.Data(), given.Data() + given.ElementLength());
  const auto result = std::make_shared<Tensor>();
  return {[library, bytes, result] {
            JpegDecoder jpeg(library);
            Buffer decoded, upright;
            try {
              const View view = decodeWhole(jpeg, *bytes, decoded, upright);
              *result = at::empty({view.height, view.width, 3}, at::kByte);
              auto* to = result->mutable_data_ptr<uint8_t>();
              for (int y = 0; y < view.height; ++y) {
                const uint8_t* from = view.row(y);
                for (int x = 0; x < view.width; ++x, from += kPixelBytes, to += 3) std::copy(from, from + 3, to);
              }
            } catch (const std::runtime_error& problem) {
              throw Error("ERR_DATA", problem.what());
            }
          },
          [&env, result](Napi::Env) { return toJs(env, *result); }};
}

// Resizes [height, width, 3] bytes as Pillow's Image.resize. `box` is the part to stretch: left, top, right, bottom.
Tensor resizePixels(const Tensor& image, std::vector<int64_t> size, std::string filter, std::vector<double> box) {
  if (image.scalar_type() != at::kByte || !image.is_cpu() || image.dim() != 3 || image.size(2) != 3 ||
      image.numel() == 0)
    throw Error("ERR_SHAPE", "image must be uint8[height, width, 3] on the CPU, got " + describe(image));
  const auto chosen = resamplingNamed(filter);
  if (!chosen) throw Error("ERR_VALUE", "unknown filter '" + filter + "'; known: bilinear, bicubic");
  const int64_t height = image.size(0), width = image.size(1);
  if (height > 65535 || width > 65535) throw Error("ERR_SHAPE", "an image has at most 65535 rows and columns");
  if (size.size() != 2 || *std::min_element(size.begin(), size.end()) < 1 ||
      *std::max_element(size.begin(), size.end()) > 65535)
    throw Error("ERR_VALUE", "size must be [height, width], each from 1 to 65535");
  if (box.size() != 4) throw Error("ERR_VALUE", "box must be [left, top, right, bottom]");
  if (!(box[0] >= 0 && box[1] >= 0 && box[2] > box[0] && box[3] > box[1] && box[2] <= static_cast<double>(width) &&
        box[3] <= static_cast<double>(height)))
    throw Error("ERR_VALUE", "box must lie in the image and not be empty");
  const auto axis = [&](int64_t source, double from, double to, int64_t length) {
    const int result = static_cast<int>(length);
    return axisOf(static_cast<int>(source), static_cast<float>(from), static_cast<float>(to), result, {0, result},
                  *chosen);
  };
  const Axis columns = axis(width, box[0], box[2], size[1]), rows = axis(height, box[1], box[3], size[0]);
  const Tensor pixels = image.contiguous();
  const auto* from = pixels.const_data_ptr<uint8_t>();
  std::vector<uint8_t> four(static_cast<size_t>(height * width) * kPixelBytes);
  for (int64_t i = 0; i < height * width; ++i) std::copy(from + 3 * i, from + 3 * i + 3, four.data() + 4 * i);
  const size_t stride = static_cast<size_t>(width) * kPixelBytes;
  const View view{four.data() + rows.used.from * stride + columns.used.from * kPixelBytes, stride,
                  columns.used.length(), rows.used.length()};
  Buffer narrow;
  std::vector<uint8_t> resized(static_cast<size_t>(size[0] * size[1]) * kPixelBytes);
  resize(view, columns, rows, narrow, resized.data());
  Tensor result = at::empty({size[0], size[1], 3}, at::kByte);
  auto* to = result.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < size[0] * size[1]; ++i) std::copy_n(resized.data() + 4 * i, 3, to + 3 * i);
  return result;
}

CropOptions cropOptions(const std::vector<int64_t>& size, const std::string& crop, const std::vector<double>& scale,
                        const std::vector<double>& ratio, int64_t shorter, const std::vector<int64_t>& fill,
                        const std::string& interpolation, double flip) {
  CropOptions options;
  if (size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > kMostSide || size[1] > kMostSide)
    throw Error("ERR_VALUE", "size must be [height, width], each from 1 to 4096");
  options.height = static_cast<int>(size[0]);
  options.width = static_cast<int>(size[1]);
  const auto kind = cropNamed(crop);
  if (!kind) throw Error("ERR_VALUE", "unknown crop '" + crop + "'; known: random, center, whole, pad");
  options.kind = *kind;
  if (scale.size() != 2 || !(scale[0] > 0 && scale[0] <= scale[1] && scale[1] <= 1))
    throw Error("ERR_VALUE", "scale must be two rising shares above 0 and up to 1");
  std::copy(scale.begin(), scale.end(), options.scale);
  if (ratio.size() != 2 || !(ratio[0] > 0 && ratio[0] <= ratio[1] && std::isfinite(ratio[1])))
    throw Error("ERR_VALUE", "ratio must be two rising numbers above 0");
  std::copy(ratio.begin(), ratio.end(), options.ratio);
  if (*kind == CropKind::kCentre && (shorter < std::max(size[0], size[1]) || shorter > kMostSide))
    throw Error("ERR_VALUE", "the shorter side must be at least as long as the result's sides, and at most 4096 px");
  options.shorter = static_cast<int>(shorter);
  if (*kind == CropKind::kPadded) {
    const auto isByte = [](int64_t value) { return value >= 0 && value <= 255; };
    if (fill.size() != 3 || !std::all_of(fill.begin(), fill.end(), isByte))
      throw Error("ERR_VALUE", "fill must be red, green and blue, each from 0 to 255");
    std::copy(fill.begin(), fill.end(), options.fill);
  }
  options.filter = resamplingNamed(interpolation);
  if (!options.filter && interpolation != "random")
    throw Error("ERR_VALUE", "unknown interpolation '" + interpolation + "'; known: bilinear, bicubic, random");
  if (!(flip >= 0 && flip <= 1)) throw Error("ERR_VALUE", "flip must lie in [0, 1]");
  options.flip = flip;
  return options;
}

std::shared_ptr<PhotoLoader> photoLoader(Env& env, std::optional<std::shared_ptr<const TurboJpeg>> library,
                                         int64_t threads, int64_t seed, std::vector<int64_t> size, std::string crop,
                                         std::vector<double> scale, std::vector<double> ratio, int64_t shorter,
                                         std::vector<int64_t> fill, std::string interpolation, double flip,
                                         int64_t mostBytes, bool colorManagement) {
  if (threads < 0 || threads > kMostThreads) throw Error("ERR_VALUE", "threads must be a number from 0 to 256");
  PhotoOptions options;
  options.crop = cropOptions(size, crop, scale, ratio, shorter, fill, interpolation, flip);
  options.seed = static_cast<uint64_t>(seed);
  options.mostBytes = mostBytes;
  options.colorManagement = colorManagement;
  auto loader = std::make_shared<PhotoLoader>(library.value_or(nullptr), options, static_cast<int>(threads));
  // A worker thread of Node can end without closing the loader.
  env.js().AddCleanupHook([weak = std::weak_ptr<PhotoLoader>(loader)] {
    if (const auto left = weak.lock()) left->close();
  });
  return loader;
}

uint32_t word(int64_t value, const char* name) {
  if (value < 0 || value > 4294967295)
    throw Error("ERR_VALUE", std::string(name) + " must be a number from 0 to 2^32 - 1");
  return static_cast<uint32_t>(value);
}

// The crop of a sample: left, top, width, height of the part; 0 for bilinear, 1 for bicubic; 1 if it is flipped.
std::vector<int64_t> photoCrop(std::shared_ptr<PhotoLoader> loader, int64_t epoch, int64_t sample, int64_t height,
                               int64_t width) {
  if (height < 1 || width < 1 || height > 65535 || width > 65535)
    throw Error("ERR_VALUE", "height and width must be from 1 to 65535");
  const Crop crop = drawCrop(loader->options.crop, loader->options.seed, word(epoch, "epoch"), word(sample, "sample"),
                             static_cast<int>(width), static_cast<int>(height));
  return {crop.left, crop.top, crop.width, crop.height, crop.filter == Resampling::kBicubic, crop.flipped};
}

void checkBatch(const PhotoLoader& loader, const Tensor& out) {
  const CropOptions& crop = loader.options.crop;
  if (out.scalar_type() != at::kByte || !out.is_cpu() || !out.is_contiguous() || out.dim() != 4 ||
      out.size(1) != crop.height || out.size(2) != crop.width || out.size(3) != 3)
    throw Error("ERR_SHAPE", "out must be contiguous uint8[N, " + std::to_string(crop.height) + ", " +
                                 std::to_string(crop.width) + ", 3] on the CPU, got " + describe(out));
}

std::shared_ptr<PhotoRun> photoRun() { return std::make_shared<PhotoRun>(); }

void cancelPhotoRun(std::shared_ptr<PhotoRun> run) { run->cancelled = true; }

struct Batch {
  std::shared_ptr<PhotoLoader> loader;
  std::shared_ptr<PhotoRun> run;
  Tensor out;
  uint32_t epoch;
  std::vector<double> programs;
  std::vector<Sample> samples;
  std::vector<Outcome> outcomes;

  void make(size_t i, Workspace& space) {
    run->check();
    uint8_t* to = out.mutable_data_ptr<uint8_t>() + i * loader->maker.bytes();
    try {
      loader->maker.make(samples[i], epoch, space, to);
    } catch (const OtherDecoder& problem) {
      outcomes[i] = {1, problem.what()};
    } catch (const Unreadable& problem) {
      outcomes[i] = {2, problem.what()};
    }
  }
};

std::vector<double> numbersOf(const Env& env, Napi::Value value, const char* name) {
  if (value.IsTypedArray()) {
    auto numbers = value.As<Napi::Float64Array>();
    if (numbers.TypedArrayType() == napi_float64_array)
      return {numbers.Data(), numbers.Data() + numbers.ElementLength()};
  }
  throw Error("ERR_TYPE", std::string(name) + " must be a Float64Array, got " + describe(env, value));
}

// Fills the first images of `out` with the samples, which lie in files from offset on; a negative length means the
// whole file, and an empty name means `memory`, which must not be changed before the promise resolves. A width above 0
// says that the bytes are `height` rows of so many pixels, red, green and blue. `programs` has their programs of
// augmentation one after the other, and `programEnds` where each ends.
//
// Rejects with ERR_ABORTED after cancelPhotoRun. Otherwise resolves to a list of those that are not done: [position, 1
// for another decoder or 2 for unreadable, reason].
Task loadPhotos(Env& env, std::shared_ptr<PhotoLoader> loader, std::shared_ptr<PhotoRun> run, Tensor out, int64_t epoch,
                std::vector<std::string> files, std::vector<int64_t> offsets, std::vector<int64_t> lengths,
                std::vector<int64_t> heights, std::vector<int64_t> widths, Napi::Value memory,
                std::vector<int64_t> samples, Napi::Value programs, std::vector<int64_t> programEnds) {
  checkBatch(*loader, out);
  const size_t count = files.size();
  for (const size_t length :
       {offsets.size(), lengths.size(), heights.size(), widths.size(), samples.size(), programEnds.size()})
    if (length != count || static_cast<int64_t>(count) > out.size(0))
      throw Error("ERR_SHAPE", "what describes the samples must have one length, at most that of out");
  const auto held = bytesOf(env, memory, "memory");
  const auto reference = std::make_shared<Napi::Reference<Napi::Uint8Array>>(Napi::Persistent(held));
  const auto batch = std::make_shared<Batch>(
      Batch{loader, run, out, word(epoch, "epoch"), numbersOf(env, programs, "programs"), {}, {}});
  batch->samples.resize(count);
  batch->outcomes.resize(count);
  int64_t begin = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t end = programEnds[i];
    if (end < begin || end > static_cast<int64_t>(batch->programs.size()))
      throw Error("ERR_VALUE", "programEnds must rise to the length of programs");
    const std::span<const double> program(batch->programs.data() + begin, static_cast<size_t>(end - begin));
    std::span<const uint8_t> bytes;
    if (files[i].empty()) {
      const auto size = static_cast<int64_t>(held.ElementLength());
      if (offsets[i] < 0 || lengths[i] < 0 || offsets[i] > size || lengths[i] > size - offsets[i])
        throw Error("ERR_VALUE", "an image must lie in memory");
      bytes = {held.Data() + offsets[i], static_cast<size_t>(lengths[i])};
    }
    if (widths[i] > 0 && (heights[i] < 1 || heights[i] > 65535 || widths[i] > 65535 || files[i].empty() ||
                          lengths[i] != heights[i] * widths[i] * 3))
      throw Error("ERR_VALUE", "pixels must lie in a file and have height x width x 3 bytes");
    batch->samples[i] = {{std::move(files[i]), offsets[i], lengths[i], bytes}, word(samples[i], "a sample"), program};
    if (widths[i] > 0) {
      batch->samples[i].height = static_cast<int>(heights[i]);
      batch->samples[i].width = static_cast<int>(widths[i]);
    }
    begin = end;
  }
  return {[batch, count] { batch->loader->forEach(count, [&](size_t i, Workspace& space) { batch->make(i, space); }); },
          // The reference is released on the JavaScript thread, with the task.
          [&env, batch, reference](Napi::Env) -> Napi::Value {
            std::vector<std::tuple<int64_t, int64_t, std::string>> left;
            for (size_t i = 0; i < batch->outcomes.size(); ++i) {
              const Outcome& outcome = batch->outcomes[i];
              if (outcome.kind != 0) left.emplace_back(static_cast<int64_t>(i), outcome.kind, outcome.reason);
            }
            return toJs(env, left);
          }};
}

// Makes the image at `position` of `out` from pixels that another decoder has given: upright rows of 1 or 3 bytes a
// pixel. They must not be changed or transferred before the promise resolves.
Task finishPhoto(Env& env, std::shared_ptr<PhotoLoader> loader, Tensor out, int64_t position, int64_t epoch,
                 int64_t sample, Napi::Value pixels, int64_t height, int64_t width, int64_t channels,
                 Napi::Value program) {
  checkBatch(*loader, out);
  if (position < 0 || position >= out.size(0)) throw Error("ERR_INDEX", "position lies outside out");
  const auto bytes = bytesOf(env, pixels, "pixels");
  if (height < 1 || width < 1 || height * width > kMostPixels || height > kMostPixels || width > kMostPixels ||
      (channels != 1 && channels != 3) || static_cast<int64_t>(bytes.ElementLength()) != height * width * channels)
    throw Error("ERR_SHAPE", "pixels must have height x width x channels bytes, at most 50 million pixels");
  const auto held = std::make_shared<Napi::Reference<Napi::Uint8Array>>(Napi::Persistent(bytes));
  const Decoded image{{bytes.Data(), bytes.ElementLength()},
                      static_cast<int>(height),
                      static_cast<int>(width),
                      static_cast<int>(channels)};
  const uint32_t number = word(sample, "sample"), when = word(epoch, "epoch");
  return {[=, steps = numbersOf(env, program, "program")] {
            Sample drawn;
            drawn.number = number;
            drawn.program = steps;
            uint8_t* to = out.mutable_data_ptr<uint8_t>() + static_cast<size_t>(position) * loader->maker.bytes();
            loader->forEach(1, [&](size_t, Workspace& space) { loader->maker.finish(image, drawn, when, space, to); });
          },
          // The reference is released on the JavaScript thread, with the task.
          [held](Napi::Env js) -> Napi::Value { return js.Undefined(); }};
}

// Ends the loader's threads after the images that they are at. Batches on their way are rejected with ERR_ABORTED.
Task closePhotoLoader(Disposable<PhotoLoader> loader) {
  const std::shared_ptr<PhotoLoader> closing = loader.handle->value;
  loader.dispose();
  return {[closing] {
    if (closing) closing->close();
  }};
}

}  // namespace

void initLoader(const Exports& exports) {
  bind<&loadJpegLibrary>(exports, "loadJpegLibrary", {"paths"});
  bind<&describeJpegLibrary>(exports, "describeJpegLibrary", {"library"});
  bind<&decodeJpeg>(exports, "decodeJpeg", {"library", "bytes"});
  bind<&resizePixels>(exports, "resizePixels", {"image", "size", "filter", "box"});
  bind<&photoLoader>(exports, "photoLoader",
                     {"library", "threads", "seed", "size", "crop", "scale", "ratio", "shorter", "fill",
                      "interpolation", "flip", "mostBytes", "colorManagement"});
  bind<&photoCrop>(exports, "photoCrop", {"loader", "epoch", "sample", "height", "width"});
  bind<&photoRun>(exports, "photoRun", {});
  bind<&cancelPhotoRun>(exports, "cancelPhotoRun", {"run"});
  bind<&loadPhotos>(exports, "loadPhotos",
                    {"loader", "run", "out", "epoch", "files", "offsets", "lengths", "heights", "widths", "memory",
                     "samples", "programs", "programEnds"});
  bind<&finishPhoto>(
      exports, "finishPhoto",
      {"loader", "out", "position", "epoch", "sample", "pixels", "height", "width", "channels", "program"});
  bind<&closePhotoLoader>(exports, "closePhotoLoader", {"loader"});
}

}  // namespace mbconv
