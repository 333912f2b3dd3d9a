"""Small wrong changes to the compiled SQL of a model, one at a time.

A mutant is the model's statement with one node of its syntax tree changed. Which nodes are
changed, and how, is what the functions of `OPERATORS` say; README.md lists them in words.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import sqlglot
from sqlglot import exp

from tests.harness import SENTINEL_DAY, Model

DIALECT = "duckdb"
# Gets the node in a tree of its own, and returns what takes its place (perhaps itself, changed)
Change = Callable[[exp.Expression], exp.Expression]


@dataclass(frozen=True)
class Mutant:
    """One changed statement.

    id: stays the same while the changed expression does, wherever in the model it stands.
    place: the CTE that holds it.
    """

    id: str
    model: str
    operator: str
    place: str
    before: str
    after: str
    sql: str

    @property
    def change(self) -> str:
        """The change in words, for people."""
        return f"{_short(self.before)} -> {_short(self.after)}"


def unchanged(model: Model) -> Mutant:
    """The model's statement as the mutants write it, with nothing changed."""
    sql = sqlglot.parse_one(model.sql, dialect=DIALECT).sql(DIALECT, comments=False)
    return Mutant(f"{model.name}.unchanged", model.name, "unchanged", "", "", "", sql)


def mutants(model: Model) -> list[Mutant]:
    """All mutants of a model; no two of them are the same statement."""
    tree = sqlglot.parse_one(model.sql, dialect=DIALECT)
    seen = {tree.sql(DIALECT, comments=False)}
    occurrences: Counter[tuple[str, ...]] = Counter()
    found = []
    for position, node in enumerate(tree.walk()):
        for operator, change in _changes(node):
            copy = tree.copy()
            target = next(other for at, other in enumerate(copy.walk()) if at == position)
            before = target.sql(DIALECT, comments=False)
            place = _place(target)
            replacement = change(target)
            if replacement is not target:
                target.replace(replacement)
            sql = copy.sql(DIALECT, comments=False)
            if sql in seen:
                continue
            seen.add(sql)
            after = replacement.sql(DIALECT, comments=False)
            kind = (operator, place, before, after)
            occurrences[kind] += 1
            digest = hashlib.sha256(repr((*kind, occurrences[kind])).encode()).hexdigest()[:8]
            found.append(
                Mutant(
                    f"{model.name}.{place}.{operator}.{digest}",
                    *(model.name, operator, place, before, after, sql),
                )
            )
    assert len({mutant.id for mutant in found}) == len(found), model.name
    return found


def _place(node: exp.Expression) -> str:
    cte = node.find_ancestor(exp.CTE)
    return str(cte.alias) if cte else "select"


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:80]} ... {text[-76:]}"


def _changes(node: exp.Expression) -> Iterator[tuple[str, Change]]:
    for kinds, operator in OPERATORS:
        if isinstance(node, kinds):
            for change in operator(node):
                yield operator.__name__.strip("_"), change


# ---- Conditions ---------------------------------------------------------------------------------

ORDERINGS = (exp.LT, exp.LTE, exp.GT, exp.GTE)


def _comparison(node: exp.Expression) -> Iterator[Change]:
    """`<` becomes each of `<= > >= =`, and so on; `=` and `<>` become each other."""
    others: tuple[type[exp.Expression], ...]
    if isinstance(node, ORDERINGS):
        others = (*(kind for kind in ORDERINGS if type(node) is not kind), exp.EQ)
    else:
        others = (exp.NEQ,) if isinstance(node, exp.EQ) else (exp.EQ,)
    for kind in others:
        yield lambda n, kind=kind: kind(this=n.this, expression=n.expression)  # type: ignore[misc]


def _connector(node: exp.Expression) -> Iterator[Change]:
    """`and` becomes `or`, and the other way round."""
    other = exp.Or if isinstance(node, exp.And) else exp.And
    yield lambda n: exp.paren(other(this=n.this, expression=n.expression), copy=False)


def _conjunct_dropped(node: exp.Expression) -> Iterator[Change]:
    """An operand of `and` or `or` goes: in join and where conditions, and wherever else."""
    yield lambda n: n.this
    yield lambda n: n.expression


def _condition_dropped(node: exp.Expression) -> Iterator[Change]:
    """A whole `where` goes, or the condition of a join."""
    if isinstance(node, exp.Where):
        yield lambda n: exp.Where(this=exp.true())
    elif node.args.get("on"):
        yield lambda n: _set(n, on=exp.true())


def _negation(node: exp.Expression) -> Iterator[Change]:
    """`not x` becomes x; a boolean column becomes `not` itself; `is null` changes its sense."""
    if isinstance(node, exp.Not):
        yield lambda n: n.this
    elif isinstance(node, exp.Is) or _is_condition(node):
        yield lambda n: exp.paren(exp.not_(n, copy=True), copy=False)


