"""Goldens of whole models: outputs and gradients of torchvision's and timm's EfficientNets.

Usage: python scripts/goldens/models.py   (torch, torchvision, timm; writes test/golden/models-*.json)

Weights, images and projections come from an integer hash that test/helpers/hashed.mjs computes bit for bit alike, so
none of them is stored. Everything is computed in float64. Gradients are too large to store: of each tensor there is its
Euclidean norm and its scalar products with two vectors of hashed signs. For such a vector s, the mean of (s.x)^2 is
|x|^2, so the products of a difference measure the difference's norm.

The scales below are chosen so that the comparison in float32 means something, in networks of any depth. Batch norm's
scale of 1/4, and 1/16 at the end of a block with a skip, keeps them nearly linear in training mode: float32 rounding
then grows to 1e-6..2e-6 of the gradient. The running variance of 1/16 lets the images' differences reach the logits in
evaluation mode without exploding on the way.
"""

import json
import math
import pathlib
import re

import numpy as np
import timm
import torch
import torchvision

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"
CLASSES = 32
BATCH = 4
# The last batch norm of every block but a stage's first: of those that have a skip connection.
SKIP_END = re.compile(r"features\.(1\.[1-9]\d*\.block\.2|[2-7]\.[1-9]\d*\.block\.3)\.1\.weight$")


