"""A request's body to the question it asks: multipart files, JSON with base64, or a decoded case."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from multimodal.case import Patient
from multimodal.errors import EmptyCaseError, UnsupportedError, UsageError
from multimodal.formats import Kind, Limits
from multimodal.formats.parcel import MEDIA_TYPE, unpack
from multimodal.serve.service import Question

MULTIPART, JSON = "multipart/form-data", "application/json"
FILE, RECORD = "file", "case"
_PLURALS = {"model": "models", "prevalence": "prevalence"}
"""Fields of a form that may be repeated, NAME=VALUE each, and what they add up to."""
_BASE64 = "UGF0aWVudCBjb21wbGFpbnMgb2YgY291Z2ggYW5kIGZldmVyLg=="
"""Of "Patient complains of cough and fever."."""


class File(BaseModel):
    """One file of a record."""

    model_config = ConfigDict(extra="forbid", val_json_bytes="base64")

    name: str = Field(min_length=1, max_length=255, description="Its name, for notices.", examples=["note.txt"])
    content_base64: bytes = Field(
        description="The file.", examples=[_BASE64], json_schema_extra={"format": "byte", "contentEncoding": "base64"}
    )
    kind: Kind | None = Field(None, description="What it is; by its content if left out.", examples=["note"])


class Options(BaseModel):
    """What is asked about a record, and of which models."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    models: dict[Literal["image", "audio", "text", "fusion"], str] = Field(
        default_factory=dict, description="Kind to bundle name; defaults for the rest.", examples=[{"fusion": "late"}]
    )
    prevalence: dict[str, float] = Field(
        default_factory=dict,
        description="How common a label is among your patients, between 0 and 1.",
        examples=[{"pneumonia": 0.3}],
    )


class About(BaseModel):
    """What is known of a patient."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    case_id: str | None = Field(None, min_length=1, max_length=200, examples=["case-1"])
    age: float | None = Field(None, ge=0, le=130, description="Years.", examples=[67])
    sex: Literal["F", "M"] | None = Field(None, examples=["F"])


class Record(About):
    """One patient's record; any part of it may be missing."""

    files: list[File] = Field(min_length=1, max_length=1000)


class Form(About, Options):
    """What a form says beside its files."""


class OneRecord(Record, Options):
    """A record, and what is asked about it."""


class ManyRecords(Options):
    """Many records, and what is asked about each."""

    cases: list[Record] = Field(min_length=1)


def diagnose_body() -> dict[str, Any]:
    """OpenAPI of the body of one question."""
    part = {"type": "array", "items": {"type": "string", "format": "binary"}}
    kinds: dict[str, Any] = {kind.value: part for kind in Kind}
    kinds[FILE] = {**part, "description": "Files of any kind; a zip is a whole record."}
    form = {"type": "object", "properties": {**kinds, **_form_options(), **_form_patient()}}
    content = {
        MULTIPART: {"schema": form},
        JSON: {"schema": {"$ref": "#/components/schemas/OneRecord"}},
        MEDIA_TYPE: {"schema": {"type": "string", "format": "binary", "description": "Of multimodal.client."}},
    }
    return {"requestBody": {"required": True, "content": content}}


def jobs_body() -> dict[str, Any]:
    """OpenAPI of the body of a job."""
    records = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "description": "One part a record: a zip of its files, or a single file.",
    }
    form = {"type": "object", "required": [RECORD], "properties": {RECORD: records, **_form_options()}}
    content = {MULTIPART: {"schema": form}, JSON: {"schema": {"$ref": "#/components/schemas/ManyRecords"}}}
    return {"requestBody": {"required": True, "content": content}}


def _form_options() -> dict[str, Any]:
    pair = {"type": "array", "items": {"type": "string", "pattern": "^[^=]+=.+$"}}
    return {
        "model": {**pair, "description": "KIND=NAME.", "example": ["fusion=late"]},
        "prevalence": {**pair, "description": "LABEL=P.", "example": ["pneumonia=0.3"]},
    }


