// Small tools over the DOM. Text from a run only ever becomes text nodes and attributes set here: no markup is parsed.

/** An element: `make("p.note", {id: "x", onclick: f}, "text", child, ...)`; null children are left out. */
function make(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const byId = (id) => document.getElementById(id);

/** A text for eyes: control characters, which a device may send, as escapes. */
function visible(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (letter) => {
    const code = letter.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** Seconds as people read them: "0", "412 µs", "12.4 ms", "1.50 s". */
function clock(seconds) {
  if (seconds === 0) return "0";
  if (seconds < 0.0009995) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${(seconds * 1e3).toPrecision(3)} ms`;
  return `${seconds.toFixed(2)} s`;
}

/** "1 case", "2,000 cases". */
const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** Say something to people who hear the page. */
function say(text) {
  byId("said").textContent = text;
}

/** Copy a text; pages from a disk or over plain HTTP may have no clipboard, so the old way is the second. */
async function copy(text, button) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    copied = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const label = button.dataset.label ?? (button.dataset.label = button.textContent);
  button.textContent = copied ? "Copied" : "Press Ctrl-C";
  say(button.textContent);
  setTimeout(() => { button.textContent = label; }, 1600);
}

const copyButton = (text, label = "Copy") =>
  make("button.copy", { type: "button", onclick: (event) => copy(text, event.currentTarget) }, label);

/** Arrow keys move among the elements that match; one of them is in the tab order. */
function roving(container, selector) {
  const all = () => [...container.querySelectorAll(selector)].filter((element) => element.offsetParent !== null);
  const first = container.querySelector(selector);
  for (const element of container.querySelectorAll(selector)) element.tabIndex = element === first ? 0 : -1;
  container.addEventListener("focusin", (event) => {
    const reached = event.target.closest(selector);
    if (!reached) return;
    for (const element of container.querySelectorAll(`${selector}[tabindex="0"]`)) element.tabIndex = -1;
    reached.tabIndex = 0;
  });
  container.addEventListener("keydown", (event) => {
    const here = event.target.closest(selector);
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!here || !step || event.altKey || event.ctrlKey || event.metaKey) return;
    const elements = all();
    const place = Math.max(0, Math.min(elements.length - 1, elements.indexOf(here) + step));
    elements[place].focus();
    event.preventDefault();
    event.stopPropagation();
  });
}
