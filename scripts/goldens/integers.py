"""What torch.tensor makes of numbers that a dtype may not hold: writes test/golden/integers.json.

    python scripts/goldens/integers.py

A case is [dtype, number or the text of one, elements or null where PyTorch refuses]. Python's integers stand for BigInts
where the text ends with n.
"""
import json
import math
from pathlib import Path

import torch

NUMBERS = [0.0, 1.5, -1.5, -1.0, 127.0, 127.5, 128.0, -128.0, -129.0, 255.0, 255.9, 256.0, -255.0, -256.0, 300.0,
           32767.0, 32768.0, 4e4, -32769.0, 2147483647.0, 2147483648.0, -2147483649.0, 3e9, 9.2e18, 9.3e18, -9.3e18,
           math.nan, math.inf, -math.inf]
INTEGERS = [5, 300, -1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1]
DTYPES = ['uint8', 'int8', 'int16', 'int32', 'int64', 'bool']


def made(value, dtype):
    try:
        return int(torch.tensor([value], dtype=getattr(torch, dtype))[0])
    except (RuntimeError, ValueError, OverflowError):
        return None


cases = []
for dtype in DTYPES:
    for value in NUMBERS:
        result = made(value, dtype)
        cases.append([dtype, str(value).replace('inf', 'Infinity').replace('nan', 'NaN'), result and str(result) or (None if result is None else '0')])
    for value in INTEGERS:
        result = made(value, dtype)
        cases.append([dtype, f'{value}n', None if result is None else str(result)])

target = Path(__file__).parents[2] / 'test/golden/integers.json'
lines = ',\n'.join(f'    {json.dumps(case)}' for case in cases)
target.write_text(f'{{\n  "source": "PyTorch {torch.__version__.split("+")[0]}",\n  "cases": [\n{lines}\n  ]\n}}\n')
