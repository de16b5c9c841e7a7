"""Miniatures of the official downloads: their folders, names and tables, with made-up films and sounds."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

_rng = np.random.default_rng(0)


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def film(path: Path, size: tuple[int, int] = (40, 30)) -> Path:
    """A film of noise, no two alike; (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_rng.integers(0, 255, size[::-1], dtype=np.uint8)).save(path)
    return path


def sound(path: Path, seconds: float = 1.0, rate: int = 4000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, _rng.uniform(-0.5, 0.5, int(seconds * rate)), rate)
    return path


def kermany(root: Path) -> Path:
    for n in range(20):
        film(root / f"chest_xray/train/NORMAL/IM-{115 + n:04}-0001.jpeg")
        film(root / f"chest_xray/train/PNEUMONIA/person{n}_bacteria_{2 * n}.jpeg")
        film(root / f"chest_xray/train/PNEUMONIA/person{n}_bacteria_{2 * n + 1}.jpeg")
    film(root / "chest_xray/val/NORMAL/NORMAL2-IM-1427-0001.jpeg")
    film(root / "chest_xray/test/NORMAL/NORMAL2-IM-0117-0001.jpeg")
    film(root / "chest_xray/test/PNEUMONIA/person1_virus_6.jpeg")
    film(root / "chest_xray/test/PNEUMONIA/BACTERIA-1008087-0001.jpeg")
    text(root / "chest_xray/train/NORMAL/.DS_Store", "")
    return root


NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)


def nih(root: Path) -> Path:
    findings = ["Cardiomegaly|Emphysema", "No Finding", "Edema|Effusion", "Infiltration", "Pneumonia|Infiltration"]
    findings += ["Consolidation|Atelectasis", "Hernia"]
    rows = [f"{n:08}_000.png,{found},0,{n},{50 + n},M,PA,2500,2048,0.168,0.168," for n, found in enumerate(findings)]
    rows += ["00000001_001.png,No Finding,1,1,411,M,AP,2500,2048,0.168,0.168,"]
    rows += ["00000099_000.png,No Finding,0,99,012Y,F,PA,2500,2048,0.168,0.168,"]
    text(root / "Data_Entry_2017_v2020.csv", "\n".join([NIH_HEADER, *rows]))
    for number, row in enumerate(rows[:-1]):
        film(root / f"images_{number % 2 + 1:03}/images/{row.split(',')[0]}", (600, 512) if number else (20, 30))
    return root


COHEN_HEADER = (
    "patientid,offset,sex,age,finding,RT_PCR_positive,view,modality,date,location,folder,filename,doi,url,license,"
    "clinical_notes,other_notes,"
)


def cohen(root: Path) -> Path:
    findings = ["Pneumonia/Viral/COVID-19", "No Finding", "Pneumonia/Bacterial/Klebsiella", "Pneumonia/Lipoid"]
    findings += ["Pneumonia", "todo", "COVID-19, ARDS", "Tuberculosis"]
    rows = [
        f"{n},{n},M,65,{found if ',' not in found else chr(34) + found + chr(34)},,PA,X-ray,2020,,images,{n}.jpg,,,"
        f'{"CC BY-NC-SA" if n else ""},"A man with cough,\nfor {n} days.",,'
        for n, found in enumerate(findings)
    ]
    rows += ["0,3,M,65,Pneumonia/Viral/COVID-19,,L,X-ray,2020,,images,lateral.jpg,,,,,,"]
    rows += ["0,3,M,65,Pneumonia/Viral/COVID-19,,Axial,CT,2020,,volumes,slice.nii.gz,,,,,,"]
    text(root / "metadata.csv", "\n".join([COHEN_HEADER, *rows]))
    for n in range(len(findings)):
        film(root / f"images/{n}.jpg")
    film(root / "images/lateral.jpg")
    return root


CIRCOR_HEADER = (
    "Patient ID,Recording locations:,Age,Sex,Height,Weight,Pregnancy status,Murmur,Murmur locations,"
    "Most audible location,Systolic murmur timing,Systolic murmur shape,Systolic murmur grading,"
    "Systolic murmur pitch,Systolic murmur quality,Diastolic murmur timing,Diastolic murmur shape,"
    "Diastolic murmur grading,Diastolic murmur pitch,Diastolic murmur quality,Outcome,Campaign,Additional ID"
)


