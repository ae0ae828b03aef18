// Tensors in transit from one thread to another: the receiver gets the same memory.
#include <c10/core/impl/VirtualGuardImpl.h>

#include <mutex>
#include <unordered_map>

#include "binding/bind.h"

namespace mbconv {

namespace {

// The tensors that have been sent and not yet received. They belong to the process, as their memory does: the sender
// may have ended before they arrive. Never destroyed, since threads may outlive static destructors.
struct Transit {
  std::mutex mutex;
  std::unordered_map<int64_t, at::Tensor> tensors;
  int64_t last = 0;
};

Transit& transit() {
  static auto* instance = new Transit();
  return *instance;
}

// Gives the tensor a number under which any thread may receive it, once. Waits for the device to finish its pending
// work on the tensor: the receiver's stream is not synchronised with this one.
int64_t sendTensor(const at::Tensor& tensor) {
  if (!tensor.is_cpu()) c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device()).synchronize();
  at::Tensor detached = tensor.detach();
  Transit& all = transit();
  std::lock_guard lock(all.mutex);
  all.tensors.emplace(++all.last, std::move(detached));
  return all.last;
}

std::optional<at::Tensor> take(int64_t number) {
  Transit& all = transit();
  std::lock_guard lock(all.mutex);
  const auto found = all.tensors.find(number);
  if (found == all.tensors.end()) return std::nullopt;
  at::Tensor tensor = std::move(found->second);
  all.tensors.erase(found);
  return tensor;
}

at::Tensor receiveTensor(int64_t number) {
  if (auto tensor = take(number)) return *std::move(tensor);
  throw Error("ERR_VALUE", "no tensor is under way by that number: it has been received or cancelled, or never sent");
}

// False if it is no longer in transit.
bool cancelTensor(int64_t number) { return take(number).has_value(); }

// The number of tensors in transit, and the bytes of their memory.
std::vector<int64_t> tensorsInTransit() {
  Transit& all = transit();
  std::lock_guard lock(all.mutex);
  int64_t bytes = 0;
  for (const auto& [number, tensor] : all.tensors) bytes += static_cast<int64_t>(tensor.nbytes());
  return {static_cast<int64_t>(all.tensors.size()), bytes};
}

}  // namespace

void initTransfer(const Exports& exports) {
  bind<&sendTensor>(exports, "sendTensor", {"tensor"});
  bind<&receiveTensor>(exports, "receiveTensor", {"number"});
  bind<&cancelTensor>(exports, "cancelTensor", {"number"});
  bind<&tensorsInTransit>(exports, "tensorsInTransit", {});
}

}  // namespace mbconv
