"use strict";
(() => {
  // In the page colours are references that follow the scheme; a saved file needs the colours themselves.
  const resolved = (value) => {
    if (Array.isArray(value)) return value.map(resolved);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one)]));
    }
    const name = typeof value === "string" && /^var\((--[\w-]+)\)$/.exec(value);
    return name ? getComputedStyle(document.documentElement).getPropertyValue(name[1]).trim() : value;
  };

  const download = (address, name) => {
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
  };

  const save = async (spec, format, name) => {
    const background = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim();
    const legend = JSON.parse(document.getElementById("legend").textContent);
    const config = { ...spec.config, background, legend };
    const filled = resolved({ ...spec, config, width: 480 });
    const options = { mode: "vega-lite", actions: false, renderer: "svg" };
    const { view } = await vegaEmbed(document.createElement("div"), filled, options);
    if (format === "png") return download(await view.toImageURL("png", 3), `${name}.png`);
    const file = new Blob([await view.toSVG()], { type: "image/svg+xml" });
    return download(URL.createObjectURL(file), `${name}.svg`);
  };

  const draw = (figure) => {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const plot = figure.querySelector(".plot");
    const options = { mode: "vega-lite", actions: false, renderer: "svg", tooltip: { disableDefaultStyle: true } };
    const label = plot.getAttribute("aria-label").split(";")[0];
    for (const button of figure.querySelectorAll("[data-save]")) {
      const format = button.dataset.save;
      const name = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
      button.setAttribute("aria-label", `Save ${label} as ${format.toUpperCase()}`);
      button.addEventListener("click", () => save(spec, format, name));
    }
    return vegaEmbed(plot, spec, options).catch((error) => {
      plot.textContent = `The chart could not be drawn: ${error.message}`;
    });
  };

  for (const drawing of document.querySelectorAll(".drawing")) {
    const figures = [...drawing.querySelectorAll(".chart")];
    const drawn = figures.map(draw);
    const buttons = [...drawing.querySelectorAll("[data-model]")];
    for (const button of buttons) {
      button.addEventListener("click", async () => {
        const chosen = button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.model;
        for (const other of buttons) other.setAttribute("aria-pressed", String(other.dataset.model === chosen));
        for (const [at, figure] of figures.entries()) {
          const result = await drawn[at];
          result?.view.signal(figure.dataset.parameter, chosen).runAsync();
        }
      });
    }
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const code = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        // Without the clipboard, a selected text can still be copied by hand.
        getSelection().selectAllChildren(code);
        return;
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
})();
