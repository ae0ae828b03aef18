"""Golden of image files as Pillow reads them: colours, depths, transparency, orientation.

Usage: python scripts/goldens/image_files.py   (Pillow, numpy; writes test/golden/image-files.json)

Each case has a file and its pixels: those of Image.convert("RGB") after ImageOps.exif_transpose, on white where there is
transparency; with `managed`, the same after ImageCms has brought the file's profile to sRGB. Gray of 16 bits is the one
thing that is not Pillow's: convert() clips it at 255, so that here it is divided by 256, as Pillow does with 16-bit colours.
"""

import base64
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageCms, ImageOps

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "image-files.json"
W, H = 11, 7
cases = []


def picture(channels, width=W, height=H):
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 110 * np.sin(x / (2 + c) + y / (3 + c) + 1.7 * c) for c in range(channels)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(colour, raw, extra=b""):
    """A PNG of 16 bits a channel, which Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in raw)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", raw.shape[1], raw.shape[0], 16, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def profile(kind, primaries, gamma):
    """A matrix profile of version 2: linear primaries (or gray) behind a power."""

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    white, curve = (0.9642, 1.0, 0.8249), b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"made\0" + b"\0" * 79
    tags = [(b"desc", name), (b"cprt", b"text\0\0\0\0none\0\0\0\0"), (b"wtpt", xyz(white))]
    if kind == b"GRAY":
        tags.append((b"kTRC", curve))
    else:
        tags += [(b"rgb"[c : c + 1] + b"XYZ", xyz(primaries[c])) for c in range(3)]
        tags += [(b"rgb"[c : c + 1] + b"TRC", curve) for c in range(3)]
    table, data = struct.pack(">I", len(tags)), b""
    at = 128 + 4 + 12 * len(tags)
    for tag, content in tags:
        table += tag + struct.pack(">II", at + len(data), len(content))
        data += content
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"none", 0x02100000, b"mntr", kind, b"XYZ ")
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += b"".join(struct.pack(">i", round(v * 65536)) for v in white) + b"\0" * 48
    return head + table + data


def pixels_of(data, managed):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if managed:
        own = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        image = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), 0, "RGB")
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def case(name, data, managed=False, within=0):
    """`within` is the difference that is allowed, steps of 256: blending and profiles round elsewhere."""
    image = pixels_of(data, managed)
    text = [base64.b64encode(b).decode() for b in (data, image.tobytes())]
    size = dict(zip(("width", "height"), image.size))
    cases.append({"name": name, "managed": managed, "within": within, **size, "file": text[0], "pixels": text[1]})


def main():
    rgb, gray = Image.fromarray(picture(3)), Image.fromarray(picture(1)[:, :, 0])
    cmyk, rgba = Image.fromarray(picture(4), "CMYK"), Image.fromarray(picture(4), "RGBA")
    for mode, subsampling in (("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)):
        case(f"JPEG {mode}", encoded(rgb, "JPEG", quality=90, subsampling=subsampling))
    case("JPEG, progressive", encoded(rgb, "JPEG", progressive=True))
    case("JPEG, gray", encoded(gray, "JPEG"))

    # Adobe's inks are stored inverted, and the marker says whether they are YCCK; where it lacks, Pillow inverts all the same.
    jpeg = encoded(cmyk, "JPEG", quality=95, subsampling=0)
    marker = jpeg.index(b"\xff\xee\0\x0eAdobe")
    case("JPEG, CMYK of Adobe", jpeg)
    case("JPEG, CMYK without a marker", jpeg[:marker] + jpeg[marker + 16 :])
    case("JPEG, YCCK", jpeg[: marker + 15] + b"\2" + jpeg[marker + 16 :])
    case("TIFF, CMYK", encoded(cmyk, "TIFF", compression="tiff_lzw"))
    case("TIFF", encoded(rgb, "TIFF", compression="tiff_lzw"))

    wide = picture(4).astype(np.uint16) * 256 + picture(4)[::-1, ::-1]
    case("PNG, gray of 16 bits", png(0, wide[:, :, :1]))
    case("PNG, 16 bits", png(2, wide[:, :, :3]))
    case("PNG, 16 bits with opacity", png(6, wide), within=2)
    case("PNG, gray with opacity", encoded(Image.fromarray(picture(2), "LA"), "PNG"), within=1)
    case("PNG, opacity", encoded(rgba, "PNG"), within=1)
    palette = rgb.quantize(16)
    case("PNG, palette", encoded(palette, "PNG"))
    case("PNG, palette with opacity", encoded(palette, "PNG", transparency=bytes([0, 30, 128, 200])), within=1)
    case("PNG, a transparent colour", encoded(rgb, "PNG", transparency=rgb.getpixel((3, 3))))
    case("PNG, black and white", encoded(gray.convert("1"), "PNG"))
    case("PNG, gray", encoded(gray, "PNG"))
    case("GIF", encoded(palette, "GIF"))
    case("GIF, transparent", encoded(palette, "GIF", transparency=3))
    case("WebP", encoded(rgb, "WEBP", quality=90))
    case("WebP, opacity", encoded(rgba, "WEBP", lossless=True, exact=True), within=1)
    # Half-size colours are enlarged in another way there.
    case("AVIF", encoded(rgb, "AVIF", quality=90, subsampling="4:4:4"), within=1)

    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x112] = orientation
        case(f"PNG, orientation {orientation}", encoded(rgb, "PNG", exif=exif))
        if orientation == 6:
            case(f"JPEG, orientation {orientation}", encoded(rgb, "JPEG", exif=exif))
            case(f"WebP, orientation {orientation}", encoded(rgb, "WEBP", lossless=True, exif=exif))
            case(f"TIFF, orientation {orientation}", encoded(rgb, "TIFF", exif=exif))
            case(f"AVIF, orientation {orientation}", encoded(rgb, "AVIF", quality=90, subsampling="4:4:4", exif=exif), within=1)

    p3 = profile(b"RGB ", ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)), 2.2)
    light = profile(b"GRAY", None, 1.0)
    for managed in (False, True):
        # Another sRGB, and of 16 bits ImageCms sees the upper eight.
        within = 3 if managed else 0
        case("JPEG with a profile", encoded(rgb, "JPEG", quality=95, icc_profile=p3), managed, within)
        case("PNG with a profile", encoded(rgb, "PNG", icc_profile=p3), managed, within)
        case("TIFF with a profile", encoded(rgb, "TIFF", icc_profile=p3), managed, within)
        case("WebP with a profile", encoded(rgb, "WEBP", lossless=True, icc_profile=p3), managed, within)
        case("AVIF with a profile", encoded(rgb, "AVIF", quality=90, subsampling="4:4:4", icc_profile=p3), managed, within + 2)
        case("PNG, gray with a profile", encoded(gray, "PNG", icc_profile=light), managed, within)
        chunk = b"made\0\0" + zlib.compress(p3)
        iccp = struct.pack(">I", len(chunk)) + b"iCCP" + chunk + struct.pack(">I", zlib.crc32(b"iCCP" + chunk))
        case("PNG, 16 bits with a profile", png(2, wide[:, :, :3], iccp), managed, 2 * within)
    OUT.write_text(json.dumps({"source": f"Pillow {PIL.__version__}", "cases": cases}, indent=0) + "\n")
    print(len(cases), "cases,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
