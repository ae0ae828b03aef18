"""Writes test/golden/transforms.json: resized and warped images as PyTorch and torchvision compute them, in float64.

    python scripts/goldens/transforms.py
"""

import json
import pathlib

import torch
from torch.nn import functional as F
from torchvision.transforms._functional_tensor import _gen_affine_grid
from torchvision.transforms.functional import _get_inverse_affine_matrix

ROOT = pathlib.Path(__file__).resolve().parents[2]


def image(channels: int, height: int, width: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (channels, height, width), generator=generator, dtype=torch.uint8)


def theta(angle: float, translate: tuple[float, float], scale: float, shear: float, flip: bool) -> torch.Tensor:
    """affine_grid's 2 x 3 matrix from torchvision's inverse matrix (about the centre, in half sides), flipped first."""
    moved = [2 * t for t in translate]
    rows = torch.tensor(_get_inverse_affine_matrix([0.0, 0.0], angle, moved, scale, [shear, 0.0]), dtype=torch.float64)
    return torch.diag(torch.tensor([-1.0 if flip else 1.0, 1.0], dtype=torch.float64)) @ rows.view(2, 3)


def coverage(grid: torch.Tensor, matrix: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """How much of each output pixel lies inside the source's square, estimated along each axis of the source."""
    result = torch.ones(grid.shape[:-1], dtype=torch.float64)
    for axis in (0, 1):
        footprint = matrix[axis, 0].abs() * 2 / width + matrix[axis, 1].abs() * 2 / height
        result *= (0.5 + (1 - grid[..., axis].abs()) / footprint).clamp(0, 1)
    return result


def rounded(tensor: torch.Tensor) -> list[float]:
    return [round(v, 7) for v in tensor.flatten().tolist()]


def main() -> None:
    resized = []
    squares = (((1, 8, 8), 32), ((1, 8, 8), 8), ((3, 5, 7), 12), ((2, 9, 6), 4), ((1, 1, 1), 3), ((1, 28, 28), 20))
    for shape, size in (*squares, ((1, 8, 8), (5, 13)), ((2, 6, 9), (11, 4))):
        sides = (size, size) if isinstance(size, int) else size
        source = image(*shape, seed=sides[0])
        out = F.interpolate(source[None].double(), size=sides, mode="bilinear", align_corners=False)
        resized.append({"shape": shape, "size": size, "source": source.flatten().tolist(), "out": rounded(out)})

    variations = [
        {"angle": 10.0, "translate": (0.05, -0.1), "scale": 1.1, "shear": 5.0, "flip": False},
        {"angle": -35.0, "translate": (0.0, 0.0), "scale": 0.6, "shear": 0.0, "flip": True},
        {"angle": 0.0, "translate": (0.25, 0.0), "scale": 1.0, "shear": -20.0, "flip": False},
        {"angle": 170.0, "translate": (-0.3, 0.4), "scale": 1.4, "shear": 12.0, "flip": True},
    ]
    warped = []
    for i, variation in enumerate(variations):
        shape, size = ((1, 8, 8), 16) if i % 2 == 0 else ((2, 6, 9), 12)
        source = image(*shape, seed=100 + i)
        matrix = theta(**variation)
        grid = F.affine_grid(matrix[None], [1, shape[0], size, size], align_corners=False)
        edge = F.grid_sample(source[None].double(), grid, mode="bilinear", padding_mode="border", align_corners=False)
        zero = edge * coverage(grid, matrix, size, size)
        warped.append({
            "variation": variation, "shape": shape, "size": size, "source": source.flatten().tolist(),
            "theta": [round(v, 12) for v in matrix.flatten().tolist()], "edge": rounded(edge), "zero": rounded(zero),
        })

    # Rectangles: torchvision turns in pixels, so it makes the grid.
    for i, variation in enumerate(variations):
        shape = (2, 6, 9) if i % 2 == 0 else (1, 11, 7)
        channels, height, width = shape
        source = image(*shape, seed=200 + i)
        moved = [variation["translate"][0] * width, variation["translate"][1] * height]
        rows = _get_inverse_affine_matrix(
            [0.0, 0.0], variation["angle"], moved, variation["scale"], [variation["shear"], 0.0]
        )
        pixels = torch.tensor(rows, dtype=torch.float64).view(2, 3)
        if variation["flip"]:
            pixels = torch.diag(torch.tensor([-1.0, 1.0], dtype=torch.float64)) @ pixels
        grid = _gen_affine_grid(pixels[None], w=width, h=height, ow=width, oh=height)
        edge = F.grid_sample(source[None].double(), grid, mode="bilinear", padding_mode="border", align_corners=False)
        half = torch.tensor([width / 2, height / 2], dtype=torch.float64)
        matrix = torch.cat([pixels[:, :2] * half[None, :] / half[:, None], pixels[:, 2:] / half[:, None]], dim=1)
        zero = edge * coverage(grid, matrix, height, width)
        warped.append({
            "variation": variation, "shape": shape, "size": (height, width), "source": source.flatten().tolist(),
            "theta": [round(v, 12) for v in matrix.flatten().tolist()], "edge": rounded(edge), "zero": rounded(zero),
        })

    text = json.dumps({"resized": resized, "warped": warped}, separators=(",", ":"))
    (ROOT / "test/golden/transforms.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
