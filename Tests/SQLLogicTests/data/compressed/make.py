"""Makes the files of this folder: lines `n,row n` in what Hadoop, Hive and others compress text files with. Needs PyArrow."""

import bz2
import gzip
import pathlib
import struct

import pyarrow

FOLDER = pathlib.Path(__file__).parent


def lines(first, end):
    return "".join(f"{n},row {n}\n" for n in range(first, end)).encode()


def crc32c(data):
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum ^= byte
        for _ in range(8):
            checksum = (checksum >> 1) ^ 0x82F63B78 if checksum & 1 else checksum >> 1
    return checksum ^ 0xFFFFFFFF


def masked(checksum):
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def stream(codec, data):
    sink = pyarrow.BufferOutputStream()
    writer = pyarrow.CompressedOutputStream(sink, codec)
    writer.write(data)
    writer.close()
    return sink.getvalue().to_pybytes()


def hadoop_block(data):
    """Length of the block, then length and bytes of its only piece."""
    piece = pyarrow.compress(data, codec="snappy", asbytes=True)
    return struct.pack(">II", len(data), len(piece)) + piece


def framed(kind, data, stored):
    chunk = struct.pack("<I", masked(crc32c(data))) + stored
    return kind + struct.pack("<I", len(chunk))[:3] + chunk


def snappy_frames(first, second):
    """Snappy's framing format: one chunk compressed, one stored."""
    compressed = pyarrow.compress(first, codec="snappy", asbytes=True)
    return b"\xff\x06\x00\x00sNaPpY" + framed(b"\x00", first, compressed) + framed(b"\x01", second, second)


def write(name, data):
    (FOLDER / name).write_bytes(data)


write("two_members.csv.gz", gzip.compress(lines(0, 50), mtime=0) + gzip.compress(lines(50, 100), mtime=0))
write("frames.csv.zst", stream("zstd", lines(0, 50)) + stream("zstd", lines(50, 100)))
write("frame.csv.lz4", stream("lz4", lines(0, 100)))
write("hadoop.csv.snappy", hadoop_block(lines(0, 50)) + hadoop_block(lines(50, 100)))
write("framed.csv.sz", snappy_frames(lines(0, 50), lines(50, 100)))
write("no.csv.bz2", bz2.compress(lines(0, 3)))
whole = gzip.compress(lines(0, 1000), mtime=0)
write("cut.csv.gz", whole[: len(whole) // 2])
damaged = bytearray(gzip.compress(lines(0, 100), mtime=0))
damaged[-6] ^= 0xFF
write("checksum.csv.gz", bytes(damaged))
