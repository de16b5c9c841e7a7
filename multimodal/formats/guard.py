"""The one place where the readers meet a foreign parser."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from multimodal.errors import CorruptFileError, LimitError, MultimodalError

# The list of warning filters belongs to the process: two overlapping changes would leave one behind.
_FILTERS = threading.RLock()


@contextmanager
def guarded(file: str, what: str) -> Iterator[None]:
    """Keep what a library says of a hostile file inside.

    Its warnings are dropped, because they quote the file and with it the patient, and its
    exceptions become one error that doesn't.

    Args:
        file: Name of the file, as the user gave it.
        what: What is being read, such as "DICOM pixel data".

    Raises:
        CorruptFileError: If the library raised anything.
        LimitError: If memory ran out.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except MultimodalError:
            raise
        except MemoryError:
            raise LimitError(f"The {what} needs more memory than there is.", file=file) from None
        except Exception:
            raise CorruptFileError(f"The {what} cannot be decoded: the file seems damaged.", file=file) from None
