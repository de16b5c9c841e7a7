"""The words of notes: for each sign, ways to say it at three levels, and ways to deny it.

``PRESENT[key]`` holds the wordings of a mild, a moderate and a severe sign; ``ABSENT[key]`` those of its denial.
"""

from __future__ import annotations

_Levels = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

# fmt: off
PRESENT: dict[str, _Levels] = {
    "symptom.fever": (
        ("felt feverish last night", "temp 37.9 at home", "low-grade temperature"),
        ("febrile to 38.4", "fever and chills for 3 days", "temperature 38.6 C"),
        ("high fever 39.6 with rigors", "rigors, T 39.8", "shaking chills with temperature over 39.5"),
    ),
    "symptom.productive_cough": (
        ("slight cough with some phlegm", "occasional cough, clear sputum"),
        ("cough productive of yellow sputum", "productive cough for a week"),
        ("constant cough with copious green sputum", "severe cough bringing up thick purulent sputum"),
    ),
    "symptom.breathlessness": (
        ("a little short of breath on stairs", "mild exertional dyspnea"),
        ("short of breath walking on the flat", "moderate dyspnea on exertion"),
        ("short of breath at rest", "cannot finish a sentence for breathlessness", "severe dyspnea"),
    ),
    "symptom.smoker_or_atopy": (
        ("smokes socially", "hay fever as a child", "passive smoke exposure at home"),
        ("20 pack-years", "eczema and hay fever", "ex-smoker, quit last year"),
        ("60 pack-years, still smoking", "heavy smoker for 40 years", "strongly atopic, multiple allergies"),
    ),
    "symptom.inhaler": (
        ("has a blue inhaler, seldom used", "uses albuterol now and then"),
        ("uses albuterol most days", "on a daily steroid inhaler"),
        ("albuterol every two hours without relief", "on triple inhaled therapy and prednisone bursts"),
    ),
    "symptom.orthopnoea": (
        ("prefers two pillows", "slightly worse lying down"),
        ("sleeps on three pillows", "wakes at night gasping for air"),
        ("sleeps upright in a chair", "cannot lie flat at all"),
    ),
    "symptom.ankle_swelling": (
        ("socks leave marks in the evening", "slight ankle swelling"),
        ("swollen ankles for two weeks", "pitting oedema to the shins, weight up 3 kg"),
        ("legs swollen to the thighs", "gross leg edema, weight up 9 kg"),
    ),
    "symptom.palpitations": (
        ("occasional skipped beats", "rare palpitations"),
        ("palpitations several times a week", "heart racing on most days"),
        ("palpitations all day", "constant pounding in the chest"),
    ),
    "symptom.faints_on_effort": (
        ("lightheaded when climbing hills", "dizzy on heavy effort"),
        ("nearly passed out carrying shopping", "chest tightness and presyncope on effort"),
        ("collapsed while walking uphill", "two syncopal episodes on exertion"),
    ),
    "symptom.rheumatic_fever": (
        ("joint pains with fever as a child", "possible rheumatic fever in childhood"),
        ("rheumatic fever at age 9", "had rheumatic fever as a child"),
        ("recurrent rheumatic fever, years of penicillin", "two bouts of rheumatic fever with carditis"),
    ),
    "symptom.pleuritic_pain": (
        ("twinge in the side on deep breaths", "mild pain on deep inspiration"),
        ("sharp pain on breathing in", "pleuritic pain on one side"),
        ("severe stabbing pain with every breath", "agonising pleuritic pain"),
    ),
    "exam.fine_crackles": (
        ("a few fine crackles at the bases", "fine crackles late in inspiration, sparse"),
        ("fine bibasal crackles", "fine late-inspiratory crepitations at both bases"),
        ("fine crackles to the mid zones on both sides", "widespread fine inspiratory crepitations"),
    ),
    "exam.coarse_crackles": (
        ("a few coarse crackles on one side", "scattered coarse crackles, some clear with cough"),
        ("coarse crackles over one lower lobe", "coarse crepitations at one base"),
        ("loud coarse crackles with bronchial breath sounds", "coarse crackles throughout one lung"),
    ),
    "exam.wheezes": (
        ("faint end-expiratory wheeze", "slight wheeze on forced expiration"),
        ("expiratory wheeze in both lungs", "polyphonic wheeze, long expiration"),
        ("loud wheeze in and out, using accessory muscles", "widespread musical wheeze audible at the bedside"),
    ),
    "exam.dull_base": (
        ("percussion slightly dull at one base", "air entry a little reduced at one base"),
        ("dull to percussion at one base with reduced breath sounds", "stony dullness over the lower third"),
        ("stony dull to the mid zone, no breath sounds below", "absent breath sounds over half the hemithorax, dull"),
    ),
    "exam.displaced_apex": (
        ("apex beat just outside the midclavicular line", "apex perhaps displaced"),
        ("apex beat displaced laterally", "apex in the anterior axillary line"),
        ("apex in the mid-axillary line, heaving", "grossly displaced apex beat"),
    ),
    "exam.reduced_expansion": (
        ("expansion slightly less on one side", "shallow breaths at one base"),
        ("reduced expansion on one side", "poor inflation of one base"),
        ("hardly any movement of one side, trachea pulled over", "markedly reduced expansion"),
    ),
    "exam.raised_neck_veins": (
        ("JVP 1 cm raised", "neck veins just visible"),
        ("JVP raised 4 cm", "neck veins distended, liver edge tender"),
        ("JVP to the earlobe, third heart sound", "neck veins grossly distended, gallop rhythm"),
    ),
    "exam.aortic_stenosis": (
        ("soft ejection murmur at the right upper sternal edge", "1/6 ejection systolic murmur, right second space"),
        ("3/6 harsh ejection systolic murmur, radiates to the neck", "harsh mid-systolic murmur to the carotids"),
        ("5/6 harsh systolic murmur with thrill to both carotids, soft S2, slow-rising pulse",
         "loud late-peaking ejection murmur, single S2"),
    ),
    "exam.aortic_regurgitation": (
        ("faint early diastolic murmur leaning forward", "soft blowing diastolic murmur at the left sternal edge"),
        ("early diastolic decrescendo murmur, wide pulse pressure", "2/4 blowing diastolic murmur, left sternal edge"),
        ("4/4 early diastolic murmur, collapsing pulse", "loud diastolic blow, pulse pressure 110"),
    ),
    "exam.mitral_stenosis": (
        ("soft low rumble at the apex, left lateral", "loud S1 and a faint mid-diastolic rumble"),
        ("mid-diastolic rumble with opening snap", "tapping apex, loud S1, diastolic rumble"),
        ("long diastolic rumble with presystolic accent, early opening snap", "loud diastolic rumble, malar flush"),
    ),
    "exam.mitral_regurgitation": (
        ("soft blowing systolic murmur at the apex", "2/6 apical systolic murmur"),
        ("pansystolic murmur at the apex, to the axilla", "3/6 holosystolic murmur radiating to the axilla"),
        ("5/6 pansystolic murmur with apical thrill", "loud holosystolic murmur all over the left chest, soft S1"),
    ),
    "exam.flow_murmur": (
        ("very soft early systolic murmur, no radiation", "1/6 short systolic flow murmur"),
        ("2/6 short systolic flow murmur, changes with posture", "soft musical systolic murmur, normal S2"),
        ("easily heard systolic flow murmur with a bounding pulse", "3/6 short early systolic murmur, no radiation"),
    ),
    "film.consolidation": (
        ("subtle patchy opacity, possibly early airspace disease", "questionable hazy opacity in one lung"),
        ("patchy airspace opacity in one lung", "focal opacity with air bronchograms"),
        ("dense lobar consolidation with air bronchograms", "extensive confluent airspace disease"),
    ),
    "film.hyperinflation": (
        ("lungs mildly hyperexpanded", "slight flattening of the diaphragms"),
        ("hyperinflated lungs with flattened diaphragms", "increased lucency and large lung volumes"),
        ("marked hyperinflation, flat diaphragms and attenuated vessels", "severe hyperexpansion with bullous change"),
    ),
    "film.oedema": (
        ("mild vascular congestion", "slight upper lobe diversion"),
        ("perihilar haze with interstitial thickening", "interstitial edema with septal lines"),
        ("florid alveolar edema in a bat-wing pattern", "extensive bilateral perihilar airspace edema"),
    ),
    "film.effusion": (
        ("trace blunting of a costophrenic angle", "tiny pleural fluid collection suspected"),
        ("small to moderate pleural effusion", "costophrenic angle blunted by pleural fluid"),
        ("large pleural effusion", "extensive pleural fluid up to the mid zone"),
    ),
    "film.large_heart": (
        ("heart size upper limit of normal to mildly enlarged", "borderline enlarged cardiac silhouette"),
        ("cardiac silhouette enlarged", "moderate cardiomegaly"),
        ("massively enlarged heart", "marked cardiomegaly"),
    ),
    "film.atelectasis": (
        ("minimal linear basal opacity, likely subsegmental", "faint streaky opacity at one base"),
        ("plate-like atelectasis at one base", "bandlike basal opacity with slight volume loss"),
        ("marked basal collapse with raised hemidiaphragm", "dense bandlike atelectasis and volume loss"),
    ),
}

