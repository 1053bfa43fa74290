"""Writes the pictures of docs/guide-images.md into this folder, as PNG: good/, new/, test/ with masks beside it in ground_truth/,
and photos/, of three sizes.

    python3 scripts/guide-pictures.py
"""

import math
import os
import random
import struct
import zlib

WIDTH, HEIGHT = 96, 72


def woven(seed, width=WIDTH, height=HEIGHT, step=1.0):
    """Rows of pixels, (r, g, b) each: cloth of two threads, its weave shifted by the seed."""
    draw = random.Random(seed)
    across, down = draw.uniform(0, 6), draw.uniform(0, 6)

    def pixel(x, y):
        light = 120 + 45 * math.sin(0.9 * step * x + across) * math.cos(0.7 * step * y + down) + draw.gauss(0, 5)
        return [light + 25, light, light - 20]

    return [[pixel(x, y) for x in range(width)] for y in range(height)]


def damaged(rows, x, y, width, height, light):
    """The same with a rectangle of one lightness, and the mask of it."""
    mask = [[0] * len(rows[0]) for _ in rows]
    for i in range(y, y + height):
        for j in range(x, x + width):
            rows[i][j] = [light] * 3
            mask[i][j] = 255
    return rows, mask


def write(path, rows):
    """A PNG: of colours where a pixel is three numbers, else grey."""
    is_grey = not isinstance(rows[0][0], list)
    lines = b""
    for row in rows:
        numbers = row if is_grey else [number for pixel in row for number in pixel]
        lines += b"\0" + bytes(max(0, min(255, round(number))) for number in numbers)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0 if is_grey else 2, 0, 0, 0)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


for i in range(24):
    write(f"good/{i:02}.png", woven(i))
for i in range(6):
    is_odd = i in (2, 4)
    rows = woven(100 + i)
    write(f"new/{i}.png", damaged(rows, 20 + 9 * i, 15 + 6 * i, 22, 5, 215)[0] if is_odd else rows)
for i in range(5):
    write(f"test/good/{i}.png", woven(200 + i))
    rows, mask = damaged(woven(300 + i), 10 + 12 * i, 10 + 9 * i, 24, 4, 225)
    write(f"test/scratch/{i}.png", rows)
    write(f"ground_truth/scratch/{i}_mask.png", mask)
for i in range(24):
    width, height = [(96, 72), (72, 72), (80, 60)][i % 3]
    write(f"photos/{('fine', 'coarse')[i % 2]}/{i:02}.png", woven(400 + i, width, height, (1.0, 0.5)[i % 2]))
