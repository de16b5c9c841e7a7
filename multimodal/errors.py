"""The errors of the project, each with a stable code.

::

    MultimodalError
    ├── InputError                 the record, the command or the request is at fault (exit 2)
    │   ├── EmptyCaseError         empty_case          nothing that can be scored was given
    │   ├── UnknownFormatError     unknown_format      the content is no format that is read here
    │   ├── CorruptFileError       corrupt_file        damaged, truncated or contradicting itself
    │   ├── UnsupportedError       unsupported         a valid file of a kind that is not handled
    │   ├── LimitError             limit_exceeded      larger or slower than the limits allow
    │   ├── DecoderError           decoder_failed      the decoder crashed on the file, or could not be started
    │   ├── MixedPatientsError     mixed_patients      files of two patients in one case
    │   ├── ManifestError          manifest            a row of a manifest or of metadata.csv is wrong
    │   └── UsageError             usage               an argument or option is wrong
    ├── ModelError                 a bundle or a network is at fault
    │   ├── BundleNotFoundError    bundle_not_found    no bundle of that name
    │   ├── BundleInvalidError     bundle_invalid      files missing, config not of the schema, hash differs
    │   ├── ArchitectureError      architecture        no registered architecture of that name
    │   └── NonFiniteError         non_finite          a network gave NaN or infinity
    ├── ServiceError               a server cannot answer, or not now
    │   ├── BusyError              busy                too much is waiting already; come back later
    │   ├── DeadlineError          deadline            not answered within the time allowed
    │   ├── AbandonedError         abandoned           whoever asked has gone
    │   ├── UnavailableError       unavailable         warming up, shutting down, or not to be reached
    │   ├── UnauthorizedError      unauthorized        the token is missing or wrong
    │   └── NotFoundError          not_found           no such address or job
    ├── StoreError                 store               the worklist's database can't be opened, read or written
    └── MissingExtraError          missing_extra       an optional dependency is not installed
"""

from __future__ import annotations

from typing import ClassVar


class MultimodalError(Exception):
    """Root of the tree.

    Args:
        message: One plain sentence: what is wrong and, where it helps, what to try.
        file: Name of the file concerned, as the user gave it, if there is one.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, file: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" if self.file else self.message


class InputError(MultimodalError):
    """What the user gave is at fault."""

    code = "input"


class EmptyCaseError(InputError):
    """A case without a single item that can be scored."""

    code = "empty_case"


class UnknownFormatError(InputError):
    """Content that is no format read here."""

    code = "unknown_format"


class CorruptFileError(InputError):
    """A file that is damaged, cut short or contradicts itself."""

    code = "corrupt_file"


class UnsupportedError(InputError):
    """A valid file of a kind that is not handled, such as a video or a CT slice."""

    code = "unsupported"


class LimitError(InputError):
    """A file that claims, holds or takes more than the limits allow."""

    code = "limit_exceeded"


class DecoderError(InputError):
    """A file on which the decoder crashed, or for which none could be started."""

    code = "decoder_failed"


class MixedPatientsError(InputError):
    """Files of two patients in one case."""

    code = "mixed_patients"


class ManifestError(InputError):
    """A row of a manifest or of a metadata.csv that cannot be used."""

    code = "manifest"


class UsageError(InputError):
    """An argument or option that cannot be used."""

    code = "usage"


class ModelError(MultimodalError):
    """A bundle or a network is at fault."""

    code = "model"


class BundleNotFoundError(ModelError):
    """No bundle of that kind and name."""

    code = "bundle_not_found"


class BundleInvalidError(ModelError):
    """A bundle whose files are missing, malformed or changed."""

    code = "bundle_invalid"


class ArchitectureError(ModelError):
    """No registered architecture of that kind and name."""

    code = "architecture"


class NonFiniteError(ModelError):
    """A network gave NaN or infinity: an error, never a probability."""

    code = "non_finite"


class ServiceError(MultimodalError):
    """A server that cannot answer, or not now."""

    code = "service"


class BusyError(ServiceError):
    """Too much is waiting already."""

    code = "busy"


class DeadlineError(ServiceError):
    """A request that was not answered within the time allowed."""

    code = "deadline"


class AbandonedError(ServiceError):
    """A request that nobody waits for any more."""

    code = "abandoned"


class UnavailableError(ServiceError):
    """A server that is warming up, shutting down or cannot be reached."""

    code = "unavailable"


class UnauthorizedError(ServiceError):
    """A request without the token, or with a wrong one."""

    code = "unauthorized"


class NotFoundError(ServiceError):
    """No such address, or no such job."""

    code = "not_found"


class StoreError(MultimodalError):
    """The worklist's database cannot be opened, read or written."""

    code = "store"


class MissingExtraError(MultimodalError):
    """An optional dependency is not installed; the message names the install line."""

    code = "missing_extra"
