"""`salvage figures`: the dashboard's charts as files that a journal takes.

What is drawn is read back from the files with the standard library and pypdf, and compared with
SQL written here, over the published file.
"""

import re
import shutil
import socket
import struct
import threading
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest
from click.testing import CliRunner, Result
from kaleido import Kaleido
from pypdf import PdfReader

from salvage.cli import main
from salvage.dashboard import figures
from salvage.project import DEMO_DIR
from salvage.publish import Provenance
from tests.awkward_study import awkward_study
from tests.browser import CUT_TEXTS, OVERLAPPING_TEXTS, chromium, chromium_path
from tests.harness import Warehouse, named_rows

CHARTS = (
    *("attrition", "remission", "remission_survival", "colectomy_free_survival"),
    *("adverse_events", "adverse_event_terms", "swimmer", "treatment_paths", "definitions"),
)
# Those of a publication that has nothing for the others to show.
ALWAYS = (
    *("attrition", "remission", "remission_survival", "colectomy_free_survival"),
    *("adverse_events", "definitions"),
)
SINGLE_MM, DOUBLE_MM = 89, 183
FORMATS = ("svg", "png", "pdf")
SVG = "{http://www.w3.org/2000/svg}"


def salvage(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def rows(database: Path, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return named_rows(connection.execute(sql))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def demo(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with the demo published in it."""
    output = tmp_path_factory.mktemp("figures") / "demo"
    warehouse.publish_folder(DEMO_DIR, print, output, Provenance("demo", None, 1))
    return output


@pytest.fixture(scope="module")
def awkward(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with several protocols published in it."""
    folder = tmp_path_factory.mktemp("figures")
    awkward_study().write(folder / "study")
    provenance = Provenance("files", None, 1)
    warehouse.publish_folder(folder / "study", print, folder / "awkward", provenance)
    return folder / "awkward"


@pytest.fixture
def output(demo: Path, tmp_path: Path) -> Path:
    """The same for one test alone."""
    shutil.copytree(demo / "published", tmp_path / "output" / "published")
    return tmp_path / "output"


@pytest.fixture(scope="module", params=FORMATS)
def drawn(request: pytest.FixtureRequest, demo: Path) -> tuple[str, Path, str]:
    """A format, the demo's files in it, and what was printed."""
    return draw(demo, request.param)


@pytest.fixture(scope="module")
def svg(demo: Path) -> Path:
    return draw(demo, "svg")[1]


def draw(demo: Path, file_format: str) -> tuple[str, Path, str]:
    chromium_path()
    result = salvage("figures", "--format", file_format, "--output", demo)
    assert result.exit_code == 0, result.output
    return file_format, demo / "figures", result.output


# ---- What is written -----------------------------------------------------------------------------


def test_every_chart_is_a_file_and_its_size_is_told(drawn: tuple[str, Path, str]) -> None:
    file_format, folder, said = drawn
    assert {f"{chart}.{file_format}" for chart in CHARTS} <= names(folder)
    for chart in CHARTS:
        assert re.search(rf"^{chart}\.{file_format}: 183 x \d+ mm$", said, re.MULTILINE)
    assert re.search(r"^9 figures in \S+/figures/, drawn in \d+ s\.$", said, re.MULTILINE)


def test_nothing_else_is_left(drawn: tuple[str, Path, str]) -> None:
    _, folder, _ = drawn
    assert names(folder) <= {f"{chart}.{suffix}" for chart in CHARTS for suffix in FORMATS}
    assert ".figures" not in names(folder.parent)


@pytest.mark.parametrize("chart", CHARTS)
def test_svg_is_as_wide_as_two_columns(svg: Path, chart: str) -> None:
    root = ElementTree.parse(svg / f"{chart}.svg").getroot()
    assert root.get("width") == f"{DOUBLE_MM}.00mm"
    height = float(root.get("height", "").removesuffix("mm"))
    _, _, wide, high = map(float, root.get("viewBox", "").split())
    assert height == pytest.approx(DOUBLE_MM * high / wide, abs=0.01)
    assert 30 < height < 230


@pytest.mark.parametrize("chart", CHARTS)
def test_svg_text_is_text_of_seven_or_eight_points(svg: Path, chart: str) -> None:
    root = ElementTree.parse(svg / f"{chart}.svg").getroot()
    texts = [element for element in root.iter(f"{SVG}text") if "".join(element.itertext()).strip()]
    assert len(texts) > 5
    for text in texts:
        style = text.get("style", "")
        (size,) = re.findall(r"font-size: ([\d.]+)px", style)
        assert 7 <= points(root, float(size)) + 0.001 <= 8.01
        assert "font-family: Arial, Helvetica" in style


@pytest.mark.parametrize("chart", CHARTS)
def test_svg_lines_are_half_a_point_or_more(svg: Path, chart: str) -> None:
    root = ElementTree.parse(svg / f"{chart}.svg").getroot()
    n_lines = 0
    for element in root.iter():
        style = dict(
            part.strip().split(": ", 1)
            for part in element.get("style", "").split(";")
            if ": " in part
        )
        width = float(style.get("stroke-width", "0").removesuffix("px"))
        if width and style.get("stroke", "none") != "none":
            n_lines += 1
            assert points(root, width) >= 0.5, ElementTree.tostring(element)[:200]
    # Of a Sankey diagram there are areas alone.
    assert n_lines or chart == "treatment_paths"


def points(root: ElementTree.Element, length: float) -> float:
    """A length of an SVG as printed."""
    _, _, wide, _ = map(float, root.get("viewBox", "").split())
    width = float(root.get("width", "").removesuffix("mm"))
    return length * width / wide / 25.4 * 72


@pytest.mark.parametrize("chart", CHARTS)
def test_svg_is_on_white_and_refers_to_nothing_outside(svg: Path, chart: str) -> None:
    root = ElementTree.parse(svg / f"{chart}.svg").getroot()
    ground = next(iter(root))
    assert ground.tag == f"{SVG}rect" and "fill: rgb(255, 255, 255)" in ground.get("style", "")
    written = (svg / f"{chart}.svg").read_text(encoding="utf-8")
    addresses = set(re.findall(r"[a-z]+://[^\"' )]+", written))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in written and "<image" not in written


def test_numbers_of_the_mart_are_in_the_svg(svg: Path, demo: Path) -> None:
    database = demo / "published" / "salvage.duckdb"
    steps = rows(database, "from marts.agg_cohort_attrition order by step_number")
    written = svg_texts(svg / "attrition.svg")
    for step in steps:
        assert f"n = {step['n_remaining']}" in written
    arms = rows(database, "from marts.agg_remission_by_arm where n_patients > 0")
    written = svg_texts(svg / "remission.svg")
    for arm in arms:
        rate = f"{100 * arm['remission_rate']:.1f}%"
        assert arm["arm_label"] in written
        assert f"{arm['n_remissions']} of {arm['n_patients']}, {rate}" in written


def svg_texts(path: Path) -> str:
    root = ElementTree.parse(path).getroot()
    return "\n".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))


@pytest.mark.parametrize("outcome", ["remission_survival", "colectomy_free_survival"])
def test_curves_of_the_svg_are_those_of_the_mart(svg: Path, demo: Path, outcome: str) -> None:
    steps = rows(
        demo / "published" / "salvage.duckdb",
        f"from marts.agg_{outcome} where arm_id != 'all' order by arm_id, duration_days",
    )
    arms = sorted({step["arm_id"] for step in steps})
    root = ElementTree.parse(svg / f"{outcome}.svg").getroot()
    curves = [
        path.get("d", "")
        for path in root.iter(f"{SVG}path")
        if path.get("class") == "js-line"
        and "stroke-width: 2.5px" in path.get("style", "")
        # The legend's lines begin at its own left edge.
        and not path.get("d", "").startswith("M5,0")
    ]
    assert len(curves) == len(arms) == 2
    month, whole = distance(root, "xtick", "0", "12") / 12, distance(root, "ytick", "100%", "0%")
    for arm, curve in zip(arms, curves, strict=True):
        corners = corners_of(curve)
        start_x, start_y = corners[0]
        drawn = [((x - start_x) / month * 30.4375, 1 - (y - start_y) / whole) for x, y in corners]
        expected = [step for step in steps if step["arm_id"] == arm]
        assert (expected[0]["duration_days"], expected[0]["survival"]) == (0, 1)
        for step in expected:
            # Of the corners on a day the last is where the curve goes on.
            at = [share for day, share in drawn if day <= step["duration_days"] + 1]
            assert at[-1] == pytest.approx(step["survival"], abs=0.002)
        days = {step["duration_days"] for step in expected}
        assert all(min(abs(day - known) for known in days) < 1.5 for day, _ in drawn)


def distance(root: ElementTree.Element, axis: str, one: str, other: str) -> float:
    """Between two ticks, in the SVG's units."""
    places = {}
    for tick in root.iter(f"{SVG}g"):
        text = tick.find(f"{SVG}text")
        if tick.get("class") == axis and text is not None:
            (x, y) = re.findall(r"-?[\d.]+", text.get("transform", ""))
            places["".join(text.itertext())] = float(x) if axis == "xtick" else float(y)
    return places[other] - places[one]


def corners_of(path: str) -> list[tuple[float, float]]:
    """The corners of a path of horizontal and vertical lines."""
    corners: list[tuple[float, float]] = []
    for command, numbers in re.findall(r"([MLHV])([-\d.,]+)", path):
        values = [float(number) for number in numbers.split(",")]
        if command in "ML":
            corners.append((values[0], values[1]))
        elif command == "H":
            corners.append((values[0], corners[-1][1]))
        else:
            corners.append((corners[-1][0], values[0]))
    return corners


@pytest.mark.parametrize("chart", CHARTS)
def test_pdf_is_one_page_of_its_size_with_text_and_its_fonts(demo: Path, chart: str) -> None:
    if not (demo / "figures" / f"{chart}.pdf").is_file():
        draw(demo, "pdf")
    (page,) = PdfReader(demo / "figures" / f"{chart}.pdf").pages
    width, height = (float(length) / 72 * 25.4 for length in page.mediabox[2:])
    assert width == pytest.approx(DOUBLE_MM, abs=0.3) and 30 < height < 230
    # Letters that are set as one, such as fi, are two again.
    text = unicodedata.normalize("NFKC", page.extract_text())
    words = {
        "attrition": "Accepted patients",
        "swimmer": "Days since the second drug began",
        "treatment_paths": "methylprednisolone",
        "definitions": "Window after the first drug",
        "adverse_event_terms": "sepsis",
    }
    assert words.get(chart, "infliximab after cyclosporine") in text
    resources: Any = page["/Resources"]
    assert "/XObject" not in resources
    for font in resources["/Font"].values():
        (descendant,) = font.get_object()["/DescendantFonts"]
        assert "/FontFile2" in descendant.get_object()["/FontDescriptor"].get_object()


@pytest.mark.parametrize("chart", CHARTS)
def test_png_has_600_dots_an_inch_and_says_so(demo: Path, chart: str) -> None:
    if not (demo / "figures" / f"{chart}.png").is_file():
        draw(demo, "png")
    chunks = png_chunks((demo / "figures" / f"{chart}.png").read_bytes())
    (header,) = chunks["IHDR"]
    width, height, depth, colour = struct.unpack(">IIBB", header[:10])
    assert width == pytest.approx(DOUBLE_MM / 25.4 * 600, abs=1.5)
    assert 30 < height / 600 * 25.4 < 230
    (dots,) = chunks["pHYs"]
    assert struct.unpack(">IIB", dots) == (23622, 23622, 1)
    # Its first pixel, before which there is none to differ from: white, and not see-through.
    pixels = zlib.decompress(b"".join(chunks["IDAT"]))
    n_bytes = {2: 3, 6: 4}[colour]
    assert depth == 8 and len(pixels) == height * (1 + width * n_bytes)
    assert pixels[1 : 1 + n_bytes] == b"\xff" * n_bytes


def png_chunks(content: bytes) -> dict[str, list[bytes]]:
    """The chunks of a PNG by type, in order; fails where a checksum is wrong."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[str, list[bytes]] = {}
    place = 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        typed = content[place + 4 : place + 8 + length]
        assert content[place + 8 + length : place + 12 + length] == struct.pack(
            ">I", zlib.crc32(typed)
        )
        chunks.setdefault(typed[:4].decode(), []).append(typed[4:])
        place += 12 + length
    assert [*chunks][-1] == "IEND"
    return chunks


# ---- What is seen --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", ["single", "double"])
def test_no_text_is_cut_or_covered(output: Path, width: str) -> None:
    result = salvage("figures", "--format", "svg", "--output", output, "--width", width)
    assert result.exit_code == 0, result.output
    assert_readable(output / "figures")
    for chart in CHARTS:
        root = ElementTree.parse(output / "figures" / f"{chart}.svg").getroot()
        # A Sankey diagram needs two columns in any case.
        single = width == "single" and chart != "treatment_paths"
        assert root.get("width") == f"{SINGLE_MM if single else DOUBLE_MM}.00mm"
    is_told = "treatment_paths cannot be read in one column and has two." in result.output
    assert is_told == (width == "single")


@pytest.mark.parametrize("protocol_id", ["awkward_names", "twenty_arms"])
def test_no_text_of_an_awkward_protocol_is_cut(awkward: Path, protocol_id: str) -> None:
    result = salvage(
        *("figures", "--format", "svg", "--output", awkward, "--protocol", protocol_id)
    )
    assert result.exit_code == 0, result.output
    assert_readable(awkward / "figures" / protocol_id)


def assert_readable(folder: Path) -> None:
    # Opened here: as long as Playwright runs, nothing else in the process can wait for a browser.
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1000})
        for path in sorted(folder.glob("*.svg")):
            page.set_content(path.read_text(encoding="utf-8"))
            for script in (CUT_TEXTS, OVERLAPPING_TEXTS):
                assert page.eval_on_selector("body", script) == [], path.name


def test_swimmer_plot_of_sixty_patients_fits_a_page(output: Path) -> None:
    """More lanes are never drawn."""
    database = output / "published" / "salvage.duckdb"
    database.chmod(0o644)
    with duckdb.connect(str(database)) as connection:
        for mart in ("dim_patients", "fct_salvage_episodes", "fct_remissions"):
            connection.execute(
                f"create table copies as select * replace (patient_id || n as patient_id) "
                f"from marts.{mart}, range(9) as copies (n)"
            )
            connection.execute(
                f"alter table copies drop column n; insert into marts.{mart} from copies"
            )
            connection.execute("drop table copies")
    for width, columns in (("single", 2), ("double", 4)):
        (swimmer,) = (
            drawing
            for drawing in figures.drawings(output / "published", width)  # type: ignore[arg-type]
            if drawing.path.name == "swimmer"
        )
        lanes = swimmer.figure["layout"]["meta"]["lanes"]
        _, height = swimmer.millimetres
        legend = 24 * -(-len(swimmer.figure["data"]) // columns)
        assert len(lanes) == 60 and height <= 230.01
        # Text of 7 points is 2.5 mm high.
        assert (height - (legend + 60) * height / swimmer.size[1]) / len(lanes) > 2.5


@pytest.mark.parametrize("n_terms", [13, 40])
def test_forest_higher_than_a_page_is_cut_between_its_terms(output: Path, n_terms: int) -> None:
    chromium_path()
    database = output / "published" / "salvage.duckdb"
    database.chmod(0o644)
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "create table copies as select * replace ('event ' || n || '.' as event_term) "
            "from marts.agg_adverse_events_by_term, range($n) as copies (n) "
            "where event_term = 'sepsis'",
            {"n": n_terms},
        )
        connection.execute("alter table copies drop column n")
        connection.execute("truncate marts.agg_adverse_events_by_term")
        connection.execute("insert into marts.agg_adverse_events_by_term from copies")
        connection.execute("drop table copies")
    result = salvage("figures", "--format", "svg", "--output", output, "--width", "single")
    assert result.exit_code == 0 and "higher than a page" not in result.output
    assert_readable(output / "figures")
    parts = sorted((output / "figures").glob("adverse_event_terms*.svg"))
    assert [part.stem for part in parts] == [
        f"adverse_event_terms-{number}" for number in range(1, len(parts) + 1)
    ]
    assert len(parts) >= 2
    texts = [svg_texts(part) for part in parts]
    # All terms in both arms, or of many the first 30 in all arms together.
    n_drawn, n_rows = (n_terms, 2) if n_terms <= 15 else (30, 1)
    drawn = [re.findall(r"event \d+\.", text) for text in texts]
    assert len({term for terms in drawn for term in terms}) == sum(map(len, drawn)) == n_drawn
    for terms, text, part in zip(drawn, texts, parts, strict=True):
        # No row of a term without its heading, nor the other way round.
        assert len(re.findall(r"\d+ of \d+, ", text)) == n_rows * len(terms)
        height = ElementTree.parse(part).getroot().get("height", "")
        assert float(height.removesuffix("mm")) <= 230


# ---- Where it goes -------------------------------------------------------------------------------


def test_each_protocol_has_a_folder(awkward: Path) -> None:
    protocols = rows(
        awkward / "published" / "salvage.duckdb",
        "select distinct protocol_id from marts.dim_protocol_arms",
    )
    folders: dict[str, set[str]] = {}
    for drawing in figures.drawings(awkward / "published", "double"):
        folder, name = drawing.path.parts
        # A forest of many arms comes in parts.
        folders.setdefault(folder, set()).add(re.sub(r"-\d+$", "", name))
    assert set(folders) == {row["protocol_id"] for row in protocols} and len(folders) > 2
    assert all(set(ALWAYS) <= charts <= set(CHARTS) for charts in folders.values())


@pytest.mark.parametrize(
    ("protocol_ids", "folders"),
    [
        (["a:b"], ["."]),
        (["a:b", "a_b"], ["a%3Ab", "a_b"]),
        # Two folders on every file system.
        (["UC", "uc"], ["1-UC", "2-uc"]),
        (["../x", "a/b", "-c"], ["..%2Fx", "a%2Fb", "-c"]),
    ],
)
def test_names_of_folders_are_safe_and_differ(protocol_ids: list[str], folders: list[str]) -> None:
    found = figures._folders(protocol_ids)
    assert [str(found[protocol_id]) for protocol_id in protocol_ids] == folders


def test_files_of_an_earlier_call_are_replaced_and_no_others(tmp_path: Path) -> None:
    """A chart that there is no more goes with them; other formats and a reader's own files stay."""
    folder = tmp_path / "figures"
    earlier = ("attrition.svg", "swimmer.svg", "uc/attrition.svg", "adverse_event_terms-2.svg")
    for old in (*earlier, "swimmer.pdf", "mine.svg", "mine-2.svg"):
        (folder / old).parent.mkdir(exist_ok=True, parents=True)
        (folder / old).write_text("old")

    def placed(*paths: str, is_all: bool) -> dict[str, str]:
        (tmp_path / "drawn").mkdir(exist_ok=True)
        for path in paths:
            (tmp_path / "drawn" / path).write_text("new")
        figures.place(tmp_path / "drawn", folder, is_all)
        return {
            str(path.relative_to(folder)): path.read_text()
            for path in folder.rglob("*")
            if path.is_file()
        }

    kept = dict.fromkeys(("swimmer.pdf", "mine.svg", "mine-2.svg"), "old")
    assert placed("attrition.svg", is_all=False) == {
        **kept,
        **dict.fromkeys(earlier, "old"),
        "attrition.svg": "new",
    }
    assert placed("remission.svg", is_all=True) == {**kept, "remission.svg": "new"}


def test_charts_of_an_earlier_call_are_known(demo: Path) -> None:
    drawn = {drawing.path.name for drawing in figures.drawings(demo / "published", "double")}
    assert drawn == set(figures.CHART_IDS) == set(CHARTS)


# ---- What can go wrong ---------------------------------------------------------------------------


def refused(*arguments: str | Path) -> str:
    """What is said in place of figures: a sentence."""
    result = salvage("figures", *arguments)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.output
    assert "Traceback" not in result.output
    return result.output


def test_nothing_published_is_said_and_nothing_made(tmp_path: Path) -> None:
    said = refused("--format", "svg", "--output", tmp_path / "none")
    assert "nothing is published yet" in said and names(tmp_path) == set()


def test_unknown_protocol_is_said_with_those_that_there_are(awkward: Path) -> None:
    said = refused("--format", "svg", "--output", awkward, "--protocol", "other")
    assert "No protocol 'other' is published" in said and "twenty_arms" in said


@pytest.mark.parametrize(
    "arguments",
    [("--format", "gif"), (), ("--format", "svg", "--width", "narrow")],
)
def test_unknown_format_or_width_is_wrong_usage(output: Path, arguments: tuple[str, ...]) -> None:
    assert "Usage:" in refused(*arguments, "--output", output)


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("/nonexistent", "install Chromium, Chrome or Edge"),
        (shutil.which("false") or "", "did not start"),
    ],
)
def test_without_a_browser_one_is_asked_for(
    output: Path, monkeypatch: pytest.MonkeyPatch, program: str, sentence: str
) -> None:
    monkeypatch.setenv("BROWSER_PATH", program)
    said = refused("--format", "svg", "--output", output)
    assert sentence in said and len(said.strip().splitlines()) == 1
    assert names(output) == {"published", ".lock"}


