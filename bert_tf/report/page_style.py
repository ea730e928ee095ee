"""How the report's page looks, and the script that sorts its tables."""

# Blue and greys: told apart with any kind of colour vision, and by shape besides.
STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fffefb; --ink: #1d1c1a; --muted: #5c5852; --rule: #d8d3ca;
  --accent: #0a5c9e; --band: #0a5c9e33; --other: #a9a49b; --warning: #8a3c00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181a; --ink: #e7e5e1; --muted: #aba69e; --rule: #3b3c3f;
    --accent: #74b8f5; --band: #74b8f540; --other: #6b6d70; --warning: #f0a868;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 "Iowan Old Style", "Palatino Linotype", Palatino, Charter, Georgia, serif;
}
main { max-width: 70rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; overflow-wrap: anywhere; }
p, dl, ol, ul, h1, h2, h3, h4 { max-width: 42rem; }
h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 600; margin: 0 0 .5rem; text-wrap: balance; }
h2 { font-size: 1.4rem; line-height: 1.25; font-weight: 600; margin: 3rem 0 .75rem; }
h3 { font-size: 1.15rem; font-weight: 600; margin: 2.5rem 0 .5rem; }
h4 { font-size: 1rem; font-weight: 600; font-style: italic; margin: 1.75rem 0 .25rem; }
p { margin: .5rem 0; }
.lede, .note, figcaption, caption, summary, details dl { color: var(--muted); }
.note, figcaption, caption, details, .skipped, .failed { font-size: .9rem; line-height: 1.45; }
.warning { border-left: 3px solid var(--warning); padding-left: .8rem; }
.scroll { overflow-x: auto; margin: 1.25rem 0 .75rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.35; }
td, th { font-variant-numeric: lining-nums tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; }
.sortable { width: 100%; border-top: 1.5px solid var(--ink); border-bottom: 1.5px solid var(--ink); }
.sortable caption { caption-side: top; }
.sortable thead th { border-bottom: 1px solid var(--ink); vertical-align: bottom; padding: 0; }
.sortable button {
  all: unset; box-sizing: border-box; display: block; width: 100%; padding: .45rem 1.3em .45rem .5rem;
  position: relative; cursor: pointer; font-weight: 600; text-align: right; white-space: nowrap;
}
.sortable button:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.sortable button:hover { color: var(--accent); }
.sortable button::after { content: ""; position: absolute; right: .25em; color: var(--accent); }
.sortable [aria-sort="ascending"] button::after { content: "\\2191"; }
.sortable [aria-sort="descending"] button::after { content: "\\2193"; }
.sortable td { padding: .4rem 1.3em .4rem .5rem; text-align: right; white-space: nowrap; }
.sortable small { display: block; color: var(--muted); }
.sortable tbody th { padding: .4rem .5rem; text-align: left; font-weight: 400; min-width: 11rem; }
.sortable th:nth-child(2) button { text-align: left; }
.sortable tbody tr + tr > * { border-top: 1px solid var(--rule); }
.sortable .best > * { font-weight: 600; }
.mark { display: block; font-style: italic; font-weight: 400; color: var(--accent); white-space: nowrap; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 27rem)); gap: 1.5rem 3rem; }
.figures.small { grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 1.25rem 2rem; }
figure { margin: 0; max-width: 27rem; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
figure svg text { font-family: system-ui, "Helvetica Neue", Arial, sans-serif; }
.small figure { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.small figcaption { color: var(--ink); padding-bottom: .25rem; }
.confusion th, .confusion td { padding: .4rem .9rem; text-align: right; font-weight: 400; }
.confusion [scope="colgroup"] { text-align: center; color: var(--muted); }
.confusion tbody td { background: color-mix(in srgb, var(--accent) calc(38% * var(--share)), transparent); }
.confusion caption { white-space: nowrap; }
.confusion small { color: var(--ink); opacity: .85; }
.mistakes { padding-left: 1.6rem; }
.mistakes li { margin: 1rem 0; }
.mistakes p { color: var(--muted); font-size: .9rem; }
blockquote { margin: .2rem 0; padding-left: .8rem; border-left: 2px solid var(--rule); }
details { margin: .75rem 0; }
summary { cursor: pointer; }
details dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
dd { margin: 0; }
.failed dt { margin-top: .75rem; font-weight: 600; }
pre { margin: .4rem 0; padding: .5rem .8rem; border-left: 2px solid var(--rule); }
pre { font-size: .8rem; white-space: pre-wrap; }
.skipped { padding-left: 1.2rem; }
@media (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .sortable caption { position: sticky; left: 0; width: max-content; max-width: calc(100vw - 2rem); }
  .sortable th:nth-child(2) { min-width: 9.5rem; position: sticky; left: 0; background: var(--paper); }
  .sortable thead th:nth-child(2) { z-index: 1; }
  details dl { grid-template-columns: 1fr; }
  details dd { margin-left: 1rem; }
}
@media print { .scroll { overflow: visible; } }
"""

SCRIPT = """
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const value = row.cells[column].dataset.value;
    return value === undefined || value === "" || Number.isNaN(Number(value)) ? value : Number(value);
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : `${a}`.localeCompare(`${b}`, "en", { numeric: true });
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [key(row, column), row]);
      // What has no value stays at the end either way.
      rows.sort(([a], [b]) => (a === undefined) - (b === undefined) || (ascending ? compare(a, b) : compare(b, a)));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
"""
