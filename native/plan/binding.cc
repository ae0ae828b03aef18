// Plans in JavaScript, and which kernels they run on.
#include "binding/bind.h"
#include "binding/handle.h"
#include "kernels/cpu/dispatch.h"
#include "plan/plan.h"

namespace mbconv {

template <>
struct HandleKind<plan::Plan> {
  static constexpr napi_type_tag tag = {0x6d62636f6e76506c, 0x616e000000000001};
  static constexpr const char* name = "a plan";
};

namespace {

using PlanPointer = std::shared_ptr<plan::Plan>;

PlanPointer makePlan(std::vector<int64_t> layers, std::vector<at::Tensor> tensors) {
  std::vector<plan::Layer> read = plan::readLayers(layers, tensors);
  return std::make_shared<plan::Plan>(std::move(read), std::move(tensors));
}
at::Tensor runPlan(PlanPointer plan, at::Tensor images) { return plan->run(images); }
std::vector<std::tuple<std::string, std::string, double, double>> profilePlan(PlanPointer plan, at::Tensor images,
                                                                              int64_t runs) {
  std::vector<std::tuple<std::string, std::string, double, double>> rows;
  for (const plan::Plan::Timed& step : plan->profile(images, static_cast<int>(std::min<int64_t>(runs, 10'000))))
    rows.emplace_back(step.work.kernel, step.work.shape, step.work.flops, step.seconds);
  return rows;
}
void dropPlan(PlanPointer plan) { plan->drop(); }
void disposePlan(Disposable<plan::Plan> plan) { plan.dispose(); }
int64_t planBytes(PlanPointer plan) { return static_cast<int64_t>(plan->bytes()); }
std::string cpuKernels() { return kernels::table().name; }
std::vector<std::string> availableCpuKernels() { return kernels::availableTables(); }

}  // namespace

void initPlan(const Exports& exports) {
  bind<&makePlan>(exports, "makePlan", {"layers", "tensors"});
  bind<&runPlan>(exports, "runPlan", {"plan", "images"});
  bind<&profilePlan>(exports, "profilePlan", {"plan", "images", "runs"});
  bind<&dropPlan>(exports, "dropPlan", {"plan"});
  bind<&disposePlan>(exports, "disposePlan", {"plan"});
  bind<&planBytes>(exports, "planBytes", {"plan"});
  bind<&cpuKernels>(exports, "cpuKernels", {});
  bind<&availableCpuKernels>(exports, "availableCpuKernels", {});
}

}  // namespace mbconv
