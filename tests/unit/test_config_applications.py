"""`[applications.CODE]`: applications beside the default one, in the file and in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector import values
from connector.config import load
from tests.settings import ENOUGH, mistakes, with_environment, written

FILE = """
[applications.FGHIJ-67890]
token = "their-token"
topics = ["tags"]

[applications.lower_case]
token = "third-token"
"""


def test_applications_come_from_the_file_with_their_tokens_and_topics(tmp_path: Path) -> None:
    found = load(written(tmp_path, FILE), ENOUGH).applications

    assert [*found] == ["FGHIJ-67890", "lower_case"]
    assert found["FGHIJ-67890"].topics == ("tags",)
    token = found["FGHIJ-67890"].token
    assert token is not None
    assert token.get_secret_value() == "their-token"


def test_without_applications_there_is_only_the_default_one() -> None:
    assert with_environment().applications == {}


def test_a_variable_names_an_application_with_underscores_for_its_hyphen(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file")
    found = with_environment(
        CONNECTOR_APPLICATIONS_FGHIJ_67890_TOKEN_FILE=str(tmp_path / "token"),
        CONNECTOR_APPLICATIONS_FGHIJ_67890_TOPICS="tags",
    ).applications

    assert [*found] == ["FGHIJ-67890"]
    assert found["FGHIJ-67890"].token_file == tmp_path / "token"
    assert found["FGHIJ-67890"].topics == ("tags",)


def test_a_variable_means_the_file_s_application_that_is_spelled_so_and_wins(tmp_path: Path) -> None:
    found = load(
        written(tmp_path, FILE),
        {
            **ENOUGH,
            "CONNECTOR_APPLICATIONS_LOWER_CASE_TOKEN": "newer",
            "CONNECTOR_APPLICATIONS_FGHIJ_67890_TOPICS": "",
        },
    ).applications

    assert [*found] == ["FGHIJ-67890", "lower_case"]
    token = found["lower_case"].token
    assert token is not None
    assert token.get_secret_value() == "newer"


@pytest.mark.parametrize(
    ("toml", "name", "says"),
    [
        ("applications = 3\n", "applications", "write [applications.CODE]"),
        ("[applications]\nA = 3\n", "applications.A", "not a table"),
        ("[applications.'A B']\ntoken='t'\n", "applications.A B", "no application's code"),
        ("[applications.A]\ntokn='t'\n", "applications.A.tokn", "did you mean applications.A.token?"),
        ("[applications.A]\ntoken=3\n", "applications.A.token", "CONNECTOR_APPLICATIONS_A_TOKEN"),
        ("[applications.A]\n", "applications.A.token", "one of the two is required"),
        ("[applications.A]\ntoken_file='/none'\n", "applications.A.token_file", "cannot be read"),
        ("[applications.A]\ntoken='t'\ntopics=['x']\n", "applications.A.topics", "no topic that is read"),
        ("[applications.AAAAA-BBBBB]\ntoken='t'\n", "applications.AAAAA-BBBBB.token", "the default app"),
        (
            "[applications.A-B]\ntoken='t'\n[applications.A_B]\ntoken='t'\n",
            "applications.A_B",
            "spelled the same",
        ),
        (
            "[applications.A]\ntoken='t'\ntopics=['tags']\n[applications.B]\ntoken='t'\ntopics=['tags']\n",
            "applications.B.topics",
            "a topic has one application",
        ),
        ("[aplications.A]\ntoken='t'\n", "aplications", "did you mean applications?"),
    ],
)
def test_a_mistake_about_an_application_is_told_by_its_name(
    tmp_path: Path, toml: str, name: str, says: str
) -> None:
    found = mistakes(ENOUGH, written(tmp_path, toml))

    assert {*found} - {"applications.A.token"} <= {name}
    assert says in found[name]


@pytest.mark.parametrize(
    "name", ["CONNECTOR_APPLICATIONS", "CONNECTOR_APPLICATIONS_A_TOKN", "CONNECTOR_APPLICATIONS_TOKEN"]
)
def test_a_variable_that_is_no_setting_of_an_application_is_a_mistake(name: str) -> None:
    assert "unknown variable" in mistakes({**ENOUGH, name: "x"})[name]


def test_no_token_of_an_application_is_ever_shown(tmp_path: Path) -> None:
    environ = {**ENOUGH, "CONNECTOR_APPLICATIONS_C_AUTHORIZATION_HEADER": "Token hush"}
    environ["CONNECTOR_APPLICATIONS_C_TOKEN"] = "hush"
    settings = load(written(tmp_path, FILE), environ)
    shown = f"{settings!r} {settings.masked()}"

    assert "hush" not in shown
    assert "their-token" not in shown
    assert settings.masked()["applications"]["FGHIJ-67890"]["token"] == values.MASK
    wrong = mistakes({**environ, "CONNECTOR_APPLICATIONS_C_TOKEN": "hush\x00"}, written(tmp_path, FILE))
    assert "hush" not in wrong["applications.C.token"]
