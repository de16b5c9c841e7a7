from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.case import Case, Notice, Patient, Section
from multimodal.errors import CorruptFileError, EmptyCaseError, InputError, LimitError
from multimodal.formats.limits import Limits
from multimodal.formats.parcel import pack, unpack
from tests.engine.tiny import film, full_case, note, sound

ABOUT = {"models": {"image": "a"}, "prevalence": {"pneumonia": 0.25}}
PACKED = pack(full_case(), ABOUT)


def test_a_case_comes_back_whole():
    shadow = Notice("view", "A lateral view.", "f.png")
    case = Case(
        "Müller 1",
        (replace(film(), window=(0.1, 0.9), spacing_mm=(0.2, 0.3), view="PA", notices=(shadow,)),),
        (sound(), sound(1, None)),
        (replace(note(), sections=(Section("findings", 2, 9),)),),
        Patient(age=60.5, sex="M"),
        (Notice("corrupt_file", "Torn.", "x.png", refused=True),),
    )
    other, about = unpack(pack(case, ABOUT), Limits())
    assert about == ABOUT
    assert (other.case_id, other.patient, other.problems) == (case.case_id, case.patient, case.problems)
    for one, back in zip(case.items, other.items, strict=True):
        given_, got = vars(one), vars(back)
        assert given_.keys() == got.keys()
        for name, value in given_.items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(value, got[name])
                assert got[name].dtype == np.float32
            else:
                assert value == got[name], name


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data):
    with pytest.raises(InputError):
        unpack(data, Limits())


@given(st.integers(0, len(PACKED) - 1))
def test_a_packed_case_cut_short_is_refused(length):
    with pytest.raises(CorruptFileError):
        unpack(PACKED[:length], Limits())


@given(st.integers(0, 700), st.integers(0, 255))
def test_a_changed_byte_never_breaks_the_reader(position, value):
    changed = bytearray(PACKED)
    changed[position] = value
    try:
        case, _ = unpack(bytes(changed), Limits())
    except InputError:
        return
    assert isinstance(case.case_id, str)
    assert case.patient.sex in (None, "F", "M")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"[0.1, 0.9]", b"[NaN, 0.9]"),
        (b"[0.1, 0.9]", b"[-1e9, 1 ]"),
        (b"[0.2, 0.3]", b"[1e999, 1]"),
        (b'"rate": 4000', b'"rate": 1   '),
        (b'"item-1"', b'"\\ud800"'),
        (b'"case-1"', b'"\\udfff"'),
    ],
)
def test_a_value_that_cannot_be_is_refused(good, bad):
    picture = replace(film(), name="item-1", window=(0.1, 0.9), spacing_mm=(0.2, 0.3))
    data = pack(Case("case-1", (picture,), (replace(sound(), rate=4000),)), {})
    assert len(unpack(data, Limits())[0].items) == 2
    assert good in data
    with pytest.raises(CorruptFileError):
        unpack(data.replace(good, bad), Limits())


@pytest.mark.parametrize("patient", [Patient(age=-1), Patient(age=float("1e9")), Patient(sex="X"), Patient(age="60")])
def test_a_patient_that_cannot_be_is_refused(patient):
    with pytest.raises(CorruptFileError):
        unpack(pack(replace(full_case(), patient=patient), {}), Limits())


def test_limits_hold():
    with pytest.raises(LimitError):
        unpack(PACKED, Limits(case_files=3))
    with pytest.raises(CorruptFileError):
        unpack(PACKED, Limits(pixels=100))
    with pytest.raises(EmptyCaseError):
        unpack(pack(Case("empty"), {}), Limits())