ABSENT: dict[str, tuple[str, ...]] = {
    "symptom.fever": ("no fever", "afebrile", "denies fever or chills"),
    "symptom.productive_cough": ("no cough", "denies sputum"),
    "symptom.breathlessness": ("no shortness of breath", "not breathless"),
    "symptom.smoker_or_atopy": ("never smoked in the household, no allergies", "no smoking, no allergies"),
    "symptom.inhaler": ("no inhalers", "takes no inhaled drugs"),
    "symptom.orthopnoea": ("sleeps flat", "no orthopnea or PND"),
    "symptom.ankle_swelling": ("no ankle swelling", "no leg edema"),
    "symptom.palpitations": ("no palpitations", "denies palpitations"),
    "symptom.faints_on_effort": ("no syncope", "never fainted"),
    "symptom.rheumatic_fever": ("no history of rheumatic fever",),
    "symptom.pleuritic_pain": ("no chest pain", "denies chest pain on breathing"),
    "exam.fine_crackles": ("no fine crackles",),
    "exam.coarse_crackles": ("no coarse crackles",),
    "exam.wheezes": ("no wheeze", "no wheezing on forced expiration"),
    "exam.dull_base": ("percussion resonant", "good air entry at both bases"),
    "exam.displaced_apex": ("apex not displaced",),
    "exam.reduced_expansion": ("expansion equal", "chest moves symmetrically"),
    "exam.raised_neck_veins": ("JVP not raised", "no neck vein distention"),
    "exam.aortic_stenosis": ("no murmur over the aortic area", "carotid upstroke brisk"),
    "exam.aortic_regurgitation": ("no diastolic blow", "pulse pressure normal"),
    "exam.mitral_stenosis": ("no diastolic rumble", "S1 of normal loudness"),
    "exam.mitral_regurgitation": ("no pansystolic murmur", "nothing radiating to the axilla"),
    "exam.flow_murmur": ("no flow murmur",),
    "film.consolidation": ("no focal consolidation", "no airspace disease"),
    "film.hyperinflation": ("lung volumes normal",),
    "film.oedema": ("no pulmonary edema", "pulmonary vasculature normal"),
    "film.effusion": ("no pleural effusion", "costophrenic angles sharp"),
    "film.large_heart": ("heart size normal", "cardiac silhouette within normal limits"),
    "film.atelectasis": ("no atelectasis", "no volume loss"),
}
# fmt: on

