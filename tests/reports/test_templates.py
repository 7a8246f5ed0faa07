"""The page in a real browser: what a reader does with it, and what a hostile target tries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from reports.html import write_html
from reports.model import Case, Placement, Run
from reports.placement import add_up, in_words, placements, sums_in_words
from tests.peers import require_peer
from tests.reports.sample_run import HOSTILE, STARTED, sample_run

pytestmark = pytest.mark.browser


def placement_of(case: Case) -> Placement | None:
    """What became of the data of the write in a case of the sample run, which has one at most."""
    return next((event.placement for event in case.events if event.placement is not None), None)


RUN = sample_run()
FAILED = next(case for case in RUN.cases if case.title == "StatSN rises by one with each status")
INJECTED = next(case for case in RUN.cases if case.observed == HOSTILE)
COPIED = next(case for case in RUN.cases if (found := placement_of(case)) and found.copied)
PLACED = next(case for case in RUN.cases if (found := placement_of(case)) and not found.copied)
TWO_CONNECTIONS = next(case for case in RUN.cases if case.suite == "session reinstatement")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1440,1000"
)
PHONE = {"width": 375, "height": 760, "deviceScaleFactor": 2, "mobile": True}
DESKTOP = {"width": 1440, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
COME_TO_REST = """
    const [element, done] = arguments;
    let last;
    function look() {
        const { top } = element.getBoundingClientRect();
        if (top === last) return done();
        last = top;
        return requestAnimationFrame(look);
    }
    element.scrollIntoView({ block: "center" });
    requestAnimationFrame(look);