def _form_patient() -> dict[str, Any]:
    schema = About.model_json_schema()["properties"]
    return {name: schema[name] for name in ("case_id", "age", "sex")}


def schemas() -> dict[str, Any]:
    """The components that the bodies refer to."""
    found: dict[str, Any] = {}
    for model in (OneRecord, ManyRecords):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found.update(schema.pop("$defs", {}))
        found[model.__name__] = schema
    return found


async def read_question(request: Request) -> Question:
    """The question of a request.

    Raises:
        UsageError: If the body is not of the form.
        EmptyCaseError: If it holds no file.
        UnsupportedError: If it is of another type.
    """
    kind = _media_type(request)
    if kind == MULTIPART:
        fields, files = await _form(request, (FILE, *Kind), (*About.model_fields, *_PLURALS))
        form = _checked(Form, fields)
        sources = tuple((name if part == FILE else f"{part}:{name}", data) for part, name, data in files)
        return _question(form, form, sources)
    if kind == MEDIA_TYPE:
        case, about = unpack(await request.body(), Limits.from_environment())
        options = _checked(Options, about)
        return Question(case=case, models=dict(options.models.items()), prevalence=options.prevalence)
    if kind == JSON:
        record = _checked(OneRecord, await request.body())
        return _question(record, record, _sources(record.files))
    raise UnsupportedError(f"Expected a body of {MULTIPART} or {JSON}, but got {kind or 'none'}.")


async def read_questions(request: Request) -> list[Question]:
    """The questions of a job; raises as :func:`read_question` does."""
    kind = _media_type(request)
    if kind == MULTIPART:
        fields, files = await _form(request, (RECORD,), tuple(_PLURALS))
        options, nobody = _checked(Options, fields), _checked(About, {})
        return [_question(nobody, options, ((name, data),)) for _, name, data in files]
    if kind == JSON:
        many = _checked(ManyRecords, await request.body())
        return [_question(record, many, _sources(record.files)) for record in many.cases]
    raise UnsupportedError(f"Expected a body of {MULTIPART} or {JSON}, but got {kind or 'none'}.")


def _question(record: About, options: Options, sources: tuple[tuple[str, bytes], ...]) -> Question:
    return Question(
        sources=sources,
        case_id=record.case_id,
        patient=Patient(age=record.age, sex=record.sex),
        models=dict(options.models.items()),
        prevalence=options.prevalence,
    )


def _sources(files: Iterable[File]) -> tuple[tuple[str, bytes], ...]:
    return tuple((f"{file.kind}:{file.name}" if file.kind else file.name, file.content_base64) for file in files)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _form(
    request: Request, parts: Sequence[str], options: Sequence[str]
) -> tuple[dict[str, Any], list[tuple[str, str, bytes]]]:
    """Text fields, and files as (part, name, content); all of it stays in memory."""
    parser = MultiPartParser(request.headers, request.stream())
    parser.spool_max_size = sys.maxsize
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise UsageError(f"The form cannot be read: {error.message}") from None
    fields: dict[str, Any] = {}
    files = []
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                _expect(name, parts)
                files.append((name, value.filename or name, await value.read()))
                continue
            _expect(name, options)
            if name in _PLURALS:
                key, equals, rest = value.partition("=")
                if not (key and equals):
                    raise UsageError(f"Expected {name} as NAME=VALUE.")
                fields.setdefault(_PLURALS[name], {})[key] = rest
            else:
                fields[name] = value
    finally:
        await form.close()
    if not files:
        raise EmptyCaseError("The request holds no file.")
    return fields, files


def _expect(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise UsageError(f"Expected parts named {', '.join(known)}, but got another.")


_Body = TypeVar("_Body", bound=BaseModel)


def _checked(model: type[_Body], given: bytes | Mapping[str, Any]) -> _Body:
    """The body by its schema; what is wrong is said without quoting it."""
    try:
        return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"The request is not of the form: {where + ': ' if where else ''}{first['msg']}.") from None
