from __future__ import annotations

import logging
import warnings

import pytest

from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats.guard import guarded


class PanicException(BaseException):  # as PyO3 names it
    pass


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (ValueError("SECRET"), CorruptFileError),
        (RecursionError(), CorruptFileError),
        (PanicException("SECRET"), CorruptFileError),
        (MemoryError(), LimitError),
        (UnsupportedError("A video."), UnsupportedError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_exceptions_become_one_error(raised: BaseException, error: type[BaseException]) -> None:
    with pytest.raises(error) as caught, guarded("a.dcm", "film"):
        raise raised
    assert "SECRET" not in str(caught.value)


def test_remarks_of_libraries_stay_inside_and_later_ones_do_not(caplog: pytest.LogCaptureFixture) -> None:
    with guarded("a.dcm", "film"):
        warnings.warn("SECRET", UserWarning, stacklevel=1)
        logging.getLogger("pydicom").warning("SECRET")
        logging.getLogger("pypdf._reader").warning("SECRET")
    assert caplog.text == ""
    logging.getLogger("pydicom").warning("heard again")
    assert "heard again" in caplog.text
    with pytest.warns(UserWarning, match="heard again"):
        warnings.warn("heard again", UserWarning, stacklevel=1)


def test_a_handler_of_a_library_hears_nothing_and_stays() -> None:
    heard: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign]
    logger = logging.getLogger("pydicom")
    logger.addHandler(handler)
    try:
        with guarded("a.dcm", "film"), guarded("a.dcm", "DICOM pixel data"):
            logger.critical("SECRET")
        logger.critical("heard again")
    finally:
        logger.removeHandler(handler)
    assert [record.getMessage() for record in heard] == ["heard again"]
