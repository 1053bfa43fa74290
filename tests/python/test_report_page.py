"""A run's page in headless Chromium: what a reader clicks on moves, and nothing breaks on any screen or on paper.

Needs Debian's chromium and chromium-driver, which scripts/test.sh installs where it may; skipped without them. Pictures
of the pages are left in the folder CONTRACTIVE_SCREENSHOTS, if that is named. This file alone:

    CONTRACTIVE_CAE=target/debug/cae CONTRACTIVE_SCREENSHOTS=shots .venv/bin/python -m pytest tests/python/test_report_page.py
"""

import base64
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from metrics import history
from selenium import webdriver
from selenium.common.exceptions import SessionNotCreatedException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver must be on the PATH: install chromium chromium-driver"
)

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
).split()
HOSTILE = '<script>document.title="hit"</script>'
DESKTOP, PHONE = (1280, 900), (390, 844)
SCREENS = {"desktop": {}, "phone": {"size": PHONE}, "dark": {"dark": True}, "no-scripts": {"scripts": False}}


@pytest.fixture(scope="session")
def pages(cae, tmp_path_factory):
    """Name → page, of tiny runs: images, a table with hostile names, a comparison, one that diverged, and a table scored."""
    folder = tmp_path_factory.mktemp("runs")

    def run(*words, code=0):
        assert subprocess.run([cae, *words, "--quiet"], cwd=folder, capture_output=True).returncode == code

    for name, contraction in [("images", "0.1"), ("plain", "0")]:
        data = ["--set", "data.rows=600", "--hidden", "32,8", "--epochs", "5", "--contraction", contraction]
        run("train", "strokes", *data, "--out", name)
    chance = random.Random(7)
    lines = [f'{HOSTILE},"""><img src=x onerror=document.title=1>",b & c,kind']
    for _ in range(200):
        a, b = chance.random(), chance.random()
        lines.append(f"{a},{b},{a - b},{'<b>up</b>' if a > b else 'down'}")
    (folder / "table.csv").write_text("\n".join(lines))
    table = ["train", "--data", "table.csv", "--label-column", "kind", "--hidden", "4,2"]
    run(*table, "--epochs", "3", "--out", "table")
    relu = ["--activation", "relu", "--code-activation", "relu", "--optimiser", "sgd", "--batch-size", "180"]
    run(*table, *relu, "--scale", "none", "--epochs", "400", "--learning-rate", "30", "--out", "diverged", code=4)
    run("report", "images", "plain", "-o", "comparison.html")
    run("train", "--detector", "--data", "table.csv", "--ensemble", "1", "--steps", "50", "--out", "detector")
    run("detect", "detector", "--data", "table.csv", "--report", "detected.html")
    runs = {name: folder / name / "report.html" for name in ("images", "table", "diverged")}
    return runs | {name: folder / f"{name}.html" for name in ("comparison", "detected")}


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    def started():
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        return webdriver.Chrome(options, webdriver.ChromeService(DRIVER))

    # On a busy machine Chromium was seen to exit while it starts, which says nothing of our pages.
    try:
        driver = started()
    except SessionNotCreatedException:
        driver = started()
    yield driver
    driver.quit()


