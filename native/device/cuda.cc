// CUDA devices: properties, synchronisation, streams, events, memory, flags, pinned memory. Functions that c10 offers
// for any kind of device are called directly. CUDA-only code stands under MBCONV_CUDA.
#include "binding/gpu.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/is_pinned.h>
#include <ATen/ops/pin_memory.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <array>
#include <mutex>

#ifdef MBCONV_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <cuda_runtime_api.h>

#include "binding/report/shortage.h"
#endif

namespace mbconv {

bool cudaIsAvailable() { return at::globalContext().hasCUDA(); }

void requireCuda(const std::string& reason) {
  if (!cudaIsAvailable())
    throw Error("ERR_CUDA_UNAVAILABLE", reason + "CUDA is not available here; mb.cuda.whyNot() says why");
#ifdef MBCONV_CUDA
  static std::once_flag once;
  std::call_once(once, [] {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    c10::cuda::CUDACachingAllocator::attachOutOfMemoryObserver(
        [](int64_t device, size_t asked, size_t total, size_t free) {
          const auto index = static_cast<c10::DeviceIndex>(device);
          noteShortage({c10::Device(c10::DeviceType::CUDA, index), asked, free});
        });
  });
#endif
}

namespace {

using Stream = std::shared_ptr<c10::Stream>;
using Event = std::shared_ptr<c10::Event>;
// A device's number; without one, the current device.
using Index = std::optional<int64_t>;

// Whether the addon was linked with libtorch's CUDA half.
bool cudaIsBuilt() {
#ifdef MBCONV_CUDA
  return true;
#else
  return false;
#endif
}

int64_t deviceCount() { return cudaIsAvailable() ? at::detail::getCUDAHooks().deviceCount() : 0; }

c10::impl::VirtualGuardImpl cuda() { return c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA); }

c10::Device deviceOf(Index index) {
  if (!index) return cuda().getDevice();
  const int64_t count = cuda().deviceCount();
  if (*index < 0 || *index >= count)
    throw Error("ERR_VALUE", "there is no cuda:" + std::to_string(*index) + "; libtorch finds " +
                                 std::to_string(count) + " GPU(s), numbered from 0");
  return {c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(*index)};
}

// --- devices
// -------------------------------------------------------------------------------------------------------------

// Name, major and minor compute capability, multiprocessors, bytes of memory.
std::tuple<std::string, int64_t, int64_t, int64_t, int64_t> deviceProperties(Index index) {
  const c10::Device device = deviceOf(index);
#ifdef MBCONV_CUDA
  cudaDeviceProp properties;
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  return {properties.name, properties.major, properties.minor, properties.multiProcessorCount,
          static_cast<int64_t>(properties.totalGlobalMem)};
#else
  return {device.str(), 0, 0, 0, 0};
#endif
}

int64_t currentDevice() { return cuda().getDevice().index(); }
void setDevice(int64_t index) { cuda().setDevice(deviceOf(index)); }

// Waits for everything on the device.
void synchronize(Index index) { cuda().synchronizeDevice(deviceOf(index).index()); }

Task synchronizeAsync(Index index) {
  return {[device = deviceOf(index).index()] { cuda().synchronizeDevice(device); }};
}

// --- streams
// -------------------------------------------------------------------------------------------------------------

Stream share(c10::Stream stream) { return std::make_shared<c10::Stream>(stream); }

// Takes a stream from libtorch's pool, which gives out the same ones in turn. CUDA runs work of lower priority numbers
// first.
Stream newStream(Index index, bool highPriority) {
  return share(cuda().getNewStream(deviceOf(index), highPriority ? -1 : 0));
}
Stream currentStream(Index index) { return share(cuda().getStream(deviceOf(index))); }
Stream defaultStream(Index index) { return share(cuda().getDefaultStream(deviceOf(index))); }

// Makes the stream current on its device, and that device the current one.
void setStream(Stream stream) {
  cuda().setDevice(stream->device());
  cuda().exchangeStream(*stream);
}

int64_t streamDevice(Stream stream) { return stream->device_index(); }
bool streamEquals(Stream stream, Stream other) { return *stream == *other; }
bool streamQuery(Stream stream) { return stream->query(); }
// Waits for the work submitted to the stream so far.
void streamSynchronize(Stream stream) { stream->synchronize(); }
Task streamSynchronizeAsync(Stream stream) {
  return {[stream] { stream->synchronize(); }};
}

// Later work of the stream waits for the event, or for the work submitted to the other stream so far. The host does not
// wait.
void streamWaitEvent(Stream stream, Event event) { event->block(*stream); }
void streamWaitStream(Stream stream, Stream other) {
  c10::Event event(c10::DeviceType::CUDA);
  event.record(*other);
  event.block(*stream);
}

// Once the tensor is freed, its memory is not reused before the stream has finished the work submitted until then.
void recordStream(at::Tensor tensor, Stream stream) {
  if (!tensor.is_cuda()) throw Error("ERR_VALUE", "tensor must be on a GPU, got " + describe(tensor));
  cuda().recordDataPtrOnStream(tensor.storage().data_ptr(), *stream);
}

// --- events
// --------------------------------------------------------------------------------------------------------------

Event newEvent(bool timing) {
  const auto flag = timing ? c10::EventFlag::BACKEND_DEFAULT : c10::EventFlag::PYTORCH_DEFAULT;
  return std::make_shared<c10::Event>(c10::DeviceType::CUDA, flag);
}
void eventRecord(Event event, std::optional<Stream> stream) { event->record(stream ? **stream : *currentStream({})); }
bool eventQuery(Event event) { return event->query(); }
void eventSynchronize(Event event) { event->synchronize(); }
Task eventSynchronizeAsync(Event event) {
  return {[event] { event->synchronize(); }};
}
// Milliseconds. Both events must have been reached.
double eventElapsed(Event start, Event end) { return start->elapsedTime(*end); }
void eventDispose(Disposable<c10::Event> event) { event.dispose(); }

// --- memory
// --------------------------------------------------------------------------------------------------------------

// In bytes: allocated, reserved, the peak of each, free and total on the device.
std::vector<int64_t> memoryStats(Index index) {
  const c10::DeviceGuard guard(deviceOf(index));
#ifdef MBCONV_CUDA
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(guard.current_device().index());
  const auto& allocated = stats.allocated_bytes[0];  // 0: all pools together
  const auto& reserved = stats.reserved_bytes[0];
  size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return {allocated.current, reserved.current,           allocated.peak,
          reserved.peak,     static_cast<int64_t>(free), static_cast<int64_t>(total)};
#else
  return {};
#endif
}

void resetPeakMemory(Index index) {
  [[maybe_unused]] const c10::Device device = deviceOf(index);
#ifdef MBCONV_CUDA
  c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
#endif
}

// Returns cached, unused memory of all devices to the driver.
void emptyCache() {
#ifdef MBCONV_CUDA
  c10::cuda::CUDACachingAllocator::emptyCache();
#endif
}

// A copy in page-locked host memory.
at::Tensor pinMemory(const at::Tensor& tensor) {
  if (!tensor.is_cpu()) throw Error("ERR_VALUE", "only host memory can be pinned, got " + describe(tensor));
  return tensor.pin_memory();
}

bool isPinned(const at::Tensor& tensor) { return cudaIsAvailable() && tensor.is_pinned(); }

// --- flags, of the whole process
// -------------------------------------------------------------------------------------------

struct Flag {
  const char* name;
  bool (*get)(const at::Context&);
  void (*set)(at::Context&, bool);
};

constexpr std::array<Flag, 5> kFlags = {{
    {"matmulTF32", [](const at::Context& context) { return context.allowTF32CuBLAS(); },
     [](at::Context& context, bool on) { context.setAllowTF32CuBLAS(on); }},
    {"cudnnTF32", [](const at::Context& context) { return context.allowTF32CuDNN(); },
     [](at::Context& context, bool on) { context.setAllowTF32CuDNN(on); }},
    {"cudnnEnabled", [](const at::Context& context) { return context.userEnabledCuDNN(); },
     [](at::Context& context, bool on) { context.setUserEnabledCuDNN(on); }},
    {"cudnnBenchmark", [](const at::Context& context) { return context.benchmarkCuDNN(); },
     [](at::Context& context, bool on) { context.setBenchmarkCuDNN(on); }},
    {"cudnnDeterministic", [](const at::Context& context) { return context.deterministicCuDNN(); },
     [](at::Context& context, bool on) { context.setDeterministicCuDNN(on); }},
}};

const Flag& flagOf(const std::string& name) {
  std::string known;
  for (const Flag& flag : kFlags) {
    if (name == flag.name) return flag;
    known += (known.empty() ? "" : ", ") + std::string(flag.name);
  }
  throw Error("ERR_VALUE", "unknown flag '" + name + "'; known: " + known);
}

bool getFlag(std::string name) { return flagOf(name).get(at::globalContext()); }
void setFlag(std::string name, bool on) { flagOf(name).set(at::globalContext(), on); }

}  // namespace

