// Draws figures when they come into sight, in the colours of the reader's scheme.
(() => {
  const places = document.querySelectorAll(".plot");
  let plots = new Map();
  const drawn = new Set();
  const buttons = ["toImage", "zoom2d", "pan2d", "resetScale2d"];
  // A finger on a figure scrolls the page; a mouse zooms.
  const drag = matchMedia("(pointer: coarse)").matches ? {dragmode: false} : {};
  const config = {responsive: true, displaylogo: false, modeBarButtons: [buttons]};

  const idle = window.requestIdleCallback ?? setTimeout;
  let ready;
  const load = () => ready ??= prepare();
  async function prepare() {
    const [texts, library] = await Promise.all(["plots", "plotly"].map(unpack));
    const script = document.createElement("script");
    script.textContent = library;
    document.head.append(script);
    plots = new Map(JSON.parse(texts).map((plot) => [plot.id, plot]));
  }
  function unpack(id) {
    const packed = atob(document.getElementById(id).textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function themed(value, css) {
    if (Array.isArray(value)) return value.map((one) => themed(one, css));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, themed(one, css)]));
    return typeof value === "string" && value.startsWith("var(--")
      ? css.getPropertyValue(value.slice(4, -1)).trim()
      : value;
  }

  function draw(id, printed) {
    const {data, layout, paper} = themed(plots.get(id), getComputedStyle(document.documentElement));
    Plotly.react(id, data, {...layout, ...drag, ...(printed ? {width: paper} : {})}, config);
    // The figure has one name; what Plotly makes of it, and measures texts in, are images without.
    const unnamed = [...document.getElementById(id).children, document.getElementById("js-plotly-tester")];
    for (const part of unnamed) part?.setAttribute("aria-hidden", "true");
    drawn.add(id);
  }

  const seen = new IntersectionObserver(async (entries) => {
    const near = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    near.forEach((element) => seen.unobserve(element));
    if (!near.length) return;
    try {
      await load();
      near.forEach((element) => draw(element.id));
    } catch (error) {
      near.forEach((element) => element.textContent = "This browser cannot draw the figure.");
      console.error(error);
    }
  }, {rootMargin: "800px"});

  // What a page of many models folds away lies in <noscript>: text, until it is made into elements
  // when it is opened, led to, printed, or else bit by bit when the page has loaded, to be found.
  const folded = (within = document) => [...within.querySelectorAll(".folded")];
  function unfold(one) {
    if (!one.isConnected) return; // it was unfolded meanwhile
    const around = one.parentElement;
    one.outerHTML = one.textContent;
    hear(around);
  }
  async function unfoldRest() {
    for (const one of folded()) {
      await new Promise((ready) => idle(ready));
      unfold(one);
    }
  }

  function reveal() {
    const id = location.hash.slice(1);
    if (id && !document.getElementById(id)) folded().forEach(unfold);
    const target = id && document.getElementById(id);
    for (let around = target; around; around = around.parentElement)
      if (around.tagName === "DETAILS") around.open = true;
    if (target) target.scrollIntoView();
  }

  function filter(box) {
    const rows = [...document.getElementById(box.dataset.filters).rows];
    for (const row of rows) row.hidden = box.checked && !("changed" in row.dataset);
    const shown = rows.filter((row) => !row.hidden).length;
    box.closest(".filter").querySelector("output").textContent = `${shown} of ${rows.length} shown`;
  }

  function hear(within) {
    for (const box of within.querySelectorAll("[data-filters]")) {
      box.closest(".filter").hidden = false;
      box.addEventListener("change", () => filter(box));
      filter(box); // a browser may remember that it was checked
    }
  }

  for (const place of places) seen.observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change",
    () => drawn.forEach((id) => draw(id)));
  hear(document);
  for (const one of document.querySelectorAll("[open] > .folded")) unfold(one);
  addEventListener("toggle", ({target}) => folded(target).forEach(unfold), true);

  // Paper is narrower than a window, shows what is folded away, and waits for nobody.
  let opened = [];
  addEventListener("beforeprint", () => {
    folded().forEach(unfold);
    opened = [...document.querySelectorAll("details:not([open], .rows)")];
    for (const element of opened) element.open = true;
    document.documentElement.classList.add("printed"); // on paper all readers' scheme is light
    for (const id of plots.keys()) draw(id, true);
  });
  addEventListener("afterprint", () => {
    for (const element of opened) element.open = false;
    document.documentElement.classList.remove("printed");
    drawn.forEach((id) => draw(id));
  });
  addEventListener("hashchange", reveal);
  reveal();
  // A phone's contents are folded up; a figure should be there when it is reached or printed.
  if (matchMedia("(max-width: 46rem)").matches) document.querySelector("nav details").open = false;
  addEventListener("load", () => {
    if (places.length) idle(load);
    unfoldRest();
  });
})();