def _is_condition(column: exp.Expression) -> bool:
    parent = column.parent
    if isinstance(parent, exp.If):
        return column.arg_key == "this" and parent.parent.this is None  # no `case x when`
    return isinstance(parent, (exp.And, exp.Or, exp.Where))


def _list_member_dropped(node: exp.Expression) -> Iterator[Change]:
    """A value of an `in` list goes."""
    for at in range(len(node.expressions) if len(node.expressions) > 1 else 0):
        yield lambda n, at=at: _without(n, "expressions", at)  # type: ignore[misc]


# ---- Values -------------------------------------------------------------------------------------


def _boundary(node: exp.Expression) -> Iterator[Change]:
    """A whole number becomes one more and one less; another number becomes 1% more."""
    if node.args["is_string"]:
        return
    if node.this.isdigit():
        yield lambda n: exp.Literal.number(int(n.this) + 1)
        yield lambda n: exp.Literal.number(int(n.this) - 1)
    else:
        yield lambda n: exp.Literal.number(str(Decimal(n.this) * Decimal("1.01") or 1))


def _day_arithmetic(node: exp.Expression) -> Iterator[Change]:
    """A number of days between, or a date some days after, is one off; ends change places."""
    if isinstance(node, exp.DateDiff):
        yield lambda n: exp.paren(exp.Add(this=n.copy(), expression=exp.Literal.number(1)))
        yield lambda n: exp.paren(exp.Sub(this=n.copy(), expression=exp.Literal.number(1)))
        yield lambda n: _set(n, this=n.expression, expression=n.this)
    elif isinstance(node.this, exp.Add) and node.to.this == exp.DataType.Type.DATE:
        one = exp.Literal.number(1)
        yield lambda n: _set(n, this=exp.Add(this=n.this, expression=one.copy()))
        yield lambda n: _set(n, this=exp.Sub(this=n.this, expression=one.copy()))


def _arithmetic(node: exp.Expression) -> Iterator[Change]:
    """`+` and `-` become each other, `*` and `/` too; a minus sign or an abs goes."""
    others = {exp.Add: exp.Sub, exp.Sub: exp.Add, exp.Mul: exp.Div, exp.Div: exp.Mul}
    if (other := others.get(type(node))) is not None:
        yield lambda n: other(this=n.this, expression=n.expression)
    else:
        yield lambda n: n.this


def _text(node: exp.Expression) -> Iterator[Change]:
    """A text becomes another text."""
    if node.args["is_string"] and node.this != SENTINEL_DAY:
        yield lambda n: exp.Literal.string(f"{n.this}_")


def _truth(node: exp.Expression) -> Iterator[Change]:
    """True becomes false, and the other way round."""
    yield lambda n: exp.Boolean(this=not n.this)


def _default(node: exp.Expression) -> Iterator[Change]:
    """An argument of `coalesce`, `least` or `greatest` goes, or the second one of `nullif`."""
    if isinstance(node, exp.Nullif):
        yield lambda n: n.this
        return
    n_arguments = 1 + len(node.expressions)
    for at in range(n_arguments):

        def drop(n: exp.Expression, at: int = at) -> exp.Expression:
            kept = [n.this, *n.expressions]
            del kept[at]
            return kept[0] if len(kept) == 1 else _set(n, this=kept[0], expressions=kept[1:])

        yield drop


def _branch(node: exp.Expression) -> Iterator[Change]:
    """A branch of `case` goes, the `else` too; neighbours change places."""

    def drop(n: exp.Expression, at: int) -> exp.Expression:
        if len(n.args["ifs"]) > 1:
            return _without(n, "ifs", at)
        return n.args.get("default") or exp.null()

    def swap(n: exp.Expression, at: int) -> exp.Expression:
        branches = list(n.args["ifs"])
        branches[at], branches[at + 1] = branches[at + 1], branches[at]
        return _set(n, ifs=branches)

    n_branches = len(node.args["ifs"])
    for at in range(n_branches):
        yield lambda n, at=at: drop(n, at)  # type: ignore[misc]
    for at in range(n_branches - 1):
        yield lambda n, at=at: swap(n, at)  # type: ignore[misc]
    if node.args.get("default"):
        yield lambda n: _set(n, default=None)


# ---- Aggregates and windows ---------------------------------------------------------------------

EXCHANGED = {
    exp.Min: exp.Max,
    exp.Max: exp.Min,
    exp.Least: exp.Greatest,
    exp.Greatest: exp.Least,
    exp.Sum: exp.Max,
    exp.LogicalOr: exp.LogicalAnd,
    exp.LogicalAnd: exp.LogicalOr,
    exp.Lag: exp.Lead,
}


