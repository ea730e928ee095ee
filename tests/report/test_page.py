import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import tinycss2
import tree_sitter
import tree_sitter_javascript
from support.browser import CHROMIUM, Browser
from support.html_checks import checked
from support.synthetic_runs import LABELS, draw_probabilities, write_curve, write_run

from bert_tf.report import page
from bert_tf.report.report import write_report

PACKAGE = Path(page.__file__).parent
COLLAPSED = np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1))
SCRIPT = "<script>document.title = 'taken'</script><img src=http://127.0.0.1:9/x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with all parts, and script tags in every text."""
    top = tmp_path_factory.mktemp("page")
    (top / "data").mkdir()
    rows = "".join(f"{label}\t{n}\t{n}\t{SCRIPT} {n}\tsecond\n" for n, label in enumerate(LABELS, start=1))
    (top / "data" / "dev.tsv").write_text("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n" + rows)
    runs = top / "runs"
    for rate, accuracy in ((1e-5, 0.62), (2e-5, 0.9), (3e-5, 0.88)):
        for seed in range(3):
            probabilities = draw_probabilities(LABELS, accuracy, int(1e6 * rate) + seed)
            changes = {"learning_rate": rate, "seed": seed, "data_dir": str(top / "data"), "model": SCRIPT + str(rate)}
            folder = write_run(runs / f"{rate}-{seed}", probabilities, **changes)
            write_curve(folder, {"eval_accuracy": [0.6, accuracy, 0.7], "eval_loss": [0.7, 0.5, 0.6]})
    write_run(runs / "collapsed", COLLAPSED, seed=3, learning_rate=2e-5, model=f"{SCRIPT}2e-05")
    write_run(runs / "other", draw_probabilities(LABELS, 0.8, 0), dataset=SCRIPT)
    (runs / "failed").mkdir()
    (runs / "failed" / "failure.txt").write_text(f"{SCRIPT}\n")
    (runs / "cut<b>").mkdir()
    (runs / "cut<b>" / "results.json").write_text("{")
    write_report([runs], top / "report")
    return top / "report" / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def test_all_elements_are_closed_and_no_id_stands_twice(report):
    checker = checked(report)
    assert not checker.errors and not checker.open
    ids = [attributes["id"] for _, attributes in checker.seen if "id" in attributes]
    assert len(ids) == len(set(ids)) > 10


def test_the_page_names_nothing_to_be_fetched(report):
    checker = checked(report)
    for tag, attributes in checker.seen:
        assert tag not in ("img", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:,"))
    style = report.read_text().partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style and "@font-face" not in style and "url(" not in style
    assert sum(tag == "script" for tag, _ in checker.seen) == 1


def test_text_from_flags_data_and_paths_shows_as_text(report):
    text = report.read_text()
    assert text.count("<script") == 1
    assert "&lt;script&gt;document.title = &#39;taken&#39;&lt;/script&gt;" in text
    assert "cut&lt;b&gt;" in text


def test_tables_and_figures_can_be_read_aloud(report):
    seen = checked(report).seen
    assert all("scope" in attributes for tag, attributes in seen if tag == "th")
    figures = [attributes for tag, attributes in seen if tag == "svg"]
    assert len(figures) >= 6
    assert all(figure["role"] == "img" and figure["aria-label"] for figure in figures)
    tags = [tag for tag, _ in seen]
    assert tags.count("table") == tags.count("caption") and tags.count("h1") == 1


def test_failed_collapsed_and_separate_runs_are_named(report):
    text = report.read_text()
    assert "2 studies, which are neither pooled" in text
    assert "Collapsed, the same answer for all dev examples: collapsed (" in text
    assert "Runs without results" in text and "results.json: is cut off or not a JSON object" in text
    assert "expected calibration error is" in text and "15 bins" in text
    # The first study has its texts, the second says why not.
    assert text.count("<blockquote>") == 2 * text.partition('<h2 id="s2"')[0].count("<li><p>") > 0
    assert text.count("Their texts are not shown: nowhere/dev.tsv: there is no such file") == 1


def test_the_policy_allows_exactly_the_script_of_the_page(report):
    text = report.read_text()
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = (each["content"] for tag, each in checked(report).seen if each.get("http-equiv"))
    assert policy.startswith("default-src 'none'") and policy.endswith(f"script-src 'sha256-{digest}'")


def test_control_characters_and_undecodable_names_do_not_reach_the_page(tmp_path):
    nasty = "a\x00b\x1b[31m\ud800c\u2028d"
    write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0), dataset=nasty, model=nasty, versions={nasty: nasty})
    folder = tmp_path / "failed"
    folder.mkdir()
    (folder / "failure.txt").write_bytes(b"one\x00\xff\n<b>two\n")
    write_report([tmp_path], tmp_path / "report")
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028]", text)
    assert "a\ufffdb\ufffd[31m\ufffdc d" in text
    assert "<pre>one\ufffd\ufffd\n&lt;b&gt;two\n</pre>" in text


