/** The style sheet of a report's page. The page contains everything and loads nothing. */
import { FONT_FAMILY, fontFaces } from '../../drawing/font'
import { COLOURS } from './plot-style'

const face = (which: 0 | 1) =>
  Object.entries(COLOURS)
    .map(([name, colours]) => `--${name}:${colours[which]}`)
    .join(';')

/** The style sheet contains the font, so the words that were fitted into a figure keep their width. */
export const styleSheet = (): string => `
${fontFaces()}
:root{color-scheme:light dark;${face(0)};--accent:var(--compound)}
@media (prefers-color-scheme:dark){:root{${face(1)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 ${FONT_FAMILY},-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-kerning:normal;overflow-wrap:break-word}
main{max-width:62rem;margin:0 auto;padding:3.2rem 1.5rem 4rem}
h1,h2,h3{line-height:1.2;text-wrap:balance}
h1{font-size:2.1rem;letter-spacing:-.015em;margin:.3rem 0 .7rem}
h2{font-size:1.35rem;margin:3.4rem 0 .9rem;padding-top:1.1rem;border-top:1px solid var(--grid)}
h3{font-size:1.06rem;margin:0 0 .5rem}
p,ul{margin:0 0 .9rem;max-width:44rem}
.kicker{color:var(--muted);font-size:.86rem;letter-spacing:.02em;margin:0}
.question{color:var(--muted);font-size:1.12rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.9rem 1.4rem;margin:1.8rem 0 0;max-width:none}
.facts div{border-top:2px solid var(--grid);padding-top:.45rem}
.facts dt{color:var(--muted);font-size:.82rem}
.facts dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
.short{background:var(--tint);border-radius:12px;padding:1.3rem 1.5rem .5rem;margin:2rem 0 0}
.short h2{border:0;padding:0;margin:0 0 .7rem;font-size:1.06rem}
.short p{font-size:1.06rem;line-height:1.55}
.short p.state{font-weight:600}
figure{margin:0 0 2.8rem}
figcaption,caption{color:var(--muted);font-size:.88rem;line-height:1.5;text-align:left}
figcaption{max-width:46rem;margin-top:.5rem}
figure svg{display:block;width:100%;height:auto}
figure .narrow{display:none}
.table{margin:0 0 2.6rem;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.86rem;line-height:1.4;font-variant-numeric:tabular-nums lining-nums}
caption{caption-side:bottom;padding-top:.7rem;max-width:46rem}
th,td{padding:.5rem .55rem;text-align:right;vertical-align:baseline;border-bottom:1px solid var(--grid)}
th{font-weight:600;color:var(--muted);vertical-align:bottom;border-bottom:1.5px solid var(--rule);hyphens:manual}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
td{white-space:nowrap}
td.words,th.words{text-align:left}
td.long{white-space:normal;min-width:8rem}
td.first{font-weight:600}
ul{padding-left:1.1rem}
li{margin:0 0 .5rem}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:.84em}
pre{background:var(--tint);border-radius:8px;padding:.9rem 1.1rem;overflow-x:auto;line-height:1.5;margin:0 0 1rem}
summary{cursor:pointer;color:var(--muted)}
details{margin:0 0 .7rem}
details[open] summary{margin-bottom:.6rem}
@media (max-width:46rem){
body{font-size:16px}
main{padding:1.8rem 1rem 3rem}
h1{font-size:1.6rem}
.short{padding:1rem 1rem .3rem;border-radius:10px}
figure .wide{display:none}
figure .narrow{display:block;max-width:30rem}
.table{overflow-x:visible}
table{display:flex;flex-direction:column}
caption{order:1}
tbody,tr,td,caption{display:block;width:100%}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{border-bottom:1px solid var(--rule);padding:.6rem 0}
td,td.words{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.14rem 0;text-align:right}
td::before{content:attr(data-label);color:var(--muted);text-align:left;flex:none;font-weight:400}
td.first{display:block;font-size:1.02rem;text-align:left}
td.first::before{content:none}
td.words,td.long{white-space:normal}
}
@media print{
:root{color-scheme:light;${face(0)}}
body{font-size:10.5pt}
main{max-width:none;padding:0}
h2{margin-top:1.6rem;break-after:avoid}
figure,.short,tr{break-inside:avoid}
figure .wide{display:block}
figure .narrow{display:none}
table{font-size:8.5pt}
pre{white-space:pre-wrap}
}
`
