"""Texts that are no clinical note."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multimodal.datasets.foreign.words import pick, sentence

Write = Callable[[np.random.Generator], str]


def recipe(rng: np.random.Generator) -> str:
    """Ingredients and steps."""
    dish = pick(
        rng, "Lemon cake|Lentil soup|Mushroom risotto|Apple crumble|Potato salad|Fish curry|Pancakes|Onion tart"
    )
    amount = "200 g|2 tbsp|1 tsp|3 cups|half a litre of|a pinch of|4 large|500 ml|one handful of"
    food = "flour|sugar|butter|eggs|onions|garlic|olive oil|milk|carrots|rice|lemon juice|basil|cream|yeast|tomatoes"
    lines = [f"{pick(rng, amount)} {pick(rng, food)}" for _ in range(rng.integers(4, 10))]
    verb = "Whisk|Chop|Stir in|Fold in|Simmer|Bake|Knead|Drain|Season|Melt|Grate|Roast"
    ends = (
        "until golden|for 20 minutes|over a low flame|in a large bowl|with a wooden spoon|and serve at once|until thick"
    )
    steps = [f"{pick(rng, verb)} the {pick(rng, food)} {pick(rng, ends)}." for _ in range(rng.integers(3, 9))]
    return f"{dish} (serves {rng.integers(2, 9)})\n" + "\n".join(lines) + "\n\n" + " ".join(steps)


def code(rng: np.random.Generator) -> str:
    """Lines of a program, in one of three languages."""
    name = "total|index|buffer|user|node|config|result|parser|queue|token|matrix|cursor"
    call = "append|open|split|filter|connect|render|update|push|encode|validate|sort"
    forms = (
        (
            "def {a}_{b}({c}, {d}=None):\n    for i in range(len({c})):\n        {a}.{b}({c}[i])\n    return {a}\n",
            "import {a}\nfrom {c} import {b}\nif __name__ == '__main__':\n    {b}({n})\n",
        ),
        (
            "function {a}({c}, {d}) {{\n  const x = {c}.{b}(({d}) => {d} * {n});\n  return x.length > {n};\n}}\n",
            "export default class {a} {{ constructor() {{ this.{c} = []; }} }}\n",
        ),
        (
            "int {a}_{b}(const char *{c}, size_t {d}) {{\n  if ({c} == NULL) return -{n};\n  return 0;\n}}\n",
            "#include <{a}.h>\n#define {c} {n}\nstatic struct {a} *{d};\n",
        ),
    )[rng.integers(3)]
    parts = []
    for _ in range(rng.integers(2, 7)):
        values = {slot: pick(rng, name) for slot in "acd"} | {"b": pick(rng, call), "n": rng.integers(1, 512)}
        parts.append(forms[rng.integers(2)].format(**values))
    return "\n".join(parts)


def poem(rng: np.random.Generator) -> str:
    """Short lines in stanzas."""
    noun = "moon|sea|winter|rose|nightingale|shadow|river|star|silence|meadow|flame|harbour|autumn|stone"
    verb = "sings|falls|wanders|dreams|burns|sleeps|whispers|fades|returns|trembles"
    end = "in the silver light|beyond the hill|where no one goes|upon the snow|like a forgotten song|till morning comes"
    line = [
        lambda: f"The {pick(rng, noun)} {pick(rng, verb)} {pick(rng, end)},",
        lambda: f"O {pick(rng, noun)}, my {pick(rng, noun)}, {pick(rng, end)};",
        lambda: f"And every {pick(rng, noun)} {pick(rng, verb)}.",
        lambda: f"I loved the {pick(rng, noun)} as the {pick(rng, noun)} {pick(rng, verb)}",
    ]
    stanzas = ["\n".join(line[rng.integers(4)]() for _ in range(4)) for _ in range(rng.integers(1, 5))]
    return "\n\n".join(stanzas)


def law(rng: np.random.Generator) -> str:
    """Clauses of a contract."""
    party = "the Tenant|the Landlord|the Licensee|the Supplier|the Purchaser|either Party|the Borrower"
    duty = (
        "shall indemnify|shall not assign|may terminate this Agreement with respect to|waives all claims against|"
        "shall deliver written notice to|warrants and represents to|agrees to reimburse"
    )
    thing = "the Premises|any Confidential Information|the Purchase Price|the Intellectual Property|such obligations"
    end = (
        "pursuant to Section {n}|within {n} business days|without prior written consent|under the governing law|"
        "notwithstanding Clause {n}|to the fullest extent permitted by statute"
    )
    lines = []
    for number in range(rng.integers(2, 8)):
        tail = pick(rng, end).format(n=rng.integers(2, 40))
        lines.append(
            f"{number + 1}. {pick(rng, party)[0].upper()}{pick(rng, party)[1:]} {pick(rng, duty)} "
            f"{pick(rng, party)} regarding {pick(rng, thing)} {tail}."
        )
    return "\n".join(lines)


def news(rng: np.random.Generator) -> str:
    """A report of politics, sport, money or weather."""
    who = "The prime minister|The central bank|City council|The home team|Shares of the carmaker|Union leaders"
    did = (
        "announced on Monday|rose sharply after|lost two to one in|rejected calls for|signed a deal on|won the final of"
    )
    what = (
        "a new budget|the election campaign|the championship|higher interest rates|the trade agreement|a housing bill"
    )
    said = "analysts said|according to officials|a spokesman told reporters|in front of 40,000 fans|as markets closed"
    return " ".join(
        f"{pick(rng, who)} {pick(rng, did)} {pick(rng, what)}, {pick(rng, said)}." for _ in range(rng.integers(2, 8))
    )


def story(rng: np.random.Generator) -> str:
    """Everyday sentences."""
    return " ".join(sentence(rng) for _ in range(rng.integers(2, 12)))


def latin(rng: np.random.Generator) -> str:
    """The printers' dummy text."""
    words = (
        "lorem|ipsum|dolor|sit|amet|consectetur|adipiscing|elit|sed|do|eiusmod|tempor|incididunt|ut|labore|et|dolore|"
        "magna|aliqua|enim|minim|veniam|quis|nostrud|ullamco|laboris|nisi|aliquip|commodo|consequat|duis|aute|irure"
    )
    lines = [" ".join(pick(rng, words) for _ in range(rng.integers(6, 14))) for _ in range(rng.integers(1, 8))]
    return " ".join(f"{line.capitalize()}." for line in lines)