def declarations(rules):
    """Yields the declarations of all rules, also of those inside @media, and all that cannot be parsed."""
    for rule in rules:
        yield rule
        if rule.type in ("at-rule", "qualified-rule") and rule.content:
            content = rule.content
            nested = rule.type == "at-rule"
            parse = tinycss2.parse_rule_list if nested else tinycss2.parse_blocks_contents
            yield from declarations(parse(content, skip_comments=True, skip_whitespace=True))


def test_the_style_sheet_can_be_parsed():
    sheet = tinycss2.parse_stylesheet((PACKAGE / "page.css").read_text(), skip_comments=True, skip_whitespace=True)
    found = list(declarations(sheet))
    assert [node.message for node in found if node.type == "error"] == []
    assert sum(node.type == "declaration" for node in found) > 100


def test_the_script_can_be_parsed():
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_javascript.language()))
    assert not parser.parse((PACKAGE / "page.js").read_bytes()).root_node.has_error


def luminance(color):
    channels = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    dark, light = sorted(map(luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (390, "light"), (390, "dark")])
def test_a_browser_shows_the_page_in_peace(report, browser, width, scheme, tmp_path):
    browser.messages.clear()
    browser.requests.clear()
    browser.show(width, 844, scheme)
    browser.open(report)
    assert browser.messages == []
    assert browser.requests == [report.resolve().as_uri()]
    assert browser.run("document.title").startswith("MRPC")
    # Two figures stand side by side where there is room.
    for figures in ("#s1 ~ .figures:not(.pairs) > figure", "#s1 ~ .pairs svg"):
        lefts = browser.run(
            f"[...document.querySelectorAll('{figures}')].slice(0, 2).map(each => each.getBoundingClientRect().left)"
        )
        assert (len(set(lefts)) == 2) == (width > 1000)
    # Only the tables may be wider than the window, and they scroll by themselves.
    assert browser.run("document.documentElement.scrollWidth") <= width
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (luminance(paper) > 0.5) == (scheme == "light")
    for selector in ("body", ".note", ".mark", ".key dt", ".copy", "figcaption", "svg text", "summary"):
        element = f"getComputedStyle(document.querySelector('{selector}'))"
        color = browser.run(f"{element}.{'fill' if 'svg' in selector else 'color'}")
        assert contrast(color, paper) >= 4.5, (selector, color, paper)
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def column(browser, number):
    rows = "[...document.querySelector('table.sortable').tBodies[0].rows]"
    return browser.run(f"{rows}.map(row => row.cells[{number}].dataset.value ?? null)")


def sorting(browser):
    heads = "[...document.querySelector('table.sortable').tHead.rows[0].cells]"
    return browser.run(f"{heads}.map(head => head.getAttribute('aria-sort'))")


def button(number):
    return f"document.querySelectorAll('table.sortable button')[{number}]"