@pytest.fixture
def shown(browser, pages):
    """Opens a page as one kind of screen shows it. At the end the console must be empty and no request have left."""

    def show(name, size=DESKTOP, dark=False, scripts=True):
        command = browser.execute_cdp_cmd
        is_phone = size == PHONE
        screen = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": is_phone}
        command("Emulation.setDeviceMetricsOverride", screen)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        command("Emulation.setEmulatedMedia", {"features": [scheme]})
        command("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        browser.get(pages[name].as_uri())
        return browser

    yield show
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    # The browser's own first page asks for its parts.
    urls = [request["request"]["url"] for request in requests if request["documentURL"].startswith("file:")]
    assert urls and all(url.startswith(("file:", "data:")) for url in urls), urls


def find(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def all_of(browser, selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def click(browser, element):
    # The bar of links stays on top: what it covers cannot be clicked.
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    element.click()


def keep(name, data):
    """Leaves a picture or a document (base64) for someone to look at."""
    if folder := os.environ.get("CONTRACTIVE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_bytes(base64.b64decode(data))


def epoch_shown(browser):
    """(epoch, name → text) as the epoch slider shows them."""
    names = [term.text for term in all_of(browser, "#epoch-values dt")]
    values = [value.text for value in all_of(browser, "#epoch-values dd")]
    return int(find(browser, "#epoch-now").text), dict(zip(names, values, strict=True))


def number(text):
    """From the page's way of writing it, such as 2.3×10³⁵."""
    return float(text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")).replace("×10", "e"))


def assert_is_epoch(shown, record):
    """The numbers shown are those of metrics.jsonl, to the digits shown (five significant ones)."""
    epoch, values = shown
    assert epoch == record["epoch"]
    wanted = {
        "training total": record["train"]["total"],
        "training penalty": record["train"]["penalty"],
        "validation total": record["validation"]["total"],
        "mean ‖J‖": record["jacobian_norm"],
    }
    for name, value in wanted.items():
        assert number(values[name]) == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("name", ["images", "table", "diverged"])
def test_the_epoch_slider_shows_each_epoch_of_the_metrics(shown, pages, name):
    browser = shown(name)
    records = history(pages[name].parent)
    slider = find(browser, "#epoch")
    cursor = find(browser, "#loss svg[data-first] .cursor")
    seen, places = [], []
    for key in [Keys.HOME, Keys.ARROW_RIGHT, Keys.END]:
        slider.send_keys(key)
        seen.append(epoch_shown(browser))
        places.append(float(cursor.get_attribute("x1")))
    for shown_epoch, record in zip(seen, [records[0], records[1], records[-1]], strict=True):
        assert_is_epoch(shown_epoch, record)
    assert places == sorted(places) and places[0] < places[2], "the rule in the chart moves along"
    # And with the mouse: in the middle of the slider.
    click(browser, slider)
    middle = epoch_shown(browser)[0]
    assert_is_epoch(epoch_shown(browser), records[middle - 1])
    assert 1 < middle < len(records)


def test_pointing_at_a_curve_shows_its_epoch(shown, pages):
    browser = shown("images")
    records = history(pages["images"].parent)
    find(browser, "#epoch").send_keys(Keys.END)
    chart = find(browser, "#loss svg[data-first]")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", chart)
    left = -chart.size["width"] // 2 + 60
    webdriver.ActionChains(browser).move_to_element_with_offset(chart, left, 0).perform()
    assert_is_epoch(epoch_shown(browser), records[0])


def test_further_examples_and_the_difference_are_shown(shown):
    browser = shown("images")
    panel = find(browser, "#examples .show")

    def visible():
        images = [image for image in all_of(browser, "#examples .tiles img") if image.is_displayed()]
        return [image.get_attribute("src") for image in images]

    buttons = all_of(browser, "#examples button[data-group]")
    assert [button.text for button in buttons][:2] == ["1–10", "11–20"]
    first, picture = visible(), panel.screenshot_as_png
    assert len(first) == 20, "ten originals and their reconstructions"
    click(browser, buttons[1])
    assert [button.get_attribute("aria-pressed") for button in buttons[:2]] == ["false", "true"]
    second = visible()
    assert len(second) == 20 and not set(first) & set(second)
    assert panel.screenshot_as_png != picture
    box = find(browser, "#difference")
    click(browser, box)
    assert len(visible()) == 30 and set(second) < set(visible())
    click(browser, box)
    click(browser, buttons[0])
    assert visible() == first


def test_the_difference_of_a_table_is_shown(shown):
    browser = shown("table")
    lines = all_of(browser, "#examples polyline.diff")
    assert lines and not any(line.is_displayed() for line in lines)
    click(browser, find(browser, "#difference"))
    assert all(line.is_displayed() for line in lines)


def test_the_table_of_epochs_opens_and_links_lead_to_their_parts(shown, pages):
    browser = shown("images")
    table = find(browser, "#epochs")
    assert not table.is_displayed()
    click(browser, find(browser, "#loss summary"))
    assert table.is_displayed()
    assert len(all_of(browser, "#epochs tbody tr")) == len(history(pages["images"].parent))
    for link in all_of(browser, "nav a"):
        link.click()
        place = browser.execute_async_script(
            "const [link, done] = arguments; const part = document.querySelector(link.hash);"
            "document.documentElement.style.scrollBehavior = 'auto'; part.scrollIntoView();"
            "requestAnimationFrame(() => done(part.getBoundingClientRect().top))",
            link,
        )
        assert place < 500, link.text


def term(browser, section, word):
    """The button of a word in a panel, and its meaning."""
    button = next(b for b in all_of(browser, f"{section} button.term") if b.text.lower() == word)
    return button, browser.find_element(By.ID, button.get_attribute("popovertarget"))


@pytest.mark.parametrize("screen", ["desktop", "phone", "no-scripts"])
@pytest.mark.parametrize(
    ("name", "section", "word"),
    [
        ("images", "#spectrum", "local dimension"),
        ("images", "header", "dead code units"),
        ("images", "#units", "saturated"),
        ("comparison", "#figures", "local dimension"),
        ("detected", "#scores", "threshold"),
    ],
)
def test_a_word_opens_its_meaning_where_it_stands(shown, name, section, word, screen):
    browser = shown(name, **SCREENS[screen])
    button, meaning = term(browser, section, word)
    assert not meaning.is_displayed()
    click(browser, button)
    assert meaning.is_displayed() and len(meaning.text) > 30
    width, height = SCREENS[screen].get("size", DESKTOP)
    box = browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", meaning)
    assert box["left"] >= 0 and box["right"] <= width and box["top"] >= 0 and box["bottom"] <= height, box
    place = browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", button)
    apart = max(box["top"] - place["bottom"], place["top"] - box["bottom"])
    assert 0 <= apart < 20, "beside its word, and not over it"
    keep(f"word-{name}-{section.strip('#')}-{screen}.png", browser.get_screenshot_as_base64())
    # By keyboard: Escape closes, and the word, which has the focus again, opens.
    webdriver.ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not meaning.is_displayed()
    webdriver.ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert meaning.is_displayed()
    listed = [term.text for term in all_of(browser, "#words dt")]
    assert {"code", "J"} <= set(listed) if name == "images" else listed


def test_hostile_names_are_text(shown):
    browser = shown("table")
    assert browser.title == "table"
    assert HOSTILE in find(browser, "#filters").text
    assert not all_of(browser, "img[src=x]")
    assert len(all_of(browser, "script")) == 1


def test_hostile_cells_of_a_table_that_was_scored_are_text(shown):
    browser = shown("detected")
    assert browser.title == "table.csv"
    assert HOSTILE in find(browser, "#drift").text and "<b>up</b>" in find(browser, "#rows").text
    assert not all_of(browser, "img") and len(all_of(browser, "script")) == 1


def test_without_scripts_all_is_there_but_the_controls(shown):
    browser = shown("images", scripts=False)
    assert find(browser, "html").get_attribute("class") == ""
    assert not any(part.is_displayed() for part in all_of(browser, ".controls, .reader, .cursor"))
    images = all_of(browser, "#examples .tiles img")
    assert len(images) > 60 and all(image.is_displayed() for image in images)
    click(browser, find(browser, "#loss summary"))
    assert find(browser, "#epochs").is_displayed()


def test_a_divergence_is_said_on_top(shown, pages):
    said = find(shown("diverged"), "header .advice").text
    divergence = json.loads((pages["diverged"].parent / "divergence.json").read_text())
    assert f"diverged in epoch {divergence['epoch']}, step {divergence['step']}" in said


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", ["images", "table", "diverged", "comparison", "detected"])
def test_nothing_sticks_out_and_colours_can_be_read(shown, name, screen):
    browser = shown(name, **SCREENS[screen])
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= SCREENS[screen].get("size", DESKTOP)[0], "the page must not scroll sideways"
    channels = browser.execute_script(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert (max(channels[:3]) < 64) == (screen == "dark"), channels
    picture = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    keep(f"{name}-{screen}.png", picture["data"])


@pytest.mark.parametrize("name", ["images", "table", "diverged", "comparison", "detected"])
def test_paper_is_light_and_without_controls(shown, name):
    # From a screen that is dark and shows the second examples: paper shows all, on white.
    browser = shown(name, dark=True)
    if buttons := all_of(browser, "#examples button[data-group]"):
        click(browser, buttons[1])
    settings = {"printBackground": True, "preferCSSPageSize": True}
    keep(f"{name}.pdf", browser.execute_cdp_cmd("Page.printToPDF", settings)["data"])
    scheme = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [scheme]})
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    assert not any(part.is_displayed() for part in all_of(browser, "nav, .controls, .reader, .cursor, .meaning"))
    assert all(part.is_displayed() for part in all_of(browser, "#words dd")), "paper lists what its words mean"
    tiles = all_of(browser, "#examples .tiles")
    assert all(part.is_displayed() for part in tiles)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
