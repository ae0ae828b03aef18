"""A contestant of the race (scripts/bench/race.mjs) in Python: PyTorch, onnxruntime or OpenVINO.

Usage: python scripts/goldens/race.py SPEC   (torch and torchvision, onnxruntime, or openvino; called by scripts/bench/race)

SPEC is JSON: a row of the race and what the contestant is. The first line that this prints says that it is ready, with the
network's output. For each line on standard input, a number of calls, it makes them and prints their seconds.
"""

import json
import sys
import time

import numpy


def peak_memory():
    """The highest resident memory until now, in bytes; None where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def images_of(spec):
    return numpy.fromfile(spec["files"]["images"], numpy.float32).reshape(spec["batch"], 3, spec["size"], spec["size"])


def pytorch(spec):
    import torch
    import torchvision

    torch.manual_seed(0)
    torch.set_num_threads(spec["threads"])
    base = peak_memory()
    layout = torch.channels_last if spec["layout"] == "channelsLast" else torch.contiguous_format
    model = torchvision.models.get_model(spec["torchvision"], weights=None, num_classes=spec["classes"])
    model.load_state_dict(torch.load(spec["files"]["weights"], weights_only=True))
    model.eval().to(memory_format=layout)
    images = torch.from_numpy(images_of(spec)).to(memory_format=layout)
    versions = {"PyTorch": torch.__version__, "torchvision": torchvision.__version__}

    if spec["task"] == "predict":
        if spec["compiled"]:
            import torch._inductor.config

            torch._inductor.config.freezing = True  # weights are constants, batch norms folded
            model = torch.compile(model)

        def predict():
            with torch.no_grad():
                return model(images).numpy()

        return base, predict(), versions, predict

    with torch.no_grad():
        logits = model(images).numpy()
    model.train()
    labels = torch.randint(0, spec["classes"], (spec["batch"],))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-5, foreach=True)
    forward = torch.compile(model) if spec["compiled"] else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(forward(images), labels, label_smoothing=0.1).backward()
        optimizer.step()

    return base, logits, versions, step


def onnxruntime(spec):
    import onnxruntime

    base = peak_memory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = spec["threads"]
    options.inter_op_num_threads = 1
    options.add_free_dimension_override_by_name("batch", spec["batch"])
    session = onnxruntime.InferenceSession(spec["files"]["onnx"], options, providers=["CPUExecutionProvider"])
    images = images_of(spec)

    def predict():
        return session.run(["logits"], {"input": images})[0]

    return base, predict(), {"onnxruntime": onnxruntime.__version__}, predict


def openvino(spec):
    import openvino

    base = peak_memory()
    core = openvino.Core()
    model = core.read_model(spec["files"]["onnx"])
    model.reshape([spec["batch"], 3, spec["size"], spec["size"]])
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",  # all threads on one batch
        "INFERENCE_NUM_THREADS": str(spec["threads"]),
        "INFERENCE_PRECISION_HINT": spec["precision"],
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    images = images_of(spec)

    def predict():
        return request.infer({0: images}, share_inputs=True)[0]

    return base, predict(), {"OpenVINO": openvino.__version__.split("-")[0]}, predict


spec = json.loads(sys.argv[1])
base, logits, versions, call = {"pytorch": pytorch, "onnxruntime": onnxruntime, "openvino": openvino}[spec["library"]](spec)
print(json.dumps({"base": base, "logits": logits.ravel().tolist(), "versions": versions}), flush=True)
for line in sys.stdin:
    seconds = []
    for _ in range(int(line)):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "peak": peak_memory()}), flush=True)
