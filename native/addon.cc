// The addon's entry: what is exported, topic by topic.
#include <node_api.h>

#include "device/allocator.h"
#include "binding/bind.h"
#include "binding/env.h"

namespace mbconv {

void initTensor(const Exports& exports);
void initBytes(const Exports& exports);
void initCreate(const Exports& exports);
void initScope(const Exports& exports);
void initElementwise(const Exports& exports);
void initInPlace(const Exports& exports);
void initReduce(const Exports& exports);
void initShape(const Exports& exports);
void initIndex(const Exports& exports);
void initForeach(const Exports& exports);
void initLinalg(const Exports& exports);
void initConv(const Exports& exports);
void initNorm(const Exports& exports);
void initActivation(const Exports& exports);
void initPool(const Exports& exports);
void initResample(const Exports& exports);
void initNn(const Exports& exports);
void initLoss(const Exports& exports);
void initAutograd(const Exports& exports);
void initFunction(const Exports& exports);
void initAmp(const Exports& exports);
void initOptim(const Exports& exports);
void initTransfer(const Exports& exports);
void initRandom(const Exports& exports);
void initScenes(const Exports& exports);
void initDispatch(const Exports& exports);
void initDevice(const Exports& exports);
void initCuda(const Exports& exports);
void initGraph(const Exports& exports);

static void registerTensorClass(Env& env, JsValue tensorClass) { env.registerTensorClass(tensorClass.value); }

static void registerErrorClass(Env& env, JsValue errorClass) { env.registerErrorClass(errorClass.value); }

// Every export with the names of its arguments: [name, argument, …].
static std::vector<std::vector<std::string>> signatures(Env& env) {
  std::vector<std::vector<std::string>> list;
  for (const auto& op : env.ops()) {
    list.push_back({op->name});
    list.back().insert(list.back().end(), op->arguments.begin(), op->arguments.end());
  }
  return list;
}

static napi_value initialize(napi_env js, napi_value object) {
  installAllocator();
  Env* env = new Env(js);
  napi_set_instance_data(js, env, [](napi_env, void* data, void*) { Env::tearDown(static_cast<Env*>(data)); }, nullptr);
  Exports exports(*env, object);
  bind<&registerTensorClass>(exports, "registerTensorClass", {"Tensor"});
  bind<&registerErrorClass>(exports, "registerErrorClass", {"MbconvError"});
  bind<&signatures>(exports, "signatures", {});
  initTensor(exports);
  initBytes(exports);
  initCreate(exports);
  initScope(exports);
  initElementwise(exports);
  initInPlace(exports);
  initReduce(exports);
  initShape(exports);
  initIndex(exports);
  initForeach(exports);
  initLinalg(exports);
  initConv(exports);
  initNorm(exports);
  initActivation(exports);
  initPool(exports);
  initResample(exports);
  initNn(exports);
  initLoss(exports);
  initAutograd(exports);
  initFunction(exports);
  initAmp(exports);
  initOptim(exports);
  initTransfer(exports);
  initRandom(exports);
  initScenes(exports);
  initDispatch(exports);
  initDevice(exports);
  initCuda(exports);
  initGraph(exports);
  return object;
}

}  // namespace mbconv

NAPI_MODULE_INIT() { return mbconv::initialize(env, exports); }
