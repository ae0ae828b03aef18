"""Golden of event files: what TensorBoard's own readers find in the files that our writer makes.

Usage: python scripts/goldens/event_files.py   (tensorboard, Pillow, node; writes test/golden/tensorboard.json)

The files are made by test/helpers/event-files.mjs and kept in the golden, so that the test compares bytes.
"""

import base64
import io
import json
import math
import pathlib
import subprocess
import tempfile

import numpy
import tensorboard
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "golden" / "tensorboard.json"


def number(value):
    """JSON has no NaN."""
    return "NaN" if math.isnan(value) else value


with tempfile.TemporaryDirectory() as folder:
    subprocess.run(["node", str(ROOT / "test" / "helpers" / "event-files.mjs"), folder], check=True)
    files = {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}

    # The reader of the dashboards before 2.0, which takes the messages as they are.
    old = event_accumulator.EventAccumulator(folder, size_guidance={kind: 0 for kind in event_accumulator.DEFAULT_SIZE_GUIDANCE})
    old.Reload()
    # Today's reader, which turns everything into tensors.
    new = plugin_event_accumulator.EventAccumulator(folder, tensor_size_guidance={"text": 0, "scalars": 0, "images": 0})
    new.Reload()

scalars = {
    tag: [[event.step, number(event.value), event.wall_time] for event in old.Scalars(tag)]
    for tag in sorted(old.Tags()["scalars"])
}
histograms = {}
for tag in sorted(old.Tags()["histograms"]):
    [event] = old.Histograms(tag)
    value = event.histogram_value
    histograms[tag] = {
        "step": event.step,
        **{key: getattr(value, key) for key in ("min", "max", "num", "sum", "sum_squares")},
        "bucket_limit": list(value.bucket_limit),
        "bucket": list(value.bucket),
    }
images = {}
for tag in sorted(old.Tags()["images"]):
    [event] = old.Images(tag)
    picture = Image.open(io.BytesIO(event.encoded_image_string))
    images[tag] = {
        "size": [event.width, event.height],
        "mode": picture.mode,
        "pixels": numpy.asarray(picture).flatten().tolist(),
    }
texts = {tag: new.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in new.PluginTagToContent("text")}
# Today's reader must see the same steps.
for tag, points in scalars.items():
    assert [event.step for event in new.Tensors(tag)] == [step for step, *_ in points], tag
assert sorted(new.PluginTagToContent("histograms")) == sorted(histograms)
assert sorted(new.PluginTagToContent("images")) == sorted(images)

golden = {
    "source": f"tensorboard {tensorboard.__version__}",
    "files": {name: base64.b64encode(data).decode() for name, data in files.items()},
    "scalars": scalars,
    "histograms": histograms,
    "images": images,
    "texts": texts,
}
lines = ",\n ".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in golden.items())
OUT.write_text(f"{{\n {lines}\n}}\n", encoding="utf-8")
