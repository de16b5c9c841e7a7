"""A patient's record: files, folders and zip archives of them become one case."""

from __future__ import annotations

import stat
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePosixPath

from multimodal.case import Audio, Case, Image, Item, Notice, Patient, Text
from multimodal.errors import (
    CorruptFileError,
    EmptyCaseError,
    InputError,
    LimitError,
    MixedPatientsError,
    UnsupportedError,
    UsageError,
)
from multimodal.formats.guard import typed
from multimodal.formats.identity import Person
from multimodal.formats.isolation import shared
from multimodal.formats.limits import Limits
from multimodal.formats.reader import Kind, Reading, read_with_patient
from multimodal.formats.sniff import Format, sniff

Source = str | Path | tuple[str, bytes]

_TABLES = frozenset({"manifest.csv", "metadata.csv"})
_NOISE = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
_END_OF_DIRECTORY = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True)
class _File:
    """One file of a record, or why there is none."""

    name: str
    kind: Kind | None
    data: bytes = b""
    error: InputError | None = None


def split_kind(source: str) -> tuple[Kind | None, str]:
    """Split ``heart:a.wav`` into what it is and its path.

    >>> split_kind("heart:a.wav")
    (<Kind.HEART: 'heart'>, 'a.wav')
    """
    word, colon, path = source.partition(":")
    if colon and word.lower() in set(Kind) and path:
        return Kind(word.lower()), path
    return None, source


def read_case(
    sources: Sequence[Source],
    *,
    case_id: str | None = None,
    patient: Patient | None = None,
    limits: Limits | None = None,
    isolated: bool = True,
    seen: Callable[[str, Item | Notice | None], None] | None = None,
) -> Case:
    """Read one patient's record.

    A file that cannot be read becomes one of ``Case.problems``, with the code of its
    error; the others carry on.

    Args:
        sources: Paths of files, folders and zip archives, or (name, bytes); each may be
            prefixed with what it is, such as ``heart:a.wav`` or ``lung:folder``.
        case_id: Name of the record; by default that of its first source.
        patient: Age and sex; what is missing is taken from the films.
        limits: What the files may claim and hold; by default those of the environment.
        isolated: Decode in processes that can be lost; in this one if False, behind the
            same checks, which a codec that crashes takes down with it.
        seen: Told of each file as it is read: its name and None when that begins, then its name and the item
            that it holds, or the notice of why there is none.

    Raises:
        EmptyCaseError: If nothing could be read; the message says why.
        MixedPatientsError: If two films name different patients.
        UsageError: If a path doesn't exist.
    """
    limits = limits or Limits.from_environment()
    decode = shared().read if isolated else read_with_patient
    items: list[Item] = []
    problems: list[Notice] = []
    people: list[tuple[str, Person]] = []
    stated = [patient or Patient()]
    seen = seen or (lambda *_: None)
    begin = time.monotonic()
    for count, file in enumerate(_files(sources, limits), 1):
        if beyond := _beyond(count, time.monotonic() - begin, limits):
            problems.append(Notice(LimitError.code, beyond, file.name, refused=True))
            break
        seen(file.name, None)
        try:
            if file.error is not None:
                raise file.error
            reading = decode(file.data, file.name, file.kind, limits)
        except InputError as error:
            problems.append(Notice(error.code, error.message, error.file or file.name, refused=True))
            seen(file.name, problems[-1])
            continue
        for name, other in people:
            if reading.person.differs(other):
                both = f"Two files named {name}" if name == file.name else f"{name} and {file.name}"
                raise MixedPatientsError(f"{both} are of two different patients; give one patient's files at a time.")
        people.append((file.name, reading.person))
        items.append(_held_against(reading, _first_stated(stated)))
        seen(file.name, items[-1])
        stated.append(reading.patient)
    if not items:
        reasons = " ".join(f"{problem.item}: {problem.message}" for problem in problems[:3])
        raise EmptyCaseError(f"Nothing in the record can be read. {reasons}".strip())
    return Case(
        case_id=case_id or _name_of(sources[0]),
        images=tuple(item for item in items if isinstance(item, Image)),
        audios=tuple(item for item in items if isinstance(item, Audio)),
        texts=tuple(item for item in items if isinstance(item, Text)),
        patient=_first_stated(stated),
        problems=tuple(problems),
    )


def _beyond(count: int, seconds: float, limits: Limits) -> str:
    """Why the record is read no further; empty while it is."""
    if count > limits.case_files:
        return f"A record may have up to {limits.case_files} files."
    if seconds > limits.case_seconds:
        return f"Reading the record took longer than {limits.case_seconds:g} seconds; the rest is left out."
    return ""


def _first_stated(stated: Sequence[Patient]) -> Patient:
    """The first age and the first sex that is given."""
    return Patient(
        age=next((one.age for one in stated if one.age is not None), None),
        sex=next((one.sex for one in stated if one.sex is not None), None),
    )


def _held_against(reading: Reading, known: Patient) -> Item:
    """The item, with a notice where its file states another age or sex than the record."""
    stated, name = reading.patient, reading.item.name
    notices = list(reading.item.notices)
    if known.age_differs(stated):
        message = f"The file says that the patient is {stated.age:.0f} years old, the record {known.age:.0f}"
        notices.append(Notice("age_contradicted", f"{message}; check whose it is.", name))
    if known.sex_differs(stated):
        message = f"The file says that the patient's sex is {stated.sex}, the record {known.sex}"
        notices.append(Notice("sex_contradicted", f"{message}; check whose it is.", name))
    return replace(reading.item, notices=tuple(notices))


