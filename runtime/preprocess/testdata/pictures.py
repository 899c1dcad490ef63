# Writes the pictures of this folder, which Go's encoders cannot write, and
# prints the checksums of TestPillow. Made with Pillow 12.0.0: later
# releases filter down first where that is cheaper, which can differ by 1.
#
#   python3 runtime/preprocess/testdata/pictures.py
import pathlib, zlib
from PIL import Image

here = pathlib.Path(__file__).parent
W, H = 21, 15


def gradient():
    """Red grows to the right, green downwards, blue is their difference."""
    return Image.frombytes("RGB", (W, H), bytes(v for y in range(H) for x in range(W) for v in (12 * x, 17 * y, abs(12 * x - 17 * y))))


def save(name, picture, **options):
    picture.save(here / name, **options)


rgb = gradient()
gray = rgb.convert("L")
alpha = Image.frombytes("L", (W, H), bytes((x * 40 + y * 3) % 256 for y in range(H) for x in range(W)))
save("baseline.jpg", rgb, quality=90)
save("progressive.jpg", rgb, quality=90, progressive=True)
save("gray.jpg", gray, quality=90)
save("cmyk.jpg", rgb.convert("CMYK"), quality=90)
save("gray-alpha.png", Image.merge("LA", (gray, alpha)))
save("gray-transparent.png", gray, transparency=gray.getpixel((3, 2)))
save("rgb-transparent.png", rgb, transparency=rgb.getpixel((3, 2)))
save("bilevel.png", gray.convert("1"))
save("palette-4bit.png", rgb.quantize(16), bits=4)


def noise(n):
    x, out = 1, bytearray()
    for _ in range(n):
        x = (x * 1664525 + 1013904223) % 2**32
        out.append(x >> 24)
    return bytes(out)


for mode, channels in (("L", 1), ("RGB", 3)):
    for w, h, w2, h2 in ((17, 13, 5, 7), (5, 7, 17, 13), (64, 48, 28, 28), (3, 300, 4, 3), (300, 200, 1, 1), (13, 17, 13, 5), (13, 17, 6, 17), (640, 480, 96, 96), (2, 2, 224, 224)):
        small = Image.frombytes(mode, (w, h), noise(w * h * channels)).resize((w2, h2), Image.Resampling.BILINEAR)
        print("{%d, %d, %d, %d, %d, 0x%08x}," % (channels, w, h, w2, h2, zlib.crc32(small.tobytes())))