UNREMARKABLE = (
    "feels well",
    "routine check before surgery",
    "came for a work medical",
    "screening visit, no complaints",
    "seen for a sports certificate",
)
DISTRACTORS = (
    "takes metformin for diabetes",
    "on levothyroxine",
    "mild knee arthritis",
    "appendix removed years ago",
    "blood pressure controlled on lisinopril",
    "allergic to penicillin",
    "works in an office",
    "recently back from a holiday",
    "mother had heart trouble",
    "sibling with asthma",
    "reflux, on omeprazole",
    "vaccinated against influenza",
)
OPENINGS = (
    "{who} seen in clinic.",
    "{who} presents today.",
    "{who} referred by the family doctor.",
    "Reviewed this {who}.",
    "{who} attends the emergency department.",
)
EXAM_OPENINGS = ("On examination:", "O/E:", "Exam.", "Physical examination today:")
CLOSINGS = (
    "Chest film and recordings done, review with results.",
    "To be discussed at the round.",
    "Bloods sent. Return if worse.",
    "Follow up in one week.",
    "Will see again with the film.",
)
NORMAL_FILM = (
    "No acute cardiopulmonary abnormality",
    "Normal chest",
    "No acute disease",
    "Unremarkable study",
)
ABBREVIATIONS = (
    ("shortness of breath", "SOB"),
    ("short of breath", "SOB"),
    ("history", "hx"),
    ("productive", "prod."),
    ("with ", "w/ "),
    ("bilateral", "bilat."),
    ("left sternal edge", "LSE"),
    ("systolic murmur", "SM"),
)
