"""The documentation as a site: it builds without a warning, needs no network to be read, and finds Chinese."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import DOCS

SITE = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
REMOTE = re.compile(r"""<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>""")


def built(source: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*SITE, "-d", str(out / ".trees"), *options, str(source), str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    done = built(DOCS, out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def extension() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_extension", DOCS / "site_extension.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_there(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")} - {Path("README.html")}
    assert {page for page in pages if not (site / page).is_file()} == set()


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    assert [(page.name, found) for page in site.rglob("*.html") for found in REMOTE.findall(page.read_text())] == []
    styles = [
        path for path in site.rglob("*.css") if re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", path.read_text())
    ]
    assert styles == []


def test_links_out_of_the_folder_lead_to_the_code_host(site: Path) -> None:
    text = (site / "quickstart.html").read_text(encoding="utf-8")
    assert 'href="https://github.com/sftcore/sftcore/blob/main/recipes/sentiment.toml"' in text
    assert 'href="https://github.com/sftcore/sftcore/blob/main/README.md#try-it"' in text
    assert 'href="run-folder.html#the-model-without-sftcore"' in text


def test_each_broken_link_stops_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    (source / "static").mkdir(parents=True)
    for name in ("conf.py", "site_extension.py", "static/site.css"):
        (source / name).write_text((DOCS / name).read_text(encoding="utf-8"), encoding="utf-8")
    wrong = ["[a](nowhere.md)", "[a](#no-heading)", "[a](../nowhere.toml)", "[a](../nowhere.md)", "![a](images/no.png)"]
    (source / "index.md").write_text("# Page\n\n" + "\n\n".join(wrong) + "\n", encoding="utf-8")
    done = built(source, tmp_path / "out")
    assert done.returncode != 0
    assert done.stderr.count("WARNING: ") == len(wrong), done.stderr


def test_chinese_is_found_by_pairs_of_characters(extension: ModuleType, site: Path) -> None:
    assert extension.words_of("95 % 置信区间 (bf16)，微调") == ["95", "置信", "信区", "区间", "bf16", "微调"]
    assert "splitQuery" in (site / "_static/language_data.js").read_text(encoding="utf-8")


def test_chinese_pages_say_so(site: Path) -> None:
    pages = list((site / "zh").rglob("*.html"))
    assert pages
    assert [page.name for page in pages if '<html class="no-js" lang="zh-Hans"' not in page.read_text("utf-8")] == []
    assert '<html class="no-js" lang="en"' in (site / "index.html").read_text(encoding="utf-8")