def circor(root: Path) -> Path:
    def row(patient: int, murmur: str, where: str, outcome: str, other: str = "nan") -> str:
        grading = "I/VI" if murmur == "Present" else "nan"
        return (
            f"{patient},AV+MV,Child,Female,98.0,15.9,False,{murmur},{where},nan,nan,nan,{grading},"
            f"nan,nan,nan,nan,nan,nan,nan,{outcome},CC2015,{other}"
        )

    rows = [
        row(2530, "Absent", "nan", "Abnormal"),
        row(9979, "Present", "AV+TV", "Abnormal"),
        row(9983, "Unknown", "nan", "Normal"),
        row(13918, "Absent", "nan", "Normal"),
        row(23625, "Absent", "nan", "Normal", "50379"),
        row(50379, "Absent", "nan", "Normal", "23625.0"),
    ]
    text(root / "training_data.csv", "\n".join([CIRCOR_HEADER, *rows]))
    for cells in rows:
        record = cells.split(",")[0]
        for position in ("AV", "MV"):
            sound(root / f"training_data/{record}_{position}.wav")
            text(root / f"training_data/{record}_{position}.hea", f"{record}_{position} 1 4000 4000")
        text(root / f"training_data/{record}.txt", f"{record} 2 4000\n")
    sound(root / "training_data/13918_AV_1.wav", seconds=2)
    return root


def bmdhs(root: Path) -> Path:
    names = [f"{posture}_{position}" for posture in ("sup", "sit") for position in ("Mit", "Tri", "Pul", "Aor")]
    classes = {1: ("MD", "1,1,0,0,0"), 2: ("N", "0,0,0,0,1"), 3: ("MD", "N/A,N/A,N/A,N/A,N/A"), 4: ("MR", "0,0,1,0,0")}
    header = "patient_id,AS,AR,MR,MS,N," + ",".join(f"recording_{number}" for number in range(1, 9))
    rows = [
        f"patient_{n:03},{cells}," + ",".join(f"{word}_{n:03}_{name}" for name in names)
        for n, (word, cells) in classes.items()
    ]
    text(root / "train.csv", "\n".join([header, *rows]))
    about = "patient_id,Age,Gender,Smoker,Lives\npatient_001,30-39,M,1,U\npatient_002,21,F,0,U\npatient_004,60,F,0,R"
    text(root / "additional_metadata.csv", about)
    for n, (word, _) in classes.items():
        for name in names:
            sound(root / f"train/{word}_{n:03}_{name}.wav", seconds=0.5)
    return root


def kauh(root: Path) -> Path:
    patients = ["Asthma,E W,P L L R,52,F", "N,N,P R M,70,F", "Heart Failure + COPD,I C E W,A L U,81,M"]
    patients += ["Plueral Effusion,I C B,P L R ,60,M", "pneumonia,Bronchial,P R U,57,M", "BRON,Crep,P L M,33,M"]
    patients += ["Asthma and lung fibrosis,C,P L M,40,F"]
    for number, cells in enumerate(patients, start=1):
        for mode in "BDE":
            sound(root / f"Audio Files/{mode}P{number}_{cells}.wav")
    return root


def icbhi(root: Path) -> Path:
    recordings = {"101_1b1_Al_sc_Meditron": "Healthy", "101_1b1_Pr_sc_Meditron": "Healthy"}
    recordings |= {
        "102_2b3_Tc_mc_AKGC417L": "COPD",
        "122_2b1_Ar_mc_LittC2SE": "Pneumonia",
        "108_1b1_Al_sc_Litt3200": "",
    }
    recordings["108_1b1_Al_sc_Litt3200"] = "LRTI"
    base = root / "ICBHI_final_database"
    for name in recordings:
        sound(base / f"{name}.wav", seconds=3, rate=10_000)
        text(base / f"{name}.txt", "0.0\t1.5\t0\t0\n1.5\t2.5\t1\t0\n" if "Tc" in name else "0.5\t2.0\t0\t0\n")
    found = sorted({(name[:3], diagnosis) for name, diagnosis in recordings.items()})
    text(root / "ICBHI_Challenge_diagnosis.txt", "\n".join(f"{p}\t{d}" for p, d in found))
    text(
        root / "ICBHI_Challenge_demographic_information.txt",
        "101 3 F NA 19 99\n102 0.75 F NA 9.8 73\n108 NA NA NA NA NA",
    )
    return root


