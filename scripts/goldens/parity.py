"""Networks of timm and torchvision with random weights, as files of both formats, and what they make of one batch.

Usage: python scripts/goldens/parity.py FOLDER [NAME ...]   (torch, torchvision, timm, safetensors; called by scripts/parity.mjs)

Writes FOLDER/parity.json and for each network two files of weights. The images are made by the same rule here and there.
"""

import json
import pathlib
import sys

import safetensors.torch
import timm
import torch
import torchvision

# Name here (or checkpoint's network), profile here, library, name there, side in pixels, timm's options if any.
MODELS = [
    ("efficientnet_b0", "torchvision", torchvision, "efficientnet_b0", 96),
    ("efficientnet_b2", "torchvision", torchvision, "efficientnet_b2", 96),
    ("efficientnet_b5", "torchvision", torchvision, "efficientnet_b5", 64),
    ("efficientnet_b0", "timm", timm, "efficientnet_b0", 96),
    ("efficientnet_b1", "tf", timm, "tf_efficientnet_b1", 95),
    ("efficientnet_b4", "tf", timm, "tf_efficientnet_b4", 96),
    ("efficientnetv2_s", "torchvision", torchvision, "efficientnet_v2_s", 96),
    ("efficientnetv2_b0", "tf", timm, "tf_efficientnetv2_b0", 96),
    ("efficientnetv2_b3", "tf", timm, "tf_efficientnetv2_b3", 96),
    ("efficientnetv2_s", "tf", timm, "tf_efficientnetv2_s", 96),
    ("efficientnetv2_rw_t", "timm", timm, "efficientnetv2_rw_t", 96),
    ("efficientnet_lite0", "timm", timm, "efficientnet_lite0", 96),
    ("efficientnet_lite2", "tf", timm, "tf_efficientnet_lite2", 96),
    ("mobilenet_v1", "timm", timm, "mobilenetv1_100", 96),
    ("mobilenet_v2", "torchvision", torchvision, "mobilenet_v2", 96),
    ("mobilenet_v2", "timm", timm, "mobilenetv2_100", 96),
    ("mobilenet_v3_large", "torchvision", torchvision, "mobilenet_v3_large", 96),
    ("mobilenet_v3_small", "torchvision", torchvision, "mobilenet_v3_small", 96),
    ("mobilenet_v3_large", "timm", timm, "mobilenetv3_large_100", 96),
    ("mnasnet_b1", "torchvision", torchvision, "mnasnet1_0", 96),
    ("mnasnet_b1", "timm", timm, "mnasnet_100", 96),
    ("mnasnet_a1", "timm", timm, "semnasnet_100", 96),
    ("resnet18", "torchvision", torchvision, "resnet18", 96),
    ("resnet50", "timm", timm, "resnet50", 96),
    ("wide_resnet50_2", "torchvision", torchvision, "wide_resnet50_2", 64),
    ("wide_resnet50_2", "timm", timm, "wide_resnet50_2", 64),
    ("efficientnet_b3", "timm", timm, "efficientnet_b3", 96),
    ("efficientnet_b7", "tf", timm, "tf_efficientnet_b7", 64),
    ("mobilenet_v3_large", "tf", timm, "tf_mobilenetv3_large_100", 96),
    ("efficientnet_b0", "timm", timm, "efficientnet_b0", 96, {"global_pool": "catavgmax"}),
    ("mobilenet_v3_small", "timm", timm, "mobilenetv3_small_100", 96, {"global_pool": "avgmax", "num_classes": 0}),
    ("mobilenet_v3_small", "timm", timm, "mobilenetv3_small_100", 96, {"global_pool": "catavgmax", "num_classes": 5}),
    ("resnet18", "timm", timm, "resnet18", 96, {"global_pool": "max", "num_classes": 0}),
    ("efficientnetv2_b0", "tf", timm, "tf_efficientnetv2_b0", 96, {"in_chans": 1, "num_classes": 7}),
]
BATCH = 2


def images(size, batch=BATCH, channels=3):
    count = batch * channels * size * size
    return ((torch.arange(count, dtype=torch.float64) * 12.9898).sin() * 1.5).float().reshape(batch, channels, size, size)


def randomize(model, size, channels):
    """
    Weights as after some training: scales and biases that are not those of initialisation, and statistics that images have.
    Statistics out of thin air would let deep networks blow rounding up until nothing can be compared.
    """
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point() and value.dim() == 1 and "running" not in name:
                value.add_(torch.randn_like(value) * 0.1)
        norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        model.eval()
        for norm in norms:
            norm.train()
        model(images(size, 16, channels))
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
            norm.running_var.lerp_(torch.rand_like(norm.running_var) + 0.5, 0.5)


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(0)
    cases = []
    wanted = [row for row in MODELS if len(sys.argv) < 3 or row[0] in sys.argv[2:]]
    for i, (own, profile, library, name, size, *rest) in enumerate(wanted):
        options = rest[0] if rest else {}
        model = timm.create_model(name, **options) if library is timm else getattr(torchvision.models, name)()
        channels = options.get("in_chans", 3)
        randomize(model, size, channels)
        model.eval()
        with torch.no_grad():
            logits = model(images(size, BATCH, channels))
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        safetensors.torch.save_file(state, folder / f"{i}.safetensors")
        torch.save({"state_dict": state, "epoch": 1}, folder / f"{i}.pth")
        cases.append(
            {
                "model": own,
                "profile": profile,
                "source": f"{library.__name__} {name}",
                "options": options,
                "size": size,
                "batch": BATCH,
                "files": [f"{i}.safetensors", f"{i}.pth"],
                "logits": logits.flatten().tolist(),
            }
        )
        # How far rounding alone takes these very weights: some random networks blow it up.
        with torch.no_grad():
            exact = model.double()(images(size, BATCH, channels).double())
        cases[-1]["exact"] = exact.flatten().tolist()
        print(f"{i + 1}/{len(wanted)} {library.__name__} {name}", file=sys.stderr)
    (folder / "parity.json").write_text(json.dumps(cases))


if __name__ == "__main__":
    main()
