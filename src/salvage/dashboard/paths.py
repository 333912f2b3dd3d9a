"""Treatment paths: which treatment after which, as a Sankey diagram."""

from collections import Counter

from markupsafe import Markup

from salvage.dashboard.chart import COLOURS, GREY, WIDTH, Chart, Section, Table, blank, label
from salvage.dashboard.numbers import count, of, patients, percent
from salvage.published import Marts, Row

_MOST_STEPS = 4
_MOST_TREATMENTS = 6
_MOST_PATHS = 25
# Lines of a path that a sentence names.
_MOST_TOLD = 5
_OTHER, _LATER = "other treatments", "later lines"
# Rare treatments of a step are drawn as one; a path longer than the steps drawn goes on through
# `later lines`. A node is a step and a treatment; an end has step 0.
_LINKS = """
    with steps as (
        select *, unnest(range(1, least(n_lines, $most_steps) + 1)) as step
        from marts.agg_treatment_paths
    ),

    treatments as (
        select
            step,
            path[step] as treatment,
            row_number() over (
                partition by step order by sum(n_patients) desc, path[step]
            ) as place
        from steps
        group by step, path[step]
    ),

    nodes as (
        select
            step,
            treatment,
            case when place <= $most_treatments then treatment else $other end as node
        from treatments
    ),

    onward as (
        select
            steps.step,
            nodes.node,
            case when steps.step < least(n_lines, $most_steps) then steps.step + 1 else 0 end
                as next_step,
            case
                when steps.step < least(n_lines, $most_steps) then next_nodes.node
                when n_lines > $most_steps then $later
                else ended_by
            end as next_node,
            n_patients
        from steps
        inner join nodes on steps.step = nodes.step and path[steps.step] = nodes.treatment
        left join nodes as next_nodes
            on
                steps.step + 1 = next_nodes.step
                and path[steps.step + 1] = next_nodes.treatment
        union all
        select 0 as step, $later as node, 0 as next_step, ended_by as next_node, n_patients
        from marts.agg_treatment_paths
        where n_lines > $most_steps
    )

    select step, node, next_step, next_node, cast(sum(n_patients) as bigint) as n_patients
    from onward
    group by step, node, next_step, next_node
    order by step, node, next_step, next_node
"""
_PATHS = """
    select path, ended_by, n_patients
    from marts.agg_treatment_paths
    order by n_patients desc, path, ended_by
    limit $most
"""
_TOTALS = """
    select
        count(*) as n_paths,
        coalesce(cast(sum(n_patients) as bigint), 0) as n_patients
    from marts.agg_treatment_paths
"""
ENDS = {
    "death": "death",
    "end_of_observation": "end of observation",
    "no_later_treatment": "no later treatment",
}


def section(marts: Marts) -> Section:
    """The paths of all patients with an era, in any protocol or none."""
    totals = marts.row(_TOTALS)
    if not totals["n_patients"]:
        return Section(
            "paths", "Treatment paths", Markup("No patient was given a drug that is looked at.")
        )
    paths = marts.rows(_PATHS, most=_MOST_PATHS)
    commonest, n_patients = paths[0], totals["n_patients"]
    if commonest["n_patients"] == 1:
        finding = Markup("{} took {} different courses of treatment: no two the same.").format(
            patients(n_patients), count(totals["n_paths"])
        )
    else:
        finding = Markup(
            "Of {} different courses of treatment and ends, the commonest was “{}”, then {}: {} "
            "({})."
        ).format(
            count(totals["n_paths"]),
            _shortened(commonest["path"]),
            ENDS[commonest["ended_by"]],
            of(commonest["n_patients"], n_patients),
            percent(commonest["n_patients"] / n_patients),
        )
    return Section(
        "paths",
        "Treatment paths",
        finding,
        [_sankey(marts, paths, totals)],
        notes=["All accepted patients with a drug that is looked at, in the study or not."],
    )


def _shortened(path: list[str]) -> str:
    """Return a path as text, the first lines only where it is long."""
    more = ["…"] if len(path) > _MOST_TOLD else []
    return " → ".join([*path[:_MOST_TOLD], *more])


def _sankey(marts: Marts, paths: list[Row], totals: Row) -> Chart:
    links = marts.rows(
        _LINKS,
        most_steps=_MOST_STEPS,
        most_treatments=_MOST_TREATMENTS,
        other=_OTHER,
        later=_LATER,
    )
    nodes = sorted(
        {(link["step"], link["node"]) for link in links}
        | {(link["next_step"], link["next_node"]) for link in links}
    )
    place = {node: number for number, node in enumerate(nodes)}
    # The treatments of most patients have a colour, the others share one.
    weight: Counter[str] = Counter()
    for link in links:
        if link["step"]:
            weight[link["node"]] += link["n_patients"]
    colours = {
        name: colour for (name, _), colour in zip(weight.most_common(), COLOURS, strict=False)
    }
    figure = blank(560, margin={"l": 4, "r": 4, "t": 14, "b": 14}, showlegend=False)
    figure.add_sankey(
        arrangement="snap",
        node={
            "label": [
                label(ENDS[name], 12, lines=2) if name in ENDS else label(name, 19, lines=2)
                for _, name in nodes
            ],
            "color": [colours.get(name, GREY) for _, name in nodes],
            "pad": 24,
            "thickness": 12,
            "hovertemplate": "%{label}: %{value:,}<extra></extra>",
        },
        link={
            "source": [place[link["step"], link["node"]] for link in links],
            "target": [place[link["next_step"], link["next_node"]] for link in links],
            "value": [link["n_patients"] for link in links],
            "color": "rgba(120, 120, 120, 0.25)",
            "hovertemplate": "%{source.label} → %{target.label}: %{value:,}<extra></extra>",
        },
        textfont={"size": 11, "shadow": "none"},
        meta={"role": "links"},
    )
    longest = marts.row("select max(n_lines) as n from marts.agg_treatment_paths")["n"]
    notes = []
    if longest > _MOST_STEPS:
        notes.append(f"Lines after the {_MOST_STEPS}th are drawn as “{_LATER}”.")
    if any(name == _OTHER for _, name in nodes):
        notes.append(f"Of each step the {_MOST_TREATMENTS} commonest treatments have a name.")
    n_more = totals["n_paths"] - len(paths)
    return Chart(
        id="treatment_paths",
        title="Lines of treatment in their order, and what came after the last",
        figure=figure,
        alt=f"Sankey diagram of the treatment of {totals['n_patients']:,} patients, line after "
        "line, ending in death, the end of observation or no later treatment.",
        table=Table(
            "treatment_paths",
            ("Path", "Then", "Patients"),
            [
                (" → ".join(row["path"]), ENDS[row["ended_by"]], count(row["n_patients"]))
                for row in paths
            ],
            note=f"The {len(paths)} commonest; {n_more:,} more are in the mart agg_treatment_paths."
            if n_more
            else "",
        ),
        note=" ".join(notes),
        min_width=WIDTH,
    )