def _function(node: exp.Expression) -> Iterator[Change]:
    """min and max, least and greatest, bool_or and bool_and change places; sum becomes max,
    lag becomes lead, and row numbers become ranks.
    """
    if isinstance(node, exp.RowNumber):
        for name in ("rank", "dense_rank"):
            yield lambda n, name=name: exp.Anonymous(this=name)  # type: ignore[misc]
    else:
        other = EXCHANGED[type(node)]
        yield lambda n: other(**{name: value for name, value in n.args.items() if value})


def _distinct(node: exp.Expression) -> Iterator[Change]:
    """`distinct` goes from a select or a count, or comes to a count; count(x) -> count(*)."""
    if isinstance(node, exp.Select):
        if node.args.get("distinct"):
            yield lambda n: _set(n, distinct=None)
    elif isinstance(node.this, exp.Distinct):
        yield lambda n: exp.Count(this=n.this.expressions[0])
    elif not isinstance(node.this, exp.Star):
        yield lambda n: exp.Count(this=exp.Distinct(expressions=[n.this]))
        yield lambda n: exp.Count(this=exp.Star())


def _window(node: exp.Expression) -> Iterator[Change]:
    """A partition or order column goes; an order is turned; the frame changes."""
    for at in range(len(node.args.get("partition_by") or [])):
        yield lambda n, at=at: _without(n, "partition_by", at)  # type: ignore[misc]
    order = node.args.get("order")
    n_keys = len(order.expressions) if order else 0
    for at in range(n_keys):
        if n_keys > 1:
            yield lambda n, at=at: _drop_order(n, at)  # type: ignore[misc]
        yield lambda n, at=at: _turn_order(n, at)  # type: ignore[misc]
    if n_keys == 1:
        yield lambda n: _set(n, order=None)
    spec = node.args.get("spec")
    if spec:
        yield lambda n: _set(n, spec=None)
        ends = [
            ("CURRENT ROW", None),
            (exp.Literal.number(1), "preceding"),
            ("UNBOUNDED", "following"),
        ]
        for end, side in ends:
            yield lambda n, end=end, side=side: _reframe(n, end=end, end_side=side)  # type: ignore[misc]
        yield lambda n: _reframe(n, start=exp.Literal.number(1), start_side="preceding")


def _drop_order(node: exp.Expression, at: int) -> exp.Expression:
    _without(node.args["order"], "expressions", at)
    return node


def _turn_order(node: exp.Expression, at: int) -> exp.Expression:
    key = node.args["order"].expressions[at]
    key.set("desc", not key.args.get("desc"))
    return node


def _reframe(node: exp.Expression, **ends: object) -> exp.Expression:
    _set(node.args["spec"], **ends)
    return node


# ---- Relations ----------------------------------------------------------------------------------


def _join(node: exp.Expression) -> Iterator[Change]:
    """An inner join becomes a left one, and the other way round."""
    if node.args.get("on"):
        if node.args.get("side"):
            yield lambda n: _set(n, side=None, kind="INNER")
        else:
            yield lambda n: _set(n, side="LEFT", kind=None)


def _union(node: exp.Expression) -> Iterator[Change]:
    """`union all` becomes `union distinct`, and the other way round; a side goes."""
    yield lambda n: _set(n, distinct=not n.args["distinct"])
    yield lambda n: _one_side(n, n.this)
    yield lambda n: _one_side(n, n.expression)


def _one_side(node: exp.Expression, side: exp.Expression) -> exp.Expression:
    with_ = node.args.get("with_")
    return _set(side, with_=with_) if with_ else side


def _set(node: exp.Expression, **values: object) -> exp.Expression:
    for name, value in values.items():
        node.set(name, value)
    return node


def _without(node: exp.Expression, name: str, at: int) -> exp.Expression:
    kept = [member for place, member in enumerate(node.args[name]) if place != at]
    return _set(node, **{name: kept})


Operator = Callable[[exp.Expression], Iterator[Change]]
OPERATORS: list[tuple[type[exp.Expression] | tuple[type[exp.Expression], ...], Operator]] = [
    ((*ORDERINGS, exp.EQ, exp.NEQ, exp.NullSafeEQ), _comparison),
    ((exp.And, exp.Or), _connector),
    ((exp.And, exp.Or), _conjunct_dropped),
    ((exp.Where, exp.Join), _condition_dropped),
    ((exp.Not, exp.Is, exp.Column), _negation),
    (exp.In, _list_member_dropped),
    (exp.Literal, _boundary),
    ((exp.DateDiff, exp.Cast), _day_arithmetic),
    ((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Abs), _arithmetic),
    (exp.Literal, _text),
    (exp.Boolean, _truth),
    ((exp.Coalesce, exp.Least, exp.Greatest, exp.Nullif), _default),
    (exp.Case, _branch),
    ((*EXCHANGED, exp.RowNumber), _function),
    ((exp.Select, exp.Count), _distinct),
    (exp.Window, _window),
    (exp.Join, _join),
    (exp.Union, _union),
]
