"""The training step of scripts/bench/training-step.mjs in PyTorch, eager, channels-last: the oracle of its timing.

Usage: python training_step.py BATCH SIZE THREADS
For each line on standard input, a number of steps, it runs them and prints the seconds of each as a JSON list.
"""
import json
import sys
import time

import torch
from torchvision.models import efficientnet_b0

batch, size, threads = map(int, sys.argv[1:])
torch.manual_seed(0)
torch.set_num_threads(threads)
model = efficientnet_b0(num_classes=10).train().to(memory_format=torch.channels_last)
images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (batch,))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-5, foreach=True)


def step():
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1).backward()
    optimizer.step()


print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    seconds = []
    for _ in range(int(line)):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps(seconds), flush=True)
