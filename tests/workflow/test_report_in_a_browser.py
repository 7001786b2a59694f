"""The report as a reader's browser shows it: Debian's chromium without a window, where it is installed."""

import html
import json
import re
import shutil
import subprocess

import pandas as pd
import pytest

from pdebridge.paper.beside import FULL
from pdebridge.paper.interactive import searchable

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.workflow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
LOOK = """
<script>
addEventListener("load", async () => {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms)), seen = {};
  await wait(1500);
  %s
  const asked = performance.getEntriesByType("resource").map((r) => r.name);
  seen.requests = asked.filter((name) => !/^(data|blob|file):/.test(name));
  const note = document.createElement("pre");
  note.id = "seen";
  note.textContent = JSON.stringify(seen);
  document.body.append(note);
});
</script>
"""


def seen(page, script, tmp_path, size="1280,800"):
    """Return what a script has found out on a page, and the addresses that the page asked for."""
    copy = page.with_name(f"looked-at-{page.name}")
    copy.write_text(page.read_text(encoding="utf-8") + LOOK % script, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    command += [f"--window-size={size}", "--virtual-time-budget=20000", "--dump-dom", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    copy.unlink()
    found = json.loads(html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    assert found.pop("requests") == []
    return found


@pytest.mark.parametrize("size", ["1280,800", "1920,1080"])
def test_the_title_is_seen_without_scrolling_and_links_lead_to_categories(finished, tmp_path, size):
    report = finished[0].folder / "results" / "test" / "report.html"
    script = """
    const parts = [...document.querySelectorAll("#app *")];
    const title = parts.filter((e) => e.textContent.startsWith("Deep learning and diff"));
    seen.top = title.at(-1).getBoundingClientRect().top;
    const links = [...document.querySelectorAll(".prose a")].map((a) => a.href);
    seen.links = links.filter((address) => address.includes("showCategory"));
    seen.categories = Object.keys(categories);
    """
    found = seen(report, script, tmp_path, size)
    assert 0 <= found["top"] < 400
    assert {link.split("'")[1] for link in found["links"]} == set(found["categories"]) == {"Figures", "Runs", "Tables"}


def test_a_page_of_the_report_leads_to_another_and_a_high_one_begins_at_its_top(finished, tmp_path):
    report = finished[0].folder / "results" / "test" / "report.html"
    script = """
    postMessage({page: "runs/figure1/T5.html"}, "*");
    await wait(500);
    seen.opened = document.querySelector("iframe").src === results["results/test/paper/runs/figure1/T5.html"].data_uri;
    postMessage({page: "figures/figure1/figure1.png"}, "*");
    await wait(500);
    const drawn = results["results/test/paper/figures/figure1/figure1.png"];
    const shown = () => [...document.querySelectorAll("#app img")].at(-1);  // the first is the logo
    seen.figure = shown().src === drawn.data_uri;
    const picture = Object.values(results).find((r) => r.path ? r.path.endsWith("T5.png") : r.name.endsWith("T5.png"));
    app.setView({content: "img", contentPath: picture.data_uri});
    await wait(500);
    shown().style.height = "3000px";
    seen.top = shown().getBoundingClientRect().top;
    """
    found = seen(report, script, tmp_path)
    assert found["opened"] and found["figure"] and found["top"] >= 0


def test_a_claim_leads_to_its_figure_and_its_measurements(finished, tmp_path):
    page = finished[0].folder / "results" / "test" / "paper" / "claims.html"
    script = """
    seen.links = [...document.querySelectorAll("#rows tbody a")].map((a) => a.getAttribute("href"));
    seen.claims = document.querySelectorAll("#rows tbody tr").length;
    """
    found = seen(page, script, tmp_path)
    assert found["claims"] >= 15 and found["links"]
    assert all((page.parent / link).is_file() for link in found["links"])


def test_verdicts_are_searched_filtered_and_linked(finished, tmp_path):
    page = finished[0].folder / "results" / "test" / "paper" / "published.html"
    script = """
    const rows = () => document.querySelectorAll("#rows tbody tr").length;
    seen.rows = rows();
    seen.links = [...document.querySelectorAll("#rows tbody a")].map((a) => a.getAttribute("href"));
    const verdict = [...document.querySelectorAll("thead th")].find((th) => th.textContent.startsWith("verdict"));
    seen.right = verdict.getBoundingClientRect().right;
    const search = document.querySelector("input[type=search]");
    search.value = "figure3c"; search.dispatchEvent(new Event("input", {bubbles: true}));
    await wait(500);
    seen.searched = rows();
    """
    numbers = pd.read_csv(page.with_suffix(".csv"), keep_default_na=False, dtype=str)
    links = ["runs/figure1/T5.html"] + [""] * (len(numbers) - 1)
    page = page.with_name("linked.html")
    page.write_text(searchable(numbers[FULL], "Numbers", {"id": links}), encoding="utf-8")
    found = seen(page, script, tmp_path)
    assert found["rows"] == len(numbers)
    texts = numbers[FULL].agg(" ".join, axis=1).str.lower()
    assert found["searched"] == texts.str.contains("figure3c").sum() > 0
    assert found["right"] < 1280
    assert found["links"] == links[:1] and (page.parent / links[0]).is_file()
