"""The Grafana dashboard: `python -m tests.deploy.dashboard` writes deploy/grafana/dashboard.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common as make
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

from tests.deploy.dashboard_panels import ANNOTATIONS, ROWS, WELL, Panel

FILE = Path(__file__).parents[2] / "deploy/grafana/dashboard.json"
SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")


def build() -> str:
    """Give the dashboard's JSON."""
    whole = (
        board.Dashboard("Pushwoosh connector")
        .uid("pushwoosh-connector")
        .description("Kafka to Pushwoosh: every device confirmed, and only then its offset committed.")
        .tags(["kafka", "pushwoosh"])
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .variables(
            [
                board.DatasourceVariable("datasource").label("Data source").type("prometheus"),
                # `.*` and not a list: outside Kubernetes there is no namespace, and `.*` takes what has none.
                _variable("namespace", "label_values(pushwoosh_connector_build_info, namespace)").all_value(
                    ".*"
                ),
                _variable("job", "label_values(pushwoosh_connector_build_info, job)"),
                _variable(
                    "topic", 'label_values(pushwoosh_connector_records_consumed_total{job=~"$job"}, topic)'
                ),
            ]
        )
        .annotations([_annotation(name, colour, query) for name, (colour, query, _) in ANNOTATIONS.items()])
    )
    for panel in WELL:
        whole = whole.with_panel(_tile(panel))
    for title, row in ROWS.items():
        whole = whole.with_row(board.Row(title))
        for panel in row:
            whole = whole.with_panel(_graph(panel, 8 if len(row) > 4 else 6))
    written = json.loads(json.dumps(whole.build(), cls=JSONEncoder))
    return json.dumps(_with_words(written), indent=1, sort_keys=True) + "\n"


def _variable(name: str, query: str) -> board.QueryVariable:
    # All is the list of what there is: `.*` would select every process that Prometheus knows.
    return (
        board.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .current(dashboard.VariableOption(selected=True, text="All", value="$__all"))
    )


def _annotation(name: str, colour: str, query: str) -> board.AnnotationQuery:
    return board.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).expr(query)


def _with_words(written: dict[str, Any]) -> dict[str, Any]:
    """Say what a mark is: Grafana's Prometheus source reads these two, the SDK doesn't know them."""
    for each in written["annotations"]["list"]:
        each |= {"titleFormat": each["name"], "textFormat": ANNOTATIONS[each["name"]][2]}
    return written


def _queries(panel: Panel) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery().expr(query).legend_format(legend).ref_id("ABCDEFGH"[number])
        for number, (legend, query) in enumerate(panel.queries.items())
    ]


def _tile(panel: Panel) -> stat.Panel:
    # Grafana paints what has no value in the colour of the first step. Only an instant query can have none:
    # the last value of a range is green for as long as the range, whatever became of the connector.
    steps = [dashboard.Threshold(color="red", value=None)]
    limits = {0.0: "green", **dict(panel.limits)}
    steps += [dashboard.Threshold(color=colour, value=value) for value, colour in limits.items()]
    words = {str(value): dashboard.ValueMappingResult(text=word) for value, word in panel.words}
    return (
        stat.Panel()
        .mappings([dashboard.ValueMap(options=words)] if words else [])
        .title(panel.title)
        .description(panel.text)
        .datasource(SOURCE)
        .unit(panel.unit)
        .height(4)
        .span(4)
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.BACKGROUND if panel.limits else common.BigValueColorMode.VALUE)
        .no_value("no data")
        .reduce_options(make.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(board.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps))
        .targets([query.instant() for query in _queries(panel)])
    )


def _graph(panel: Panel, width: int) -> timeseries.Panel:
    graph = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.text)
        .datasource(SOURCE)
        .unit(panel.unit)
        .min(0)
        .height(7)
        .span(width)
        .fill_opacity(10)
        .targets([query.range() for query in _queries(panel)])
    )
    if panel.stacked:
        return graph.stacking(make.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    return graph


if __name__ == "__main__":
    FILE.write_text(build())
