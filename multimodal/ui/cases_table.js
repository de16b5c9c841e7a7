// The worklist: a real table whose rows open by click or Enter, whose headings sort, and which turns into cards on a phone.

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
};

const SHAPES = { image: "M2.5 2.5h9v9h-9Z", audio: "M7 2 12 11.5H2Z", text: "M7 1 13 7 7 13 1 7Z" };

function shape(mark) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 14 14");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", mark.word);
  const title = document.createElementNS(space, "title");
  title.textContent = mark.word;
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[mark.modality]);
  path.setAttribute("fill", "none");
  path.setAttribute("stroke", mark.colour);
  path.setAttribute("stroke-width", "2");
  picture.append(title, path);
  return picture;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".worklist");
  const inside = root.getRootNode().activeElement;
  const focused = inside && root.contains(inside) ? inside.dataset.focus : null;

  const heading = ({ sort, title }) => {
    if (!sort) return make("th", { scope: "col" }, title);
    const active = sort === data.sort;
    const arrow = active ? (data.descending ? " ▾" : " ▴") : "";
    const button = make("button", { type: "button", "data-focus": `sort-${sort}` }, title + arrow);
    button.addEventListener("click", () => setTriggerValue("sort", sort));
    return make("th", { scope: "col", "aria-sort": active ? (data.descending ? "descending" : "ascending") : null }, button);
  };

  const line = (row) => {
    const title = make("button", { type: "button", class: "title", dir: "auto", "data-focus": row.id }, row.title);
    const dot = make("i", { style: `left:${100 * (row.probability ?? 0)}%` });
    const figure = make("span", { class: "figure" }, row.percent);
    const element = make(
      "tr",
      {},
      make("td", { class: "date", title: row.time }, row.date, make("span", { class: "time" }, row.time)),
      make("th", { scope: "row" }, title),
      make("td", { class: row.finding ? "finding" : "finding none" }, row.finding ?? "No condition is likely"),
      make("td", { class: "probability" }, row.percent ? make("span", { class: "track", "aria-hidden": true }, dot) : null, figure),
      make("td", { class: "record" }, ...data.marks.filter((mark) => row.modalities.includes(mark.modality)).map(shape)),
      make("td", { class: "review" }, make("span", { class: `state ${row.state}`, title: row.corrected || null }, row.review)),
      make("td", { class: "models", title: row.models }, row.models),
    );
    element.addEventListener("click", () => setTriggerValue("open", row.id));
    return element;
  };

  const body = make("tbody", {}, ...data.rows.map(line));
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const titles = [...body.querySelectorAll(".title")];
    titles[titles.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  });
  const last = Math.min(data.total, data.first + data.rows.length - 1);
  const turn = (by, words, off) => {
    const button = make("button", { type: "button", class: "turn", disabled: off, "data-focus": `turn${by}` }, words);
    button.addEventListener("click", () => setTriggerValue("page", by));
    return button;
  };
  const turns = data.total > data.size;
  const foot = make(
    "div",
    { class: "foot" },
    make("span", { role: "status" }, turns ? `${data.first} to ${last} of ${data.total} cases` : `${data.total} case${data.total > 1 ? "s" : ""}`),
    turns ? make("span", { class: "turns" }, turn(-1, "Earlier page", data.first === 1), turn(1, "Next page", last === data.total)) : null,
  );
  const head = make("thead", {}, make("tr", {}, ...data.columns.map(heading)));
  const table = make("table", { "aria-label": "Cases" }, head, body);
  root.replaceChildren(make("div", { class: "frame" }, table), foot);
  if (focused) root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}