def test_a_click_sorts_by_numbers_and_a_second_click_turns_them_round(report, browser):
    browser.open(report)
    assert sorting(browser)[3] == "descending"
    for direction in ("ascending", "descending"):
        browser.run(f"{button(3)}.click()")
        values = [float(value) for value in column(browser, 3)]
        assert values == sorted(values, reverse=direction == "descending") and len(set(values)) == 3
        assert [each for each in sorting(browser) if each] == [direction]
        assert sorting(browser)[3] == direction


def test_what_has_no_value_stays_last_either_way(report, browser):
    browser.open(report)
    for _ in range(2):
        browser.run(f"{button(7)}.click()")
        values = column(browser, 7)
        assert values[-1] is None and None not in values[:-1]


@pytest.mark.parametrize(("key", "code", "text"), [("Enter", 13, "\r"), (" ", 32, " ")])
def test_the_keyboard_sorts_too(report, browser, key, code, text):
    browser.open(report)
    browser.run(f"{button(5)}.focus()")
    browser.press(key, code, text)
    values = [float(value) for value in column(browser, 5)]
    assert sorting(browser)[5] == "ascending"
    assert values == sorted(values)


def test_the_key_numbers_stand_before_the_first_sentence_and_the_table(report):
    text = report.read_text()
    places = [text.index(part) for part in ('<h2 id="s1"', '<dl class="key">', "The best mean accuracy", "<table")]
    assert places == sorted(places)


def test_tables_have_the_names_of_folders_and_no_paths(report):
    text = report.read_text()
    tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
    top = str(report.parents[1])
    assert tables and not any(top in each for each in tables)
    assert '<th scope="row" data-value="1e-05-0">1e-05-0</th>' in text
    assert text.count(f"their folders in {top}/runs.") == 1


def test_the_words_in_which_a_pair_differs_are_marked(tmp_path):
    rows = "".join(
        f"{label}\t{n}\t{n}\tIt rains <b>{n}</b> today .\tIt pours today .\n" for n, label in enumerate(LABELS, 1)
    )
    (tmp_path / "dev.tsv").write_text("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n" + rows)
    write_run(tmp_path / "runs" / "run", draw_probabilities(LABELS, 0.8, 0), data_dir=str(tmp_path))
    write_report([tmp_path / "runs"], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert re.search(r"<blockquote>It <mark>rains &lt;b&gt;\d+&lt;/b&gt;</mark> today \.</blockquote>", text)
    assert "<blockquote>It <mark>pours</mark> today .</blockquote>" in text


def test_the_command_of_the_best_run_is_there_to_be_copied(report, browser):
    command = browser_text(report, browser, "pre.command")
    assert command.startswith("python run_classifier.py --do_train --do_eval \\\n    --task_name=MRPC \\\n")
    assert "--learning_rate=2e-5" in command and command.endswith(f"--output_dir={report.parents[1]}/runs/2e-05-0")
    assert browser.run("document.querySelector('pre.command + button').textContent") == "Copy"


def browser_text(report, browser, selector):
    browser.open(report)
    return browser.run(f"document.querySelector('{selector}').textContent")


@pytest.mark.slow
def test_the_confusion_of_fifty_classes_fits_the_page(tmp_path, browser):
    labels = [str(number % 50) for number in range(500)]
    write_run(tmp_path / "run", draw_probabilities(labels, 0.8, 0, 50), labels)
    write_report([tmp_path], tmp_path)
    browser.show(1200, 844)
    browser.open(tmp_path / "report.html")
    table = "document.querySelector('table.confusion')"
    assert browser.run(f"{table}.offsetWidth") <= browser.run(f"{table}.parentElement.clientWidth")
    assert browser.run(f"{table}.tBodies[0].rows.length") == 50
    assert browser.run(f"parseFloat(getComputedStyle({table}).fontSize)") >= 11
    # Each class follows the one that it is taken for.
    assert "“0” predicted as “1”: " in (tmp_path / "report.html").read_text()
