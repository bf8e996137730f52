// What a chart says of the night under the pointer, and the filter by words.
const told = JSON.parse(document.getElementById("hover").textContent);
for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector(".effects"), read = chart.querySelector(".read");
  const [nights, values] = told.lines[Number(chart.dataset.line)];
  let place = nights.length - 1;
  const show = (index) => {
    place = Math.min(Math.max(index, 0), nights.length - 1);
    read.textContent = `${told.nights[nights[place]]}: ${values[place]}`;
  };
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const night = (event.clientX - box.left) / box.width * (told.nights.length - 1);
    let best = 0;
    nights.forEach((n, i) => { if (Math.abs(n - night) < Math.abs(nights[best] - night)) best = i; });
    show(best);
  };
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerdown", nearest);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
    if (step) { show(place + step); event.preventDefault(); }
  });
}
const asked = document.getElementById("asked");
asked?.addEventListener("input", () => {
  const words = asked.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const chart of document.querySelectorAll("#effects .chart")) {
    const text = chart.querySelector("figcaption").textContent.toLowerCase();
    chart.hidden = !words.every((word) => text.includes(word));
  }
});
