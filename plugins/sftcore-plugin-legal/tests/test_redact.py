from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from sftcore import Recipe, RecipeError
from sftcore_plugin_legal import Redact
from sftcore_plugin_legal.identity import has_check_digit

Rewrite = Callable[..., str]

CHINESE_ID = "110101199003074514"


@pytest.mark.parametrize(
    "number",
    [
        "(212) 555-0123",
        "212-555-0123",
        "212.555.0123",
        "1-800-555-0199",
        "1-800-555-0199 x12",
        "+1 (212) 555-0123",
        "+44 20 7946 0958",
        "+8613812345678",
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "010-62345678",
        "（021）62345678转801",
        "0755-26012345",
        "400-810-8888",
        "１３８１２３４５６７８",
    ],
)
def test_telephone_numbers(rewrite: Rewrite, number: str) -> None:
    assert rewrite(Redact, f"Call {number}, or 电话{number}。") == "Call [PHONE], or 电话[PHONE]。"
    assert rewrite(Redact, number, phones=False) == number


@pytest.mark.parametrize(
    "text",
    [
        "$1,234,567.8901 and 2024-05-01, 3.1415926535",
        "10-K, 2020-2021, 12:30, § 12.3456",
        "1234567890123456 and 22812345678",
        "order 555-0123",
        "0.13812345678",
        "合同编号20240501001",
    ],
)
def test_other_numbers_stay(rewrite: Rewrite, text: str) -> None:
    assert rewrite(Redact, text) == text


def test_email_addresses(rewrite: Rewrite) -> None:
    text = "Mail john.o'neil@acme.co.uk. 请联系zhang.san@example.cn，a@b, @user"
    assert rewrite(Redact, text) == "Mail [EMAIL]. 请联系[EMAIL]，a@b, @user"
    assert rewrite(Redact, text, emails=False) == text


def test_us_social_security_and_taxpayer_numbers(rewrite: Rewrite) -> None:
    assert rewrite(Redact, "SSN 123-45-6789, 987-65-4321") == "SSN [ID], [ID]"
    never_given = "000-12-3456, 666-12-3456, 123-00-4567, 123-45-0000, 123-45 6789"
    assert rewrite(Redact, never_given) == never_given


def test_chinese_identity_numbers(rewrite: Rewrite) -> None:
    wrong = CHINESE_ID[:-1] + "5"
    assert has_check_digit(CHINESE_ID) and not has_check_digit(wrong)
    assert has_check_digit("11010519491231002X")  # the example of GB 11643
    assert rewrite(Redact, f"身份证{CHINESE_ID}、11010519491231002x") == "身份证[ID]、[ID]"
    assert rewrite(Redact, wrong) == wrong
    assert rewrite(Redact, wrong, check_digits=False) == "[ID]"
    no_birthday = "110101199013074514"
    assert rewrite(Redact, no_birthday, check_digits=False) == no_birthday


def test_listed_parties_keep_their_number(rewrite: Rewrite) -> None:
    parties = ["John Smith|Smith", "北京恒泽科技有限公司|恒泽"]
    text = "JOHN\nSMITH and Smithson; 由北京恒泽科技有限公司与恒泽签订; Smith's"
    assert rewrite(Redact, text, parties=parties) == "[PARTY 1] and Smithson; 由[PARTY 2]与[PARTY 2]签订; [PARTY 1]'s"
    strict = rewrite(Redact, text, parties=parties, ignore_case=False)
    assert strict.startswith("JOHN\nSMITH and")
    assert strict.endswith("[PARTY 1]'s")


def test_names_in_any_case_need_not_fold_alike(rewrite: Rewrite) -> None:
    assert rewrite(Redact, "dıno and DİNO and Dino", parties=["Dino"]).endswith("and [PARTY 1]")


def test_what_overlaps_is_replaced_as_one(rewrite: Rewrite) -> None:
    assert rewrite(Redact, "john.smith@acme.com", parties=["Smith", "Acme"]) == "[EMAIL]"
    assert rewrite(Redact, "212-555-0123 Acme pays", parties=["0123 Acme"]) == "[PHONE] pays"
    assert rewrite(Redact, "Acme 13812345678", parties=["Acme 138"]) == "Acme [PHONE]"


def test_placeholders(rewrite: Rewrite) -> None:
    assert rewrite(Redact, "a@b.example", placeholder="") == ""
    assert rewrite(Redact, "a@b.example", placeholder="<{kind}>") == "<EMAIL>"
    with pytest.raises(ValidationError, match="kind"):
        Redact(placeholder="{kind}{kind}")


def read(folder: Path, parties: str) -> Recipe:
    text = 'model.base = "x"\ndata.source = "a.csv"\ntask.use = "clause-classification"\n'
    (folder / "a.toml").write_text(f'{text}[[preprocess]]\nuse = "redact"\nparties = [{parties}]\n', "utf-8")
    return Recipe.read(folder / "a.toml")


def test_a_file_beside_the_recipe_lists_parties(tmp_path: Path) -> None:
    (tmp_path / "parties.txt").write_text("\ufeff# clients\nAcme  Corporation|Acme\n\n恒泽\n", "utf-8")
    recipe = read(tmp_path, '"Bob", "file:parties.txt", "恒泽"')
    assert recipe.resolved()["preprocess"][0]["parties"] == ["Bob", "Acme Corporation|Acme", "恒泽"]
    (tmp_path / "parties.txt").unlink()  # what was read is in the recipe now: a finished run does not need the file
    again = Recipe.from_dict(recipe.resolved(), folder=tmp_path)
    assert again.preprocess == recipe.preprocess


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't be read: No such file"), (b"\xff\xfe\x00", "no UTF-8"), (b"# nothing\n", "is empty")],
)
def test_a_file_that_can_t_be_read_is_a_mistake_in_the_recipe(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "parties.txt").write_bytes(content)
    with pytest.raises(RecipeError, match=said) as caught:
        read(tmp_path, '"file:parties.txt"')
    assert caught.value.problems[0].key == "preprocess.0.parties"


def test_the_listed_names_do_not_travel_with_the_model() -> None:
    from sftcore.runs.card.about import described

    component = Redact(parties=("Acme",), placeholder="<{kind}>")
    assert "Acme" not in repr(component)
    assert "parties = …" in described(component) and "Acme" not in described(component)
    assert "parties = []" in described(Redact())


def test_empty_names_are_refused() -> None:
    for parties in (["Acme|"], [" "]):
        with pytest.raises(ValidationError, match="empty"):
            Redact.from_table({"parties": parties})
