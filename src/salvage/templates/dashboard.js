"use strict";
const charts = JSON.parse(document.getElementById("charts").textContent);
const config = { displayModeBar: false, responsive: true };

for (const [id, chart] of Object.entries(charts)) {
  Plotly.newPlot(`plot-${id}`, chart.data, chart.layout, config);
}

// On paper there is another width than on the screen: that of A4 at the size of print.
const paperWidth = 940;
// A Sankey diagram moves to a new width slowly, and would be printed on its way: its width stays.
const plots = [...document.querySelectorAll(".plot")]
  .filter((plot) => plot.data.every((trace) => trace.type !== "sankey"));
addEventListener("beforeprint", () => {
  plots.forEach((plot) => Plotly.relayout(plot, { autosize: false, width: paperWidth }));
});
addEventListener("afterprint", () => {
  plots.forEach((plot) => Plotly.relayout(plot, { autosize: true, width: null }));
});

// The swimmer plot shows the lanes that both filters let through, closed up.
function filterLanes() {
  const arm = document.getElementById("swimmer-arm").value;
  const outcome = document.getElementById("swimmer-outcome").value;
  const { data, layout } = charts.swimmer;
  const lanes = layout.meta.lanes.filter(
    (lane) => (!arm || lane.arm === arm) && (!outcome || lane.outcome === outcome),
  );
  const place = new Map(lanes.map((lane, index) => [lane.patient, index]));
  const drawn = data.map((trace) => {
    const kept = trace.customdata.map((_, index) => index)
      .filter((index) => place.has(trace.customdata[index]));
    const pick = (values) => values && kept.map((index) => values[index]);
    return {
      ...trace,
      x: pick(trace.x),
      y: kept.map((index) => place.get(trace.customdata[index])),
      customdata: pick(trace.customdata),
      text: pick(trace.text),
    };
  });
  const height = layout.height - layout.meta.laneHeight * (layout.meta.lanes.length - lanes.length);
  document.getElementById("plot-swimmer").style.height = `${height}px`;
  Plotly.react("plot-swimmer", drawn, {
    ...layout,
    height,
    yaxis: {
      ...layout.yaxis,
      range: [lanes.length - 0.4, -0.6],
      tickvals: lanes.map((_, index) => index),
      ticktext: lanes.map((lane) => lane.name),
    },
  }, config);
  document.getElementById("swimmer-shown").textContent =
    `${lanes.length} of ${layout.meta.lanes.length} patients drawn`;
}
if (charts.swimmer) {
  for (const id of ["swimmer-arm", "swimmer-outcome"]) {
    document.getElementById(id).addEventListener("change", filterLanes);
  }
  filterLanes();
}

// The list of decisions shows the patients whose id, rules or reasons hold what is typed.
const patients = [...document.querySelectorAll("#trace-list .patient")];
const texts = patients.map((patient) => patient.textContent.toLowerCase());
function search() {
  const wanted = document.getElementById("trace-search").value.trim().toLowerCase();
  let shown = 0;
  patients.forEach((patient, index) => {
    patient.hidden = !texts[index].includes(wanted);
    shown += patient.hidden ? 0 : 1;
  });
  document.getElementById("trace-shown").textContent = `${shown} of ${patients.length} patients`;
}
document.getElementById("trace-search").addEventListener("input", search);
search();
