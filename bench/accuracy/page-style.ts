/** The style of the page, beside that of its charts. */
export const pageStyle = `
:root { color-scheme: light dark; --s0: #0969da; --s1: #1a7f37; --s2: #9a6700; --s3: #a40e63; --s4: #6639ba; --s5: #57606a;
  --early: #ffd8d3; --hasty: #fff3c4; --right: #dff5e3 }
@media (prefers-color-scheme: dark) {
  :root { --s0: #58a6ff; --s1: #4ac26b; --s2: #e3b341; --s3: #f778ba; --s4: #bc8cff; --s5: #9198a1;
    --early: #6b1f1a; --hasty: #4d3c0a; --right: #12361f }
}
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1160px; margin: 0 auto; padding: 24px 20px 64px }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0.4em 0 }
h2 { font-size: 1.35rem; margin: 2em 0 0.3em }
p { max-width: 48rem }
.lead { color: var(--muted) }
.scroll { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; font-size: 0.9rem }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--grid) }
thead th { color: var(--muted); font-weight: 600 }
tbody th { font-weight: 500 }
.verdicts td, .verdicts th { padding: 6px 10px; min-width: 5.5em }
.verdicts tbody th { min-width: 11em }
.verdicts td { border: 1px solid var(--paper) }
.verdicts small { color: var(--ink); white-space: nowrap }
td.early { background: var(--early) } td.hasty { background: var(--hasty) } td.right { background: var(--right) }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 20px }
figure { margin: 0 } figcaption { font-weight: 600 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 24px 40px }
svg.panel { width: 100%; height: auto; display: block }
.tick { font-size: 15px; fill: var(--muted) }
.mark { font-size: 13px; fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 24px; padding: 0 }
.theory { fill: none; stroke-width: 2; opacity: 0.7 }
.dot { stroke: var(--paper); stroke-width: 1 }
.theory.s0 { stroke: var(--s0) } .theory.s1 { stroke: var(--s1) } .theory.s2 { stroke: var(--s2) }
.theory.s3 { stroke: var(--s3) } .theory.s4 { stroke: var(--s4) } .theory.s5 { stroke: var(--s5) }
.dot.s0 { fill: var(--s0) } .dot.s1 { fill: var(--s1) } .dot.s2 { fill: var(--s2) }
.dot.s3 { fill: var(--s3) } .dot.s4 { fill: var(--s4) } .dot.s5 { fill: var(--s5) }
details { border-top: 1px solid var(--grid); padding: 8px 0 }
summary { cursor: pointer; font-weight: 600 }
code { font-size: 0.95em }
`;