def foreign_language(rng: np.random.Generator) -> str:
    """German, French, Spanish, Italian or Dutch, of everyday things."""
    language = (
        ("Der Hund|Meine Tante|Das Fenster|Der Zug nach Berlin|Die Lehrerin", "läuft langsam|steht noch|wartet heute",
         "durch den alten Garten|neben der Kirche|vor dem Haus meiner Eltern|im Winter"),
        ("Le chien|Ma tante|La fenêtre|Le train de Paris|Le voisin", "marche lentement|reste ouvert|attend encore",
         "dans le vieux jardin|près de la gare|devant la maison|pendant l'hiver"),
        ("El perro|Mi abuela|La ventana|El tren de Madrid|El vecino", "camina despacio|sigue abierta|espera todavía",
         "en el viejo jardín|cerca de la estación|delante de la casa|durante el invierno"),
        ("Il cane|Mia zia|La finestra|Il treno per Roma|Il vicino", "cammina piano|resta aperta|aspetta ancora",
         "nel vecchio giardino|vicino alla stazione|davanti alla casa|durante l'inverno"),
        ("De hond|Mijn tante|Het raam|De trein naar Utrecht|De buurman", "loopt langzaam|staat open|wacht nog",
         "door de oude tuin|naast de kerk|voor het huis van mijn ouders|in de winter"),
    )[rng.integers(5)]  # fmt: skip
    return " ".join(f"{' '.join(pick(rng, words) for words in language)}." for _ in range(rng.integers(2, 9)))


