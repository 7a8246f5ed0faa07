// Joins the parts: opens and closes cases, keeps the address in step, listens to the keyboard.

const opened = new Map(); // case number -> what caseBody returned
let evidence = null;
let filter = null;
let looking = { number: -1, pdu: -1 };

const rowOf = (number) => document.querySelector(`li.case[data-n="${number}"]`);
const buttonOf = (row) => row.querySelector("button[aria-expanded]");

async function openCase(number, { pdu = -1, scroll = false } = {}) {
  const row = rowOf(number);
  if (!row) return;
  if (!opened.has(number)) {
    opened.set(number, null); // so that a second click while the chunk is inflated does not draw twice
    const events = await evidence.events(number);
    const made = caseBody(evidence.cases[number], evidence, (index) => look(number, index), events);
    row.append(made.body);
    opened.set(number, made);
    row.classList.add("open");
    buttonOf(row).setAttribute("aria-expanded", "true");
  }
  if (pdu >= 0) opened.get(number)?.open(pdu);
  look(number, pdu);
  if (scroll) row.scrollIntoView({ block: "start", behavior: "auto" });
}

function closeCase(number) {
  const row = rowOf(number);
  if (!opened.get(number)) return;
  opened.get(number).body.remove();
  opened.delete(number);
  row.classList.remove("open");
  buttonOf(row).setAttribute("aria-expanded", "false");
  if (looking.number === number) look(-1, -1);
}

const toggleCase = (number) => (opened.has(number) ? closeCase(number) : openCase(number));

function look(number, pdu) {
  looking = { number, pdu };
  remember();
}

/** Keep filters and the open case in the address, so that it can be sent to somebody. */
function remember() {
  const state = filter.state();
  const parts = new URLSearchParams();
  if (state.verdicts.length) parts.set("verdict", state.verdicts.join(","));
  for (const name of ["suite", "requirement", "text"]) if (state[name]) parts.set(name, state[name]);
  if (looking.number >= 0) parts.set("case", evidence.cases[looking.number].id);
  if (looking.pdu >= 0) parts.set("pdu", looking.pdu);
  try {
    history.replaceState(null, "", parts.size ? `#${parts}` : location.href.split("#")[0]);
  } catch { /* some viewers forbid it; the page works without */ }
}

/** Do what the address says. A link within the page names a case only, and then nothing may hide that case. */
async function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const number = evidence.cases.findIndex((entry) => entry.id === parts.get("case"));
  const verdicts = (parts.get("verdict") ?? "").split(",").filter(Boolean);
  filter.set({ verdicts, suite: parts.get("suite") ?? "", requirement: parts.get("requirement") ?? "", text: parts.get("text") ?? "" });
  if (number < 0) return;
  unfold(rowOf(number).closest("section"));
  await openCase(number, { pdu: Number(parts.get("pdu") ?? -1), scroll: true });
  buttonOf(rowOf(number)).focus({ preventScroll: true });
}

function fold(section, folded) {
  section.classList.toggle("folded", folded);
  section.querySelector(".fold").setAttribute("aria-expanded", String(!folded));
}

const unfold = (section) => fold(section, false);

/** Move the focus to the next (1) or previous (-1) case that is shown. */
function step(direction) {
  const rows = [...document.querySelectorAll("section.suite:not([hidden]):not(.folded) li.case:not([hidden])")];
  const here = rows.indexOf(document.activeElement?.closest?.("li.case"));
  const row = rows[here < 0 ? (direction > 0 ? 0 : rows.length - 1) : here + direction];
  if (!row) return;
  buttonOf(row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  "/": () => byId("text").focus(),
  j: () => step(1),
  k: () => step(-1),
};

function listen() {
  byId("cases").addEventListener("click", (event) => {
    const requirement = event.target.closest("[data-requirement]");
    const folder = event.target.closest(".fold");
    const head = event.target.closest("h3 > button");
    if (requirement) filter.set({ requirement: requirement.dataset.requirement });
    if (folder) fold(folder.closest("section"), folder.getAttribute("aria-expanded") === "true");
    if (head) toggleCase(Number(head.closest("li").dataset.n));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return escape(event);
    if (event.target.closest("input, select, textarea")) return;
    if (KEYS[event.key]) { KEYS[event.key](); event.preventDefault(); }
  });
  byId("all-broken")?.addEventListener("click", () => {
    filter.set({ verdicts: ["fail", "inconclusive", "harness-error"] });
    byId("cases").focus();
  });
  for (const button of document.querySelectorAll(".repeat .copy")) {
    button.addEventListener("click", () => copy(button.previousElementSibling.textContent, button));
  }
  addEventListener("hashchange", recall);
}

/** Escape leaves a field, or closes the case that has the focus. */
function escape(event) {
  const row = event.target.closest("li.case.open");
  if (event.target.matches("input, select")) event.target.blur();
  else if (row) { closeCase(Number(row.dataset.n)); buttonOf(row).focus(); }
}

function themeSwitch() {
  const button = byId("theme");
  const dark = () => {
    const kept = document.documentElement.dataset.theme;
    return kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const label = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colours`); };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("chiscsi-theme", document.documentElement.dataset.theme); } catch { /* as in theme.js */ }
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
}

async function start() {
  themeSwitch();
  if (!("DecompressionStream" in window)) throw new Error("this browser is too old to unpack the exchanges");
  evidence = new Evidence(await unpack("index"));
  filter = new Filter(evidence, remember);
  listen();
  await recall();
  document.documentElement.dataset.ready = "true";
}

start().catch((error) => {
  byId("notice").hidden = false;
  byId("notice").textContent = `The exchanges cannot be shown: ${error.message}`;
});
