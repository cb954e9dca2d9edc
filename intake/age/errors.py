"""Every error of this package. Each message is a sentence for the person who reads it, and never holds a secret."""


class AgeError(Exception):
    """Anything wrong with a key, a passphrase, or an age file."""


class KeyFormatError(AgeError):
    """A recipient, an identity or a passphrase cannot be used as one."""


class RecipientsError(AgeError):
    """These recipients may not, or cannot, share one file."""


class HeaderError(AgeError):
    """The header is damaged, is not one of age v1, or goes beyond a limit. Nothing was decrypted."""


class NoMatchError(AgeError):
    """The header is sound, but none of the identities opens the file."""


class HmacError(AgeError):
    """An identity opens the file, but the header was altered after it was made."""


class PayloadError(AgeError):
    """The payload is damaged, altered, cut off, or followed by something else."""


class ArmorError(AgeError):
    """The ASCII armor around the file is damaged or not strict."""


class ShortWriteError(AgeError, OSError):
    """What was written to took fewer bytes than it was given, so the file there is incomplete."""
