"""ZIP archives that depend on the files in them alone.

The standard library compresses with the zlib of the machine: zlib, zlib-ng and Cloudflare's make different
bytes of the same file, and so do their versions. Here the pinned package `deflate` compresses, which brings
its own libdeflate, and the standard library's `zipfile` reads the result. The handlers come to 2.0 MB, as
with zlib; without compression they would be 5.5 MB.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping

import deflate

# A higher level takes eight times as long for two percent.
_LEVEL = 9
_VERSION = 20  # of the ZIP format: the first with folders and this compression
_UNIX = 3  # the system of the modes, also on other systems
_UTF8_NAMES = 0x800
# The earliest moment of the format, 1 January 1980: with the files' own times no two builds would be equal.
_NO_TIME, _NO_DATE = 0, 1 << 5 | 1
_READABLE = 0o100644 << 16
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def pack(files: Mapping[str, bytes], *, compressed: bool) -> bytes:
    """Return an archive of these files by name: sorted, without times, with one mode.

    Raises:
        struct.error: There are more files, or longer ones, than the ZIP format holds without its extension.
    """
    entries, directory = bytearray(), bytearray()
    for name in sorted(files):
        content = files[name]
        data = bytes(deflate.deflate_compress(content, _LEVEL)) if compressed else content
        method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        encoded = name.encode()
        # What stands before the data and in the directory alike.
        common = struct.pack("<4H", _UTF8_NAMES, method, _NO_TIME, _NO_DATE)
        common += struct.pack("<3I2H", zlib.crc32(content), len(data), len(content), len(encoded), 0)
        directory += _CENTRAL + struct.pack("<2BH", _VERSION, _UNIX, _VERSION) + common
        directory += struct.pack("<3H2I", 0, 0, 0, _READABLE, len(entries)) + encoded
        entries += _LOCAL + struct.pack("<H", _VERSION) + common + encoded + data
    count = len(files)
    end = _END + struct.pack("<4H2IH", 0, 0, count, count, len(directory), len(entries), 0)
    return bytes(entries + directory + end)