def _name_of(source: Source) -> str:
    path = split_kind(source[0] if isinstance(source, tuple) else str(source))[1]
    return Path(path).stem or Path(path).resolve().name or "case"


def _files(sources: Sequence[Source], limits: Limits) -> Iterator[_File]:
    """Every file of the record, one at a time."""
    for source in sources:
        if isinstance(source, tuple):
            kind, name = split_kind(source[0])
            yield from _unpacked(_File(name, kind, source[1]), limits)
            continue
        kind, name = split_kind(source) if isinstance(source, str) else (None, str(source))
        path = Path(name)
        what = _mode(path)
        if stat.S_ISDIR(what):
            for member in sorted(path.rglob("*")):
                inside = member.relative_to(path)
                if not _is_noise(inside.parts) and (member.is_symlink() or member.is_file()):
                    yield from _unpacked(_load(member, str(inside), kind, limits), limits)
        elif stat.S_ISREG(what):
            yield from _unpacked(_load(path, path.name, kind, limits, follow=True), limits)
        else:
            raise UsageError("There is no such file or folder.", file=name)


def _mode(path: Path) -> int:
    """What is there, as ``stat`` tells it; 0 for nothing, and for what can't be a name."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _is_noise(parts: Sequence[str]) -> bool:
    return any(part in _NOISE or part.startswith(".") for part in parts)


def _load(path: Path, name: str, kind: Kind | None, limits: Limits, *, follow: bool = False) -> _File:
    """Read a file within its limit; links are followed only where the user named one."""
    try:
        if path.is_symlink() and not follow:
            return _File(name, kind, error=UnsupportedError("Links inside a folder aren't followed.", file=name))
        if path.name in _TABLES:
            return _File(name, kind, error=UnsupportedError("This is a table of a data set, not a note.", file=name))
        size = path.stat().st_size
        if size > limits.file_bytes:
            message = f"The file has {size:,} bytes; the limit is {limits.file_bytes:,}."
            return _File(name, kind, error=LimitError(message, file=name))
        return _File(name, kind, path.read_bytes())
    except OSError as error:
        message = f"The file can't be read ({error.strerror or 'input error'})."
        return _File(name, kind, error=CorruptFileError(message, file=name))


def _unpacked(file: _File, limits: Limits) -> Iterator[_File]:
    """The file itself, or the members of a zip archive."""
    try:
        if file.error is not None or sniff(file.data, file.name) is not Format.ZIP:
            yield file
            return
        archive, members = open_archive(file.data, file.name, limits)
    except InputError as error:
        yield _File(file.name, file.kind, error=error)
        return
    with archive:
        for member in members:
            name = f"{file.name}/{member.filename}"
            try:
                if PurePosixPath(member.filename).name in _TABLES:
                    raise UnsupportedError("This is a table of a data set, not a note.", file=name)
                with typed(name, "member of the archive"), archive.open(member) as packed:
                    data = packed.read(member.file_size)  # and no more, whatever its content inflates to
            except InputError as error:
                yield _File(name, file.kind, error=error)
            else:
                yield _File(name, file.kind, data)


def open_archive(data: bytes, name: str, limits: Limits) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Check a zip archive by its table of contents, before anything is unpacked (APPNOTE.TXT, 4.3).

    Args:
        data: The archive.
        name: Its name as the user gave it.
        limits: What it may claim and hold.

    Returns:
        The archive, and its members that are worth reading.

    Raises:
        CorruptFileError: If it is damaged or a member would land outside of it.
        UnsupportedError: If a member is a link, encrypted, or packed otherwise than by deflate.
        LimitError: If it holds more members or bytes than the limits allow.
    """
    end = data.rfind(_END_OF_DIRECTORY, max(0, len(data) - 65_557))
    if end < 0 or len(data) < end + 22:
        raise CorruptFileError("The zip archive is cut short.", file=name)
    if data[end - 20 : end - 16] == _ZIP64_LOCATOR:  # its record overrules the numbers below, unseen
        raise LimitError("The zip archive is of the 64-bit kind, for more than a record holds.", file=name)
    count = int.from_bytes(data[end + 10 : end + 12], "little")
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    if count > limits.case_files or size > limits.archive_directory_bytes:
        raise LimitError(f"The zip archive holds more than {limits.case_files} files.", file=name)
    with typed(name, "zip archive"):
        archive = zipfile.ZipFile(BytesIO(data))
    if not all(member.filename for member in archive.infolist()):
        raise CorruptFileError("The zip archive holds a member without a name.", file=name)
    members = [member for member in archive.infolist() if not member.is_dir()]
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename:
            raise CorruptFileError("The zip archive holds a member that would land outside of it.", file=name)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UnsupportedError("The zip archive holds a link.", file=name)
        if member.flag_bits & 0x1:
            raise UnsupportedError("The zip archive is protected by a password; save it without.", file=name)
        if member.compress_type not in _COMPRESSIONS:  # others ask for memory by the word of the archive
            raise UnsupportedError("The zip archive is packed in an unusual way; save it as a plain zip.", file=name)
    largest = max((member.file_size for member in members), default=0)
    most = limits.unpacked(len(data), limits.archive_bytes)
    if largest > limits.file_bytes or sum(member.file_size for member in members) > most:
        raise LimitError("The zip archive unpacks to more than the limit allows.", file=name)
    if len(members) > limits.case_files:
        raise LimitError(f"The zip archive holds more than {limits.case_files} files.", file=name)
    return archive, [member for member in members if not _is_noise(PurePosixPath(member.filename).parts)]
