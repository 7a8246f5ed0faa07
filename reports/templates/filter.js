// Which cases are shown. All filters must agree; the words of the search must all occur, in any order.

class Filter {
  constructor(evidence, changed) {
    this.changed = changed;
    this.verdicts = new Set();
    this.rows = [...document.querySelectorAll("li.case")];
    this.rows.sort((one, other) => one.dataset.n - other.dataset.n);
    this.suites = [...document.querySelectorAll("section.suite")];
    this.cases = evidence.cases.map((entry) => ({
      verdict: entry.verdict,
      suite: entry.suite,
      requirements: entry.requirements ?? [],
      words: this.words(entry, evidence).toLowerCase(),
    }));
    this.controls = { suite: byId("suite"), requirement: byId("requirement"), text: byId("text") };
    for (const control of Object.values(this.controls)) control.addEventListener("input", () => this.apply());
    for (const button of document.querySelectorAll("[data-filter-verdict]")) {
      button.addEventListener("click", () => this.toggle(button.dataset.filterVerdict));
    }
    for (const id of ["clear", "clear-too"]) byId(id).addEventListener("click", () => this.set({}));
  }

  words(entry, { requirements, pdus }) {
    const rules = (entry.requirements ?? []).map((id) => `${id} ${(requirements[id] ?? []).join(" ")}`);
    const sent = entry.pdus.map((place) => pdus[place]);
    return [entry.id, entry.title, entry.suite, entry.verdict, entry.rule, entry.expected, entry.observed, entry.clause,
      entry.deviation, ...rules, ...sent].join("\n");
  }

  toggle(verdict) {
    if (!this.verdicts.delete(verdict)) this.verdicts.add(verdict);
    this.apply();
  }

  /** Set all filters at once; whatever is not named is cleared. */
  set({ verdicts = [], suite = "", requirement = "", text = "" }) {
    this.verdicts = new Set(verdicts);
    Object.assign(this.controls.suite, { value: suite });
    Object.assign(this.controls.requirement, { value: requirement });
    Object.assign(this.controls.text, { value: text });
    this.apply();
  }

  state() {
    const { suite, requirement, text } = this.controls;
    return { verdicts: [...this.verdicts], suite: suite.value, requirement: requirement.value.trim(), text: text.value.trim() };
  }

  matches(entry, { suite, requirement }, words) {
    return (!this.verdicts.size || this.verdicts.has(entry.verdict))
      && (!suite || entry.suite === suite)
      && (!requirement || entry.requirements.some((id) => id.includes(requirement)))
      && words.every((word) => entry.words.includes(word));
  }

  apply() {
    const state = this.state();
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    this.rows.forEach((row, number) => {
      const matches = this.matches(this.cases[number], state, words);
      if (row.hidden === matches) row.hidden = !matches;
      shown += matches;
    });
    for (const suite of this.suites) {
      const left = suite.querySelectorAll("li.case:not([hidden])").length;
      const all = suite.querySelectorAll("li.case").length;
      suite.hidden = !left;
      suite.querySelector(".count").textContent = left === all ? all : `${left} of ${all}`;
    }
    this.show(shown, this.cases.length);
    this.changed();
  }

  show(shown, all) {
    const filtered = this.verdicts.size || Object.values(this.controls).some((control) => control.value);
    byId("shown").textContent = shown === all ? counted(all, "case") : `${shown.toLocaleString("en")} of ${counted(all, "case")}`;
    byId("clear").hidden = !filtered;
    byId("nothing").hidden = shown > 0 || all === 0;
    for (const button of document.querySelectorAll("[data-filter-verdict]")) {
      button.setAttribute("aria-pressed", this.verdicts.has(button.dataset.filterVerdict));
    }
  }
}
