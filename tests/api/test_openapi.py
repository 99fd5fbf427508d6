import re
from pathlib import Path

import jsonschema
import yaml
from flask.testing import FlaskClient

from agentos.api.kit.openapi_yaml import render_yaml
from agentos.api.v1.schemas.events import DATA_SCHEMAS
from agentos.domain.event import EVENT_TYPES
from api.conftest import DOCUMENT, Served
from parts.application import INSTALLED, RESOURCES

ROOT = Path(__file__).parents[2]


def test_the_document_describes_every_route_and_no_other(served: Served) -> None:
    served_routes = {
        (re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in served.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(path, method.upper()) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert described == served_routes


def test_the_file_at_the_top_is_fresh() -> None:
    assert (ROOT / "openapi.yaml").read_text("utf-8") == render_yaml(INSTALLED), (
        "run 'flask agentos openapi > openapi.yaml'"
    )


def test_the_document_is_served_as_it_is_written(client: FlaskClient) -> None:
    answer = client.get("/openapi.yaml")
    assert answer.mimetype == "application/yaml"
    assert answer.text == render_yaml(RESOURCES)
    assert yaml.safe_load(answer.text) == DOCUMENT


def test_every_reference_and_link_leads_somewhere() -> None:
    text = render_yaml(RESOURCES)
    for kind, name in re.findall(r"#/components/(\w+)/([\w-]+)", text):
        assert name in DOCUMENT["components"][kind]
    ids = {operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()}
    assert set(re.findall(r"links:\n\s+(\w+):", text)) <= ids
    assert len(ids) == sum(len(path) for path in DOCUMENT["paths"].values())


def test_every_schema_is_a_json_schema_with_a_description() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["description"], name
        assert all(one.get("description") or "$ref" in one or "items" in one for one in schema["properties"].values())


def test_every_operation_has_a_summary_and_its_errors() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert {"400", "500"} <= operation["responses"].keys()


def test_every_event_of_a_stream_is_described() -> None:
    assert tuple(DATA_SCHEMAS) == EVENT_TYPES
