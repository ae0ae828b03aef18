"""Exported ONNX files before onnx's own checker, shape inference included.

Usage: python scripts/goldens/onnx_check.py FILE...   (onnx; prints a line a file, exits with 1 when one is refused)
"""

import sys

import onnx


def main(paths):
    refused = 0
    for path in paths:
        try:
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
            known = {value.name for value in [*inferred.graph.value_info, *inferred.graph.output]}
            unknown = [name for node in model.graph.node for name in node.output if name not in known]
            if unknown:
                raise ValueError(f"no shape is inferred for {unknown[:5]}")
            shapes = [
                [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
                for value in [inferred.graph.input[0], inferred.graph.output[0]]
            ]
            print("ok  ", path, f"opset {model.opset_import[0].version}", len(model.graph.node), "nodes", *shapes)
        except Exception as error:  # whatever it is, the file is refused
            refused += 1
            print("FAIL", path, f"{type(error).__name__}: {error}")
    return 1 if refused or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
