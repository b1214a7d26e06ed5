"""The manifests: valid by schema, settings that the connector takes, an image that is found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from connector import __version__
from tests.deploy.manifest_checks import KUBERNETES, check_schema
from tests.deploy.manifest_settings import settings_of
from tests.deploy.manifests import (
    BUILDS,
    COMPONENTS,
    NEEDS_KUBECTL,
    ROOT,
    Resource,
    build,
    composed,
    container,
    of_kind,
    workload,
)

pytestmark = NEEDS_KUBECTL

# -- schemas -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_resource_is_valid_and_has_no_field_that_nobody_knows(
    resources: list[Resource], version: str
) -> None:
    for each in resources:
        check_schema(each, version)


def test_a_misspelt_field_would_be_refused_in_every_resource(everything: list[Resource]) -> None:
    for each in everything:
        wrong = {**each, "spek": {}}
        with pytest.raises(Exception, match=r"spek"):
            check_schema(wrong, KUBERNETES[0])


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_goes_with_the_base_alone(name: str, tmp_path: Path) -> None:
    found = composed(tmp_path / "own", name)
    assert len(found) > len(composed(tmp_path / "base"))


def test_every_component_that_an_overlay_offers_in_a_comment_is_there() -> None:
    offered = [
        file.parent / path
        for file in ROOT.glob("overlays/*/kustomization.yaml")
        for path in re.findall(r"# - (\.\./\S+)", file.read_text())
    ]
    assert offered
    assert all((path / "kustomization.yaml").is_file() for path in offered)


# -- settings and files ------------------------------------------------------------------------


def test_the_settings_are_ones_that_the_connector_takes(resources: list[Resource], tmp_path: Path) -> None:
    settings = settings_of(resources, tmp_path)
    assert settings.pushwoosh.token_file is not None
    assert settings.kafka.properties_file is not None


def test_the_secrets_reach_the_connector(production: list[Resource], tmp_path: Path) -> None:
    properties = settings_of(production, tmp_path).kafka.properties
    assert (properties["sasl.username"], properties["security.protocol"]) == ("u", "sasl_ssl")


def test_the_command_line_is_one_that_the_connector_takes(resources: list[Resource]) -> None:
    command, option, file, *flags = container(resources)["args"]
    assert (command, option, file) == ("run", "--config", "/etc/connector/connector.toml")
    assert flags == (["--until-end"] if workload(resources)["kind"] == "Job" else [])


def test_a_changed_configuration_rolls_out(resources: list[Resource]) -> None:
    for each in of_kind(resources, "ConfigMap"):
        assert each["metadata"]["name"].count("-") > workload(resources)["metadata"]["name"].count("-")


def test_the_image_has_this_version(resources: list[Resource]) -> None:
    assert container(resources)["image"] == f"pushwoosh-connector:{__version__}"


@pytest.mark.parametrize("base", ["base", *BUILDS])
def test_an_overlay_on_top_of_any_other_says_where_the_image_is(base: str, tmp_path: Path) -> None:
    """What is below must not rename it: an override by its old name would be passed over in silence."""
    images = [{"name": "pushwoosh-connector", "newName": "registry.example.com/own", "newTag": "1.2.3"}]
    assert (
        container(composed(tmp_path, base=base, images=images))["image"] == "registry.example.com/own:1.2.3"
    )


def test_the_place_of_the_image_that_production_shows_is_one_that_works(tmp_path: Path) -> None:
    """The lines that are to be filled in, once they aren't comments any more."""
    shutil.copytree(ROOT, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes/overlays/production/kustomization.yaml"
    block = re.search(r"^# images:\n(?:#   .*\n)+", file.read_text(), re.MULTILINE)
    assert block is not None
    file.write_text(file.read_text().replace(block[0], re.sub(r"(?m)^# ", "", block[0])))
    image = container(build(file.parent))["image"]
    assert image == f"registry.example.com/pushwoosh-connector:{__version__}"


def test_a_rotated_secret_reaches_the_running_pod(resources: list[Resource]) -> None:
    assert not [mount for mount in container(resources)["volumeMounts"] if "subPath" in mount]