def log(rng: np.random.Generator) -> str:
    """Lines of a server's log."""
    what = "GET /index.html 200|connection reset by peer|worker restarted|cache miss for key|POST /api/v2/login 401"
    lines = []
    for _ in range(rng.integers(4, 15)):
        clock = ":".join(f"{rng.integers(60):02d}" for _ in range(3))
        place = ".".join(str(rng.integers(255)) for _ in range(4))
        lines.append(
            f"2024-0{rng.integers(1, 10)}-1{rng.integers(10)}T{clock}Z {pick(rng, 'INFO|WARN|ERROR|DEBUG')} "
            f"[{pick(rng, 'http|db|scheduler|auth')}] {place} {pick(rng, what)} {rng.integers(9999)}ms"
        )
    return "\n".join(lines)


def letter(rng: np.random.Generator) -> str:
    """An e-mail from an office."""
    opening = "Hi team|Dear Ms Weber|Hello everyone|Dear customer|Hi Tom"
    line = (
        "please find the invoice attached|the meeting moved to Thursday at {n}|your parcel was shipped yesterday|"
        "could you review the slides before {n}|our office closes early this Friday|thanks for the quick reply|"
        "the budget spreadsheet is on the shared drive|your subscription renews on the {n}th"
    )
    lines = [pick(rng, line).format(n=rng.integers(1, 28)) for _ in range(rng.integers(2, 7))]
    body = " ".join(f"{each[0].upper()}{each[1:]}." for each in lines)
    end = pick(rng, "Best regards|Cheers|Kind regards") + ",\n" + pick(rng, "Sam|Julia|Ben")
    return f"{pick(rng, opening)},\n\n{body}\n\n{end}"


def advert(rng: np.random.Generator) -> str:
    """What a shop, a hotel or a landlord says of its wares."""
    what = (
        "Sunny two-room flat|Wireless headphones|Family hotel by the beach|Used estate car|Leather sofa|Mountain bike"
    )
    claim = (
        "free delivery within {n} days|only {n} left in stock|was 199 now {n} euros|five-star reviews|"
        "walking distance to the shops|two-year warranty|brand new battery|breakfast included|parking on request"
    )
    claims = [pick(rng, claim).format(n=rng.integers(2, 99)) for _ in range(rng.integers(2, 8))]
    return f"{pick(rng, what)}! " + ". ".join(f"{each[0].upper()}{each[1:]}" for each in claims) + "."


def random_words(rng: np.random.Generator) -> str:
    """Letters thrown into words."""
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    chances = np.linspace(2, 0.2, len(letters))
    words = [
        "".join(rng.choice(letters, rng.integers(2, 11), p=chances / chances.sum())) for _ in range(rng.integers(8, 80))
    ]
    return " ".join(words)


def essay(rng: np.random.Generator) -> str:
    """Sentences of physics, history and mathematics, as in a textbook."""
    lines = (
        "The velocity of a falling body grows in proportion to the time elapsed|"
        "Let f be a continuous function on a closed interval|In {n} the empire lost its eastern provinces|"
        "A triangle with sides of {n} and {n} units has the stated area|The treaty ended a war of {n} years|"
        "Light of a shorter wavelength carries more energy per photon|By induction the sum equals {n}|"
        "The first railways connected the coal fields with the ports|Parliament abolished the tariff in 18{n}|"
        "Planets move in ellipses with the sun at one focus"
    )
    chosen = [pick(rng, lines).format(n=rng.integers(10, 99)) for _ in range(rng.integers(2, 9))]
    return " ".join(f"{line}." for line in chosen)


NOTES: dict[str, Write] = {
    write.__name__: write
    for write in (
        recipe,
        code,
        poem,
        law,
        news,
        story,
        latin,
        foreign_language,
        log,
        letter,
        advert,
        random_words,
        essay,
    )
}
"""Kind -> how it is written."""
