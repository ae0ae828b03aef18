// CUDA graphs: work is captured once and then launched as a whole. lib/cuda/graph.ts has the order of the steps.
#include "binding/gpu.h"

#ifdef MBCONV_CUDA
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#endif

namespace mbconv {

namespace {

// A graph, and the pool that its memory comes from.
struct Graph {
#ifdef MBCONV_CUDA
  at::cuda::CUDAGraph graph;
  c10::MempoolId_t pool = at::cuda::graph_pool_handle();
  c10::DeviceIndex device = -1;
#endif
  enum { fresh, recording, captured, failed } state = fresh;
};

}  // namespace

template <>
struct HandleKind<Graph> {
  static constexpr napi_type_tag tag = {0x6d62636f6e764772, 0x6170680000000001};
  static constexpr const char* name = "a CUDA graph";
};

namespace {

std::shared_ptr<Graph> newGraph() { return std::make_shared<Graph>(); }

#ifdef MBCONV_CUDA
// Cleans up after an unfinished capture: otherwise the allocators would keep asking the graph which memory belongs to
// it.
void stopRecording(Graph& graph) {
  graph.state = Graph::failed;
  // A step throws if the step that it undoes was not reached.
  const auto attempt = [](auto&& step) {
    try {
      step();
      return true;
    } catch (const std::exception&) {
      return false;
    }
  };
  // Once the capture has ended, CUDAGraph knows its pool and returns it itself.
  if (attempt([&] { graph.graph.pool(); })) return;
  at::HostAllocator* host = at::getHostAllocator(at::kCUDA);
  attempt([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(graph.device, graph.pool); });
  attempt([&] { c10::cuda::CUDACachingAllocator::releasePool(graph.device, graph.pool); });
  attempt([&] { host->end_allocate_to_pool(graph.pool); });
  attempt([&] { host->release_pool(graph.pool); });
}

template <class Step>
void orStopRecording(Graph& graph, Step step) {
  try {
    step();
  } catch (...) {
    stopRecording(graph);
    throw;
  }
}
#endif

// From here on the current stream records work and does not run it. It must not be the default stream.
void begin(std::shared_ptr<Graph> graph) {
  if (graph->state != Graph::fresh) throw Error("ERR_CUDA", "a graph is captured once");
#ifdef MBCONV_CUDA
  graph->device = c10::cuda::current_device();
  // Thread-local: other threads (a worker that trains, a reader that pins memory) may call CUDA meanwhile.
  orStopRecording(*graph, [&] { graph->graph.capture_begin(graph->pool, cudaStreamCaptureModeThreadLocal); });
#endif
  graph->state = Graph::recording;
}

void end(std::shared_ptr<Graph> graph) {
  if (graph->state != Graph::recording) throw Error("ERR_CUDA", "the graph is not being captured");
#ifdef MBCONV_CUDA
  orStopRecording(*graph, [&] { graph->graph.capture_end(); });
#endif
  graph->state = Graph::captured;
}

// Abandons a capture, if one was begun. Throws nothing, so that the caller sees the error that led here.
void abandon(std::shared_ptr<Graph> graph) {
  try {
    if (graph->state == Graph::recording) end(graph);
  } catch (const std::exception&) {
    // Expected if the failure has broken the capture.
  }
#ifdef MBCONV_CUDA
  graph->graph.reset();
#endif
  graph->state = Graph::failed;
}

// Replays on the current stream. The host does not wait.
void replay(std::shared_ptr<Graph> graph) {
  if (graph->state != Graph::captured) throw Error("ERR_CUDA", "the graph has not been captured");
#ifdef MBCONV_CUDA
  graph->graph.replay();
#endif
}

void disposeGraph(Disposable<Graph> graph) { graph.dispose(); }

}  // namespace

void initGraph(const Exports& exports) {
  bindCuda<&newGraph>(exports, "cudaGraph", {});
  bindCuda<&begin>(exports, "cudaGraphBegin", {"graph"});
  bindCuda<&end>(exports, "cudaGraphEnd", {"graph"});
  bindCuda<&abandon>(exports, "cudaGraphAbandon", {"graph"});
  bindCuda<&replay>(exports, "cudaGraphReplay", {"graph"});
  bindCuda<&disposeGraph>(exports, "cudaGraphDispose", {"graph"});
}

}  // namespace mbconv