def openi(root: Path) -> Path:
    reports: Sequence[tuple[str, str]] = [
        ("<major>normal</major>", "Clear lungs."),
        ("<major>Cardiomegaly/borderline</major><major>Pulmonary Artery/enlarged</major>", "Large heart."),
        ("<major>Opacity/lung/base/left</major><major>Pulmonary Atelectasis/base</major>", "Opacity."),
        ("<major>Airspace Disease/lung</major><major>Lung/hyperdistention/mild</major>", "Airspace disease."),
        ("<major>Subcutaneous Emphysema/neck</major><major>Pulmonary Congestion</major>", "Congestion."),
        ("<major>No Indexing</major>", "Unread."),
        ("<major>normal</major>", ""),
    ]
    for n, (terms, findings) in enumerate(reports, start=1):
        text(
            root / f"ecgen-radiology/{n}.xml",
            f'<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR{n}"/><MedlineCitation><Article><Abstract>'
            f'<AbstractText Label="COMPARISON"/><AbstractText Label="INDICATION">{"Cough &amp; pain" * bool(findings)}'
            f'</AbstractText><AbstractText Label="FINDINGS">{findings}</AbstractText></Abstract></Article>'
            f"</MedlineCitation><MeSH>{terms}</MeSH></eCitation>",
        )
    return root


OBSERVATIONS = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,"
    "Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)


def observed(**cells: str) -> str:
    """A row of the labeller: what is named, else empty."""
    return ",".join(cells.get(name.replace(" ", "_"), "") for name in OBSERVATIONS.split(","))


CHEXPERT = [
    (
        "train/patient00001/study1/view1_frontal",
        "Female,68,Frontal,AP",
        observed(No_Finding="1.0", Pneumonia="-1.0"),
    ),
    ("train/patient00002/study1/view1_frontal", "Male,87,Frontal,PA", observed(Cardiomegaly="-1.0", Edema="1.0")),
    ("train/patient00002/study1/view2_lateral", "Male,87,Lateral,", observed(Cardiomegaly="-1.0", Edema="1.0")),
    ("train/patient00003/study2/view1_frontal", "Unknown,0,Frontal,AP", observed(Pneumonia="-1.0", Atelectasis="0.0")),
    ("train/patient00004/study1/view1_frontal", "Male,40,Frontal,AP", observed(Fracture="1.0")),
    ("valid/patient64541/study1/view1_frontal", "Male,73,Frontal,AP", observed(No_Finding="0.0", Pneumonia="0.0")),
]


def chexpert(root: Path) -> Path:
    header = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{OBSERVATIONS}"
    for part in ("train", "valid"):
        rows = [f"CheXpert-v1.0/{place}.jpg,{who},{cells}" for place, who, cells in CHEXPERT if place.startswith(part)]
        text(root / f"{part}.csv", "\n".join([header, *rows]))
    for place, *_ in CHEXPERT:
        film(root / f"{place}.jpg")
    text(
        root / "df_chexpert_plus_240401.csv",
        "path_to_image,report,section_clinical_history,section_history,section_comparison,section_findings,"
        'section_impression\ntrain/patient00002/study1/view1_frontal.jpg,whole,,Dyspnea.,,"Large\nheart.",Oedema.\n',
    )
    return root


MIMIC = {
    ("10000032", "50414267", "02aa804e"): ("train", observed(No_Finding="1.0")),
    ("10000032", "53189527", "2a2277a9"): ("train", observed(Pneumonia="-1.0", Pleural_Effusion="1.0")),
    ("11000033", "50000001", "174413ec"): ("validate", observed(Pneumonia="1.0")),
    ("12000044", "50000002", "68b5c4b1"): ("test", observed(Atelectasis="0.0")),
}


def mimic_cxr(root: Path) -> Path:
    def table(name: str, header: str, rows: Sequence[str]) -> None:
        path = root / f"mimic-cxr-2.0.0-{name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join([header, *rows]).encode()))

    table(
        "chexpert",
        f"subject_id,study_id,{OBSERVATIONS}",
        [f"{subject},{study},{cells}" for (subject, study, _), (_, cells) in MIMIC.items()],
    )
    table(
        "split",
        "dicom_id,study_id,subject_id,split",
        [f"{film},{study},{subject},{split}" for (subject, study, film), (split, _) in MIMIC.items()],
    )
    keys = [*MIMIC, ("10000032", "50414267", "lateral1")]
    table(
        "metadata",
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns",
        [f"{film},{s},{study},CHEST,{'LATERAL' if film == 'lateral1' else 'AP'},30,40" for s, study, film in keys],
    )
    for subject, study, name in keys:
        film(root / f"files/p{subject[:2]}/p{subject}/s{study}/{name}.jpg")
    text(
        root / "mimic-cxr-reports/files/p10/p10000032/s53189527.txt",
        "                                 FINAL REPORT\n EXAMINATION:  CHEST\n\n INDICATION:  Cough.\n\n"
        " FINDINGS: \n \n Right effusion.\n \n IMPRESSION: \n \n Effusion.\n",
    )
    return root