def test_browser_that_fails_in_the_middle_leaves_what_was_there(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chromium_path()
    (output / "figures").mkdir()
    (output / "figures" / "attrition.svg").write_text("old")
    n_drawn = 0

    async def calc_fig(self: Kaleido, *arguments: Any, **options: Any) -> Any:
        nonlocal n_drawn
        n_drawn += 1
        if n_drawn == 3:
            raise TimeoutError("too long")
        return b"<svg>"

    monkeypatch.setattr(Kaleido, "calc_fig", calc_fig)
    assert "could not draw" in refused("--format", "svg", "--output", output)
    assert n_drawn == 3
    assert names(output / "figures") == {"attrition.svg"}
    assert (output / "figures" / "attrition.svg").read_text() == "old"
    assert names(output) == {"published", ".lock", "figures"}


# ---- The network ---------------------------------------------------------------------------------


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """An address at which every request for an address elsewhere is noted and dies."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def note() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    asked.append(connection.recv(4096).decode(errors="replace").split("\r\n")[0])

        threading.Thread(target=note, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("mathjax", [False, None])
def test_one_browser_draws_all_and_its_page_asks_for_nothing(
    output: Path, monkeypatch: pytest.MonkeyPatch, mathjax: bool | None
) -> None:
    """The control, with the library that Kaleido's page asks a server for, is seen by the proxy."""
    chromium_path()
    started = []

    def start(**options: Any) -> Kaleido:
        started.append(options)
        return Kaleido(**{**options, "mathjax": mathjax})

    monkeypatch.setattr(figures, "Kaleido", start)
    with proxy() as (address, asked):
        monkeypatch.setattr(figures, "_NOWHERE", address)
        assert salvage("figures", "--format", "svg", "--output", output).exit_code == 0
    assert len(started) == 1
    # The browser itself asks its maker for this and that, which ends at the proxy, too.
    hosts = {re.split("[:/]", line.split()[1].removeprefix("http://"))[0] for line in asked if line}
    of_the_page = {
        host for host in hosts if not re.search(r"(^|\.)(google|googleapis)\.com$", host)
    }
    assert of_the_page == (set() if mathjax is False else {"cdnjs.cloudflare.com"})


def test_what_the_browser_asks_for_goes_nowhere() -> None:
    """Nobody listens at the discard port, or whoever does answers nothing."""
    assert figures._NOWHERE == "127.0.0.1:9"
