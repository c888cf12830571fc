const colours = ["#1f77b4", "#2ca02c", "#ff7f0e", "#d62728"];
const line = (label, stroke, more = {}) => ({ label, stroke, width: 2, points: { show: true, size: 7 }, ...more });
const decimals = (u, value) => (value === null ? "" : value.toFixed(value < 100 ? 1 : 0));
const wide = Math.min(500, document.body.clientWidth);

function plot(title, y, series, columns) {
  const options = {
    title, width: wide, height: 340,
    scales: { x: { time: false }, y },
    axes: [{ label: "offered, orders/s" }, { label: y.label, size: 60 }],
    series: [{ label: "offered" }, ...series.map((one) => ({ value: decimals, ...one }))],
  };
  new uPlot(options, [data.offered, ...columns], document.getElementById("plots"));
}

plot(
  "Rate against load", { label: "orders/s", range: (u, low, high) => [0, high * 1.05] },
  [line("confirmed", colours[0]), line("all of it", "#999", { dash: [6, 6], points: { show: false } })],
  [data.achieved, data.offered],
);
plot(
  "Latency against load, intake to confirmed", { label: "ms", distr: 3 },
  Object.keys(data.latency).map((name, place) => line(name, colours[place])),
  Object.values(data.latency),
);
