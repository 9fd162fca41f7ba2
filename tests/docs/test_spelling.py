"""Spelling: codespell reads what is English, autocorrect and a list of terms what is Chinese."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import CODE, PAGES, ROOT, name_of

ENGLISH = [ROOT / "docs", ROOT / "sftcore", ROOT / "benchmarks", ROOT / "pyproject.toml", *PAGES]
ENGLISH += [*ROOT.glob("plugins/*/src"), *ROOT.glob("recipes/*.toml")]
CHINESE = [page for page in PAGES if "zh" in page.parts or page.name.endswith(".zh-CN.md")]
WORDS = ROOT / "sftcore/report/words/zh.toml"
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:!?)](?=[\u4e00-\u9fff]|$)|[(](?=[\u4e00-\u9fff][^()\n]*）)", re.MULTILINE)
TERMS = {
    # wrong characters
    "阀值": "阈值",
    "登陆": "登录",
    "帐号": "账号",
    "做为": "作为",
    "既使": "即使",
    "部份": "部分",
    "其它": "其他",
    "座标": "坐标",
    "象素": "像素",
    "的的": "的",
    "了了": "了",
    # one thing, one name
    "底座模型": "基座模型",
    "基础模型": "基座模型",
    "置信度区间": "置信区间",
    "训练集合": "训练集",
    "测试集合": "测试集",
    "存档点": "检查点",
    "标记化": "分词",
    # translated word by word, or another region's word
    "精调": "微调",
    "函式": "函数",
    "程式": "程序",
    "預": "预",
    "資料": "数据",
    "软体": "软件",
    "缺省": "默认",
}


def codespell(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codespell_lib", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def faults(text: str, name: str) -> list[str]:
    """What stands against the rules of Chinese text: spaces, punctuation, terms."""
    import autocorrect_py

    lines = autocorrect_py.lint_for(text, name).lines
    plain = re.sub(r"`[^`\n]+`|(?<=\])\(#[^)\n]*\)", "", CODE.sub("", text))
    found = [f"{name}:{line.line}: {line.old} → {line.new}" for line in lines]
    found += [f"{name}: half-width in Chinese: {mark}" for mark in HALF_WIDTH.findall(plain)]
    return found + [f"{name}: {wrong} → {right}" for wrong, right in TERMS.items() if wrong in plain]


def test_english() -> None:
    done = codespell(*map(str, ENGLISH))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_a_misspelt_word_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("The model is scored on rows that it did not recieve.\n")
    assert "receive" in codespell(str(page)).stdout


@pytest.mark.parametrize("page", CHINESE, ids=name_of)
def test_chinese_pages(page: Path) -> None:
    assert faults(page.read_text(encoding="utf-8"), name_of(page)) == []


def test_chinese_words_of_the_report() -> None:
    def texts(table: dict[str, object]) -> list[str]:
        return [
            text
            for value in table.values()
            for text in (texts(value) if isinstance(value, dict) else [str(value)])
            if re.search(r"[\u4e00-\u9fff]", text)
        ]

    lines = "\n".join(texts(tomllib.loads(WORDS.read_text(encoding="utf-8"))))
    assert faults(lines.replace("\u3000", " "), "zh.txt") == []  # a wide gap in a table's head is meant


@pytest.mark.parametrize(
    "wrong", ["在2个核心上微调模型。", "模型,数据和任务。", "阀值由验证集决定。", "（见配方)", "运行sftcore的命令。"]
)
def test_a_fault_in_chinese_is_noticed(wrong: str) -> None:
    assert faults(f"# 标题\n\n{wrong}\n", "page.md") != []


def test_chinese_as_it_should_be_passes() -> None:
    text = "# 标题\n\n在 2 个核心上微调模型，准确率为 0.904（95 % 置信区间 0.890–0.918）；见 `sftcore check`。\n"
    assert faults(text, "page.md") == []
