// The addon's entry: what is exported, topic by topic.
#include <napi.h>

#include "binding/bind.h"
#include "binding/env.h"
#include "device/allocator.h"

namespace mbconv {

// The topics. Each is a file of that name, whose function init<Topic>(exports) binds its functions.
#define MBCONV_TOPICS(TOPIC) \
  /* ops/ */                 \
  TOPIC(Tensor)              \
  TOPIC(TypedArray)          \
  TOPIC(Create)              \
  TOPIC(Elementwise)         \
  TOPIC(InPlace)             \
  TOPIC(Reduce)              \
  TOPIC(Shape)               \
  TOPIC(Index)               \
  TOPIC(Foreach)             \
  TOPIC(Linalg)              \
  TOPIC(Complex)             \
  TOPIC(Fft)                 \
  TOPIC(Random)              \
  TOPIC(Transfer)            \
  TOPIC(Dispatch)            \
  /* nn/ */                  \
  TOPIC(Conv)                \
  TOPIC(Norm)                \
  TOPIC(Activation)          \
  TOPIC(Pool)                \
  TOPIC(Resample)            \
  TOPIC(Linear)              \
  TOPIC(Attention)           \
  TOPIC(Distance)            \
  TOPIC(Dropout)             \
  TOPIC(Loss)                \
  /* autograd/ */            \
  TOPIC(Autograd)            \
  TOPIC(CustomFunction)      \
  TOPIC(Hooks)               \
  TOPIC(MixedPrecision)      \
  TOPIC(Scope)               \
  /* train/, data/ */        \
  TOPIC(Optim)               \
  TOPIC(Scenes)              \
  TOPIC(Loader)              \
  TOPIC(Augment)             \
  /* plan/, block/ */        \
  TOPIC(Plan)                \
  TOPIC(Block)               \
  /* device/ */              \
  TOPIC(Runtime)             \
  TOPIC(Memory)              \
  TOPIC(Cuda)                \
  TOPIC(Graph)

#define DECLARE(topic) void init##topic(const Exports& exports);
MBCONV_TOPICS(DECLARE)
#undef DECLARE

static void registerTensorClass(Env& env, Napi::Function tensorClass) { env.registerTensorClass(tensorClass); }

static void registerErrorClass(Env& env, Napi::Function errorClass) { env.registerErrorClass(errorClass); }

static void registerWarningListener(Env& env, Napi::Function listener) { env.warnings.setListener(listener); }

// Every export with the names of its arguments: [name, argument, …].
static std::vector<std::vector<std::string>> signatures(Env& env) {
  std::vector<std::vector<std::string>> list;
  for (const auto& op : env.ops()) {
    list.push_back({op->name});
    list.back().insert(list.back().end(), op->arguments.begin(), op->arguments.end());
  }
  return list;
}

static Napi::Object initialize(Napi::Env js, Napi::Object object) {
  installAllocator();
  Env* env = new Env(js);
  js.SetInstanceData<Env, &Env::tearDown>(env);
  const Exports exports(*env, object);
  bind<&registerTensorClass>(exports, "registerTensorClass", {"Tensor"});
  bind<&registerErrorClass>(exports, "registerErrorClass", {"MbconvError"});
  bind<&registerWarningListener>(exports, "registerWarningListener", {"listener"});
  bind<&signatures>(exports, "signatures", {});
#define INITIALIZE(topic) init##topic(exports);
  MBCONV_TOPICS(INITIALIZE)
#undef INITIALIZE
  return object;
}

}  // namespace mbconv

using mbconv::initialize;  // the macro takes an unqualified name
NODE_API_MODULE(mbconv, initialize)
