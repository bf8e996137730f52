// Draws the figures in the colours of the reader's scheme, again whenever that changes.
(() => {
  const text = document.getElementById("plots").textContent;
  const buttons = ["toImage", "zoom2d", "pan2d", "resetScale2d"];
  // A finger on a figure scrolls the page; a mouse zooms.
  const drag = matchMedia("(pointer: coarse)").matches ? {dragmode: false} : {};
  const config = {responsive: true, displaylogo: false, modeBarButtons: [buttons]};

  function draw(printed) {
    const css = getComputedStyle(document.documentElement);
    const themed = (key, value) =>
      typeof value === "string" && value.startsWith("var(--")
        ? css.getPropertyValue(value.slice(4, -1)).trim()
        : value;
    for (const {id, data, layout, paper} of JSON.parse(text, themed)) {
      const width = printed ? {width: paper} : {};
      Plotly.react(id, data, {...layout, ...drag, ...width}, config);
    }
  }

  function reveal() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  }

  if (window.Plotly) {
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
    // Paper is narrower than a window, and plotly would not hear of it.
    matchMedia("print").addEventListener("change", (e) => draw(e.matches));
  }
  addEventListener("hashchange", reveal);
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".claim:not([open]), figure details:not([open], .long)")];
    for (const element of opened) element.open = true;
  });
  addEventListener("afterprint", () => {
    for (const element of opened) element.open = false;
  });
  reveal();
})();