def key_hash(key):
    """FNV-1a of the key's characters, 32 bits."""
    h = 2166136261
    for byte in key.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def hashes(key, count):
    """32 well-mixed bits for each index under that key."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) + np.uint32(key_hash(key))
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    return x


def uniform(key, count):
    """Multiples of 2^-15 in [-1, 1): few enough bits to stay exact in float32 after the scalings below."""
    return (hashes(key, count) >> np.uint32(16)).astype(np.float64) / 32768 - 1


def weights(key, shape):
    count = int(np.prod(shape)) if len(shape) else 1
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, dtype=np.int64)
    u = uniform(key, count).reshape(shape)
    if key.endswith("running_var"):
        return (1 + u / 2) / 16
    if key.endswith("running_mean") or key.endswith("bias"):
        return u / 16
    if len(shape) == 1:
        return (1 + u / 4) / (16 if SKIP_END.match(key) else 4)
    fan_in = int(np.prod(shape[1:]))
    scale = 1.0
    while scale * scale * fan_in > 12:
        scale /= 2
    return u * scale


def images(size):
    """Fine noise, and blocks of 16 px that make the images differ on the whole."""
    noise = uniform("noise", BATCH * 3 * size * size).reshape(BATCH, 3, size, size)
    side = math.ceil(size / 16)
    blocks = uniform("blocks", BATCH * 3 * side * side).reshape(BATCH, 3, side, side)
    return noise / 2 + blocks.repeat(16, axis=2).repeat(16, axis=3)[:, :, :size, :size]


def rounded(x):
    return float(f"{float(x):.15g}")


def sketch(key, tensor):
    x = tensor.detach().double().numpy().ravel()
    bits = hashes(key + "/signs", x.size)
    signs = [np.where(bits >> np.uint32(31 - k) & np.uint32(1), 1.0, -1.0) for k in range(2)]
    return [rounded(v) for v in (np.linalg.norm(x), x @ signs[0], x @ signs[1])]


def nested(tensor):
    return [[rounded(v) for v in row] for row in tensor.detach().tolist()]


def run(name, model, keys, size, training):
    """One case. `keys` are torchvision's names for the model's state, in its order: they seed the weights."""
    model = model.double()
    state = model.state_dict()
    assert len(keys) == len(state)
    model.load_state_dict(
        {own: torch.from_numpy(np.ascontiguousarray(weights(key, value.shape))) for key, (own, value) in zip(keys, state.items())}
    )
    x = torch.from_numpy(images(size))
    golden = {
        "source": f"scripts/goldens/models.py, torch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"timm {timm.__version__}, float64",
        "resolution": size,
        "batch": BATCH,
        "numClasses": CLASSES,
    }
    with torch.no_grad():
        logits = model.eval()(x)
    spread = ((logits - logits.mean(0)).norm() / logits.norm()).item()
    assert spread > 0.1, f"{name}: all images look alike to these weights ({spread})"
    golden["evalLogits"] = nested(logits)
    if training:
        names = dict(zip(state, keys))
        logits = model.train()(x)
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(BATCH) * 7 % CLASSES)
        loss.backward()
        golden["train"] = {
            "logits": nested(logits),
            "loss": rounded(loss.detach()),
            "gradients": [sketch(names[own], p.grad) for own, p in model.named_parameters()],
            "buffers": [sketch(names[own], b) for own, b in model.named_buffers() if b.is_floating_point()],
        }
    path = GOLDEN / f"models-{name}.json"
    rows = json.dumps(golden).replace("]], ", "]],\n").replace("], [", "],\n[")
    path.write_text(rows + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes, spread of logits {spread:.3f}")


# The other families: (name here, profile here, library, name there). Their tensors are in the order of ours, and named
# by their position, so that no table of names is needed.
FAMILIES = [
    ("efficientnetv2_s", "torchvision", torchvision, "efficientnet_v2_s"),
    ("efficientnetv2_b0", "tf", timm, "tf_efficientnetv2_b0"),
    ("efficientnet_lite0", "timm", timm, "efficientnet_lite0"),
    ("efficientnet_lite0", "tf", timm, "tf_efficientnet_lite0"),
    ("mobilenet_v1", "timm", timm, "mobilenetv1_100"),
    ("mobilenet_v2", "torchvision", torchvision, "mobilenet_v2"),
    ("mobilenet_v3_large", "torchvision", torchvision, "mobilenet_v3_large"),
    ("mobilenet_v3_small", "torchvision", torchvision, "mobilenet_v3_small"),
    ("mnasnet_b1", "torchvision", torchvision, "mnasnet1_0"),
    ("mnasnet_a1", "timm", timm, "semnasnet_100"),
    ("resnet18", "torchvision", torchvision, "resnet18"),
    ("resnet50", "torchvision", torchvision, "resnet50"),
    ("wide_resnet50_2", "torchvision", torchvision, "wide_resnet50_2"),
]


# Narrow and shallow ones: (name here, scaled by, profile here, timm's function, what it is given).
SCALED = [
    (
        "efficientnetv2_rw_s",
        {"width": 0.5, "depth": 0.25},
        "timm",
        timm.models.efficientnet._gen_efficientnetv2_s,
        {"variant": "efficientnetv2_rw_s", "channel_multiplier": 0.5, "depth_multiplier": 0.25, "rw": True},
    ),
]


def random_off(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(module, torchvision.ops.StochasticDepth):
            module.p = 0.0


def families():
    """Logits in evaluation mode and, after one training batch, loss, logits and a sketch of the gradient."""
    cases, wanted = [], []
    for own, profile, library, name in FAMILIES:
        if library is timm:
            model = timm.create_model(name, num_classes=CLASSES, drop_rate=0.0, drop_path_rate=0.0)
        else:
            model = getattr(torchvision.models, name)(num_classes=CLASSES)
        wanted.append((own, {}, profile, f"{library.__name__} {name}", model))
    for own, scale, profile, make, settings in SCALED:
        model = make(**settings, num_classes=CLASSES, drop_rate=0.0, drop_path_rate=0.0)
        wanted.append((own, {"scale": scale}, profile, f"timm {settings['variant']}, scaled", model))
    for own, scale, profile, name, model in wanted:
        random_off(model)
        model = model.double()
        state = model.state_dict()
        with torch.no_grad():
            for i, (key, value) in enumerate(state.items()):
                values = weights(f"{i}.{key.rsplit('.', 1)[-1]}", value.shape)
                value.copy_(torch.from_numpy(np.ascontiguousarray(values)).reshape(value.shape))
        x = torch.from_numpy(images(64))
        with torch.no_grad():
            logits = model.eval()(x)
        trained = model.train()(x)
        loss = torch.nn.functional.cross_entropy(trained, torch.arange(BATCH) * 7 % CLASSES)
        loss.backward()
        # One sketch of all gradients as one vector.
        each = np.array([sketch(f"gradient {i}", p.grad) for i, p in enumerate(model.parameters())])
        gradient = [rounded(v) for v in (np.linalg.norm(each[:, 0]), each[:, 1].sum(), each[:, 2].sum())]
        cases.append(
            {
                "model": own,
                **scale,
                "profile": profile,
                "source": name,
                "entries": len(state),
                "evalLogits": nested(logits),
                "trainLoss": rounded(loss.detach()),
                "gradient": gradient,
            }
        )
        print(own, profile, "logits", float(logits.norm()), "loss", float(loss))
    source = f"scripts/goldens/models.py, torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}, float64"
    rows = ",\n".join(json.dumps(case) for case in cases)
    path = GOLDEN / "models-families.json"
    path.write_text(f'{{"source": "{source}",\n"resolution": 64, "batch": {BATCH}, "numClasses": {CLASSES},\n"cases": [\n{rows}\n]}}\n')
    print(path.stat().st_size, "bytes")


def main():
    torch.manual_seed(0)
    families()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    still = dict(num_classes=CLASSES, dropout=0.0, stochastic_depth_prob=0.0)
    for variant, size in (("b0", 96), ("b4", 96), ("b7", 96)):
        model = getattr(torchvision.models, f"efficientnet_{variant}")(**still)
        if variant == "b0":
            keys = list(model.state_dict())
            table = [[key, list(value.shape)] for key, value in model.state_dict().items()]
        run(f"torchvision-{variant}", model, list(model.state_dict()), size, training=True)
    still = dict(num_classes=CLASSES, drop_rate=0.0, drop_path_rate=0.0)
    # timm names its tensors otherwise but keeps torchvision's order. Odd sides meet SAME padding's other case.
    run("timm-b0", timm.create_model("efficientnet_b0", **still), keys, 96, training=False)
    run("tf-b0", timm.create_model("tf_efficientnet_b0", **still), keys, 96, training=True)
    run("tf-b0-odd", timm.create_model("tf_efficientnet_b0", **still), keys, 91, training=False)
    source = f"scripts/goldens/models.py, torchvision {torchvision.__version__} efficientnet_b0, {CLASSES} classes"
    rows = ",\n".join(json.dumps(row) for row in table)
    (GOLDEN / "state-dict-b0.json").write_text(f'{{"source": "{source}",\n"entries": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