"""


class Page:
    """The report in a browser, as a reader sees it."""

    def __init__(self, driver: webdriver.Chrome, path: Path) -> None:
        self.driver = driver
        self.url = path.as_uri()

    def open(self, fragment: str = "", screen: dict[str, Any] = DESKTOP) -> None:
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.get("about:blank")  # an address that differs in its fragment only would not be loaded again
        self.driver.get(self.url + fragment)
        self.until("return document.documentElement.dataset.ready === 'true'")

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, script: str) -> None:
        WebDriverWait(self.driver, 20, 0.02).until(lambda _: self.run(script))

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def shown(self) -> list[int]:
        """The numbers of the cases that the filters leave."""
        return self.run(  # type: ignore[no-any-return]
            "return [...document.querySelectorAll('section.suite:not([hidden]) li.case:not([hidden])')]"
            ".map((row) => Number(row.dataset.n))"
        )

    def press(self, selector: str) -> None:
        """Click what has come to rest: rows above it get their height only when they come into view."""
        element = self.one(selector)
        self.driver.execute_async_script(COME_TO_REST, element)
        element.click()

    def open_case(self, number: int) -> None:
        self.run("document.getElementById(arguments[0]).click()", f"case-{number}")
        self.until(f"return Boolean(document.querySelector('[data-n=\"{number}\"] .body'))")

    def overflow(self) -> int:
        """Pixels by which the page is wider than the screen."""
        return self.run("return document.documentElement.scrollWidth - window.innerWidth")  # type: ignore[no-any-return]

    def theme(self, name: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium = require_peer("chromium", package="chromium")
    service = Service(str(require_peer("chromedriver", package="chromium-driver")))
    options = webdriver.ChromeOptions()
    options.binary_location = str(chromium)
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "index.html"
    write_html(path, RUN)
    return path


@pytest.fixture
def page(driver: webdriver.Chrome, report: Path) -> Iterator[Page]:
    page = Page(driver, report)
    page.open()
    yield page
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]  # no error and no refused request


def _number(case: object) -> int:
    return next(number for number, other in enumerate(RUN.cases) if other is case)


def test_a_failed_case_opens_with_rule_evidence_and_the_offending_field(page: Page) -> None:
    page.open_case(_number(FAILED))
    body = page.one(".body").text
    for part in (FAILED.rule, FAILED.expected, FAILED.observed, FAILED.clause, FAILED.repeat_command):
        assert part in body
    assert page.one(".requirements li").text.startswith("7143-4.2.2.2-01")
    assert len(page.all(".rungs > li[data-group]")) == len(FAILED.events)
    assert page.one(".rungs li.marked .said b").text == "SCSI Response"
    assert page.one(".pdu h4").text == "SCSI Response offending PDU"
    marked = page.one(".fields tr.marked")
    assert [cell.text for cell in marked.find_elements(By.TAG_NAME, "td")][1:4] == ["270", "expected 268", "24–27"]


def test_a_pdu_is_decoded_on_click_and_its_fields_point_at_their_bytes(page: Page) -> None:
    page.open_case(_number(FAILED))
    page.press('.rung[data-event="1"]')
    event = FAILED.events[1]
    assert page.one(".pdu h4").text == event.title
    rows = page.all(".fields tbody tr")
    assert len(rows) == len(event.fields)
    place = [field.name for field in event.fields].index("csg")
    page.run("arguments[0].focus()", rows[place])
    lit = page.run("return [...document.querySelectorAll('.digits .lit')].map((cell) => cell.dataset.octet)")
    assert lit == ["1"]
    assert "csg = 0" in page.one(".bits").text
    over = "new MouseEvent('mouseover', {bubbles: true})"
    page.run(f"document.querySelector('.digits [data-octet=\"24\"]').dispatchEvent({over})")
    assert page.one(".fields tr.lit .name").text == "cmd_sn"
    digits = page.run("return [...document.querySelectorAll('.digits span')].map((cell) => cell.textContent)")
    assert "".join(digits) == event.hex


def test_a_case_closes_again(page: Page) -> None:
    page.open_case(3)
    page.run("document.getElementById('case-3').click()")
    assert page.all(".body") == []
    assert page.one("#case-3").get_attribute("aria-expanded") == "false"


def test_filters_agree_with_the_run(page: Page) -> None:
    page.one('[data-filter-verdict="fail"]').click()
    failed = [number for number, case in enumerate(RUN.cases) if case.verdict == "fail"]
    assert page.shown() == failed
    assert page.one("#shown").text == f"{len(failed)} of {len(RUN.cases)} cases"
    page.one("#clear").click()
    page.run("const s = document.getElementById('suite'); s.value = 'digests'; s.dispatchEvent(new Event('input'))")
    assert page.shown() == [number for number, case in enumerate(RUN.cases) if case.suite == "digests"]
    page.one("#clear").click()
    page.one("#requirement").send_keys("7143-11.8")
    wanted = [n for n, case in enumerate(RUN.cases) if any("7143-11.8" in entry for entry in case.requirements)]
    assert page.shown() == wanted
    page.one("#clear").click()
    page.one("#text").send_keys("ready to TRANSFER")  # the name of a PDU of the exchange
    wanted = [n for n, case in enumerate(RUN.cases) if any(e.title == "Ready To Transfer" for e in case.events)]
    assert page.shown() == wanted
    page.one("#text").send_keys(" no-such-word")
    assert page.shown() == []
    assert page.one("#nothing").is_displayed()


def test_a_requirement_of_an_open_case_filters_by_it(page: Page) -> None:
    page.open_case(_number(FAILED))
    page.run("document.querySelector('[data-requirement]').click()")
    assert page.shown() == [n for n, case in enumerate(RUN.cases) if "7143-4.2.2.2-01" in case.requirements]


def test_the_address_brings_somebody_else_to_the_same_pdu(page: Page) -> None:
    page.open_case(_number(FAILED))
    page.one('[data-filter-verdict="fail"]').click()
    page.press('.rung[data-event="3"]')
    address = page.driver.current_url
    page.open("#" + address.partition("#")[2])
    assert page.one(".pdu h4").text == FAILED.events[3].title
    assert page.one('[data-filter-verdict="fail"]').get_attribute("aria-pressed") == "true"


def test_what_broke_leads_to_the_case(page: Page) -> None:
    page.run("document.querySelector('.broken a').click()")
    page.until("return Boolean(document.querySelector('.body'))")
    first = next(case for case in RUN.cases if case.verdict == "fail")
    assert page.one("li.open .title").text == first.title


def test_the_page_works_by_keyboard_alone(page: Page) -> None:
    def press(*keys: str) -> None:
        webdriver.ActionChains(page.driver).send_keys(*keys).perform()

    press("/")
    assert page.run("return document.activeElement.id") == "text"
    press("StatSN rises", Keys.ESCAPE, "j", Keys.ENTER)
    page.until("return Boolean(document.querySelector('.body'))")
    first = page.run("return document.querySelector('.rung[data-event]').dataset.event")
    page.run("document.querySelector('.rung[tabindex=\"0\"]').focus()")
    press(Keys.ARROW_DOWN, Keys.ENTER)
    chosen = page.one('.rung[aria-pressed="true"]').get_attribute("data-event")
    assert int(chosen) > int(first)
    press(Keys.ESCAPE)
    assert page.all(".body") == []
    assert page.run("return document.activeElement.id").startswith("case-")


def test_connections_can_be_told_apart_and_switched_off(page: Page) -> None:
    page.open_case(_number(TWO_CONNECTIONS))
    labels = {label.text for label in page.all(".rungs .wire")}
    assert labels == {"c0", "c1"}
    page.press(".switch.w1")
    page.until("return true")
    visible = {label.text for label in page.all(".rungs .wire") if label.is_displayed()}
    assert visible == {"c0"}


@pytest.mark.parametrize("case, parts", [(PLACED, ["placed"]), (COPIED, ["placed", "copied"])])
def test_a_bar_beside_a_write_says_what_was_placed_and_what_was_copied(
    page: Page, case: Case, parts: list[str]
) -> None:
    page.open_case(_number(case))
    placement = placement_of(case)
    assert placement is not None
    below = page.one(".rungs .placement")
    assert below.text == below.get_attribute("title") == in_words(placement)
    assert below.find_element(By.XPATH, "..").find_element(By.CSS_SELECTOR, ".said b").text == "SCSI Command"
    bars = page.all(".rungs .placement .shares i")
    assert [bar.get_attribute("class") for bar in bars] == parts
    widths = [bar.size["width"] for bar in bars]
    octets = [placement.placed, placement.copied][: len(widths)]
    assert [round(width / sum(widths), 1) for width in widths] == [round(part / sum(octets), 1) for part in octets]
    assert page.one(".rungs .shares").get_attribute("aria-hidden") == "true", "the words say it"


def test_the_page_adds_up_what_was_placed_and_copied_and_why(page: Page) -> None:
    sums = add_up(placements(RUN))
    assert page.one(".placements p").text == sums_in_words(sums)
    assert page.one(".placements svg").get_attribute("aria-label") == sums_in_words(sums)
    rows = [f"placed where they belong\n{sums.placed:,}"]
    rows += [f"copied: {reason.strip()}\n{octets:,}" for reason, octets, _ in sums.reasons]
    assert [row.text for row in page.all(".placements li")] == rows


def test_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.open(screen=PHONE)
    assert page.overflow() == 0
    for case in (FAILED, INJECTED, TWO_CONNECTIONS, COPIED, RUN.cases[-1]):
        page.open_case(_number(case))
    for number in range(len(FAILED.events)):
        page.run('document.querySelector(`.rung[data-event="${arguments[0]}"]`)?.click()', number)
        assert page.overflow() == 0
    # On a phone the decoded PDU stands below its arrow.
    assert page.run("return document.querySelector('.inspector').parentElement.matches('.rungs > li')")


def test_the_page_asks_nothing_of_any_network(page: Page) -> None:
    page.driver.get_log("performance")  # type: ignore[no-untyped-call]
    page.open()
    page.open_case(_number(INJECTED))
    log = page.driver.get_log("performance")  # type: ignore[no-untyped-call]
    messages = [json.loads(entry["message"])["message"] for entry in log]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if url.startswith(page.url)], "the log shows requests"
    assert [url for url in asked if not url.startswith((page.url, "about:"))] == []


def test_a_hostile_target_s_markup_stays_text(page: Page) -> None:
    page.open_case(_number(INJECTED))
    page.press(".rungs li.marked .rung")
    assert page.run("return window.owned") is None
    assert page.all("img") == []
    assert r"<img src=x onerror=window.owned=1>\x1b[31m\u2028{{7*7}}" in page.one(".judgement .observed dd").text
    assert "</script><script>" in page.one(".fields tr.marked .value").text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_is_readable(page: Page, theme: str) -> None:
    page.theme(theme)
    for case in (FAILED, INJECTED, TWO_CONNECTIONS, COPIED, RUN.cases[-1]):
        page.open_case(_number(case))
    page.run("document.querySelector('.rungs li.marked .rung').click()")
    assert page.run(CONTRAST) == []


def test_the_theme_follows_the_system_until_the_reader_decides(page: Page) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    page.theme("light")
    light = page.run(background)
    page.theme("dark")
    assert page.run(background) != light
    page.one("#theme").click()
    assert page.run(background) == light
    page.open()
    assert page.run(background) == light
    page.run("localStorage.clear()")


@pytest.mark.slow
def test_the_last_of_two_thousand_cases_opens(driver: webdriver.Chrome, tmp_path: Path) -> None:
    run = sample_run(2000, bursts=8)
    write_html(tmp_path / "index.html", run)
    page = Page(driver, tmp_path / "index.html")
    page.open()
    page.open_case(1999)
    assert len(page.all(".rungs > li[data-group]")) == len(run.cases[-1].events)
    page.open_case(1203)
    assert len(page.all('[data-n="1203"] .rungs > li[data-group]')) == len(run.cases[1203].events)


def test_a_run_without_cases_says_so(driver: webdriver.Chrome, tmp_path: Path) -> None:
    write_html(tmp_path / "index.html", Run("0.1.0", "target", "memory", STARTED))
    page = Page(driver, tmp_path / "index.html")
    page.open()
    assert page.one("h1").text == "Nothing ran"
    assert page.all(".placements") == []


# Texts whose contrast with what lies behind them is under WCAG's 4.5:1, each with its ratio.
CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const over = (top, under) => top.slice(0, 3).map((part, i) => part * top[3] + under[i] * (1 - top[3]));
const parse = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const behind = (element) => {
  if (!element) return [255, 255, 255];
  const own = parse(getComputedStyle(element).backgroundColor);
  return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement));
};
const luminance = (colour) => {
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = colour.map((part) => linear(part / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const found = new Set();
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || element.matches(":disabled, script, noscript, option")) continue;
  if (!element.checkVisibility({ visibilityProperty: true })) continue;
  const back = behind(element);
  const text = luminance(over(parse(getComputedStyle(element).color), back));
  const ground = luminance(back);
  const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
  if (ratio < 4.5) found.add(`${element.tagName} .${element.className}: ${ratio.toFixed(2)}`);
}
return [...found];
"""