void initCuda(const Exports& exports) {
  bind<&cudaIsBuilt>(exports, "cudaIsBuilt", {});
  bind<&cudaIsAvailable>(exports, "cudaIsAvailable", {});
  bind<&deviceCount>(exports, "cudaDeviceCount", {});
  bind<&isPinned>(exports, "isPinned", {"tensor"});
  bindCuda<&pinMemory>(exports, "pinMemory", {"tensor"});

  bindCuda<&deviceProperties>(exports, "cudaDeviceProperties", {"device"});
  bindCuda<&currentDevice>(exports, "cudaCurrentDevice", {});
  bindCuda<&setDevice>(exports, "cudaSetDevice", {"device"});
  bindCuda<&synchronize>(exports, "cudaSynchronize", {"device"});
  bindCuda<&synchronizeAsync>(exports, "cudaSynchronizeAsync", {"device"});

  bindCuda<&newStream>(exports, "cudaStream", {"device", "highPriority"});
  bindCuda<&currentStream>(exports, "cudaCurrentStream", {"device"});
  bindCuda<&defaultStream>(exports, "cudaDefaultStream", {"device"});
  bindCuda<&setStream>(exports, "cudaSetStream", {"stream"});
  bindCuda<&streamDevice>(exports, "cudaStreamDevice", {"stream"});
  bindCuda<&streamEquals>(exports, "cudaStreamEquals", {"stream", "other"});
  bindCuda<&streamQuery>(exports, "cudaStreamQuery", {"stream"});
  bindCuda<&streamSynchronize>(exports, "cudaStreamSynchronize", {"stream"});
  bindCuda<&streamSynchronizeAsync>(exports, "cudaStreamSynchronizeAsync", {"stream"});
  bindCuda<&streamWaitEvent>(exports, "cudaStreamWaitEvent", {"stream", "event"});
  bindCuda<&streamWaitStream>(exports, "cudaStreamWaitStream", {"stream", "other"});
  bindCuda<&recordStream>(exports, "cudaRecordStream", {"tensor", "stream"});

  bindCuda<&newEvent>(exports, "cudaEvent", {"timing"});
  bindCuda<&eventRecord>(exports, "cudaEventRecord", {"event", "stream"});
  bindCuda<&eventQuery>(exports, "cudaEventQuery", {"event"});
  bindCuda<&eventSynchronize>(exports, "cudaEventSynchronize", {"event"});
  bindCuda<&eventSynchronizeAsync>(exports, "cudaEventSynchronizeAsync", {"event"});
  bindCuda<&eventElapsed>(exports, "cudaEventElapsed", {"start", "end"});
  bindCuda<&eventDispose>(exports, "cudaEventDispose", {"event"});

  bindCuda<&memoryStats>(exports, "cudaMemoryStats", {"device"});
  bindCuda<&resetPeakMemory>(exports, "cudaResetPeakMemory", {"device"});
  bindCuda<&emptyCache>(exports, "cudaEmptyCache", {});
  bindCuda<&getFlag>(exports, "cudaGetFlag", {"name"});
  bindCuda<&setFlag>(exports, "cudaSetFlag", {"name", "on"});
}

}  // namespace mbconv
