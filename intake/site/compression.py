"""Compresses responses with gzip, which every browser takes over http and https alike."""

import gzip
import struct
import zlib

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
_LEAST = 512


class SplicedPage:
    """A page that is the same for everyone but for a short middle part, compressed once for all.

    The middle is stored, not compressed: its length on the wire says nothing about the secret in it.
    """

    def __init__(self, page: bytes, marker: bytes) -> None:
        self._before, self._after = page.split(marker)
        self._compressed_before = _deflate(self._before)
        self._compressed_after = _deflate(self._after, last=True)
        self._checksum_before = zlib.crc32(self._before)

    def plain(self, middle: bytes) -> bytes:
        """Return the page."""
        return self._before + middle + self._after

    def compressed(self, middle: bytes) -> bytes:
        """Return the page as gzip (RFC 1952)."""
        checksum = zlib.crc32(self._after, zlib.crc32(middle, self._checksum_before))
        length = len(self._before) + len(middle) + len(self._after)
        stored = struct.pack("<BHH", 0, len(middle), len(middle) ^ 0xFFFF) + middle
        trailer = struct.pack("<II", checksum, length & 0xFFFFFFFF)
        return _HEADER + self._compressed_before + stored + self._compressed_after + trailer


def compress(body: bytes) -> bytes | None:
    """Return the body as gzip, or None where that would not pay."""
    return gzip.compress(body, 6, mtime=0) if len(body) >= _LEAST else None


def _deflate(data: bytes, last: bool = False) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    return compressor.compress(data) + compressor.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
