"""The style sheet of the page: one column on phones, two beside each other on wide windows."""

STYLE = """
:root {
  --paper: #f6f6f4; --card: #ffffff; --ink: #22242a; --soft: #666a73; --line: #dcdde1;
  --accent: #2f6fb3; --grid: #00000012; --prior: #00000026; --plain: #2f6fb3; --here: #d6245f;
}
.body--dark {
  --paper: #14161a; --card: #1d2026; --ink: #e8e9ec; --soft: #a3a8b3; --line: #343842;
  --accent: #7fb2ea; --grid: #ffffff14; --prior: #ffffff30; --plain: #7fb2ea; --here: #ff7aa5;
}
body, body.body--dark { background: var(--paper); color: var(--ink); }
.nicegui-content { padding: 0; gap: 0; align-items: stretch; }
.q-slider__thumb, .q-slider__selection, .q-toggle__inner--truthy { color: var(--accent); }
.explorer-head { display: flex; align-items: baseline; gap: .9rem; padding: .7rem 1.2rem .3rem;
        flex-wrap: wrap; }
.explorer-head h1 { font-size: 1.15rem; font-weight: 650; line-height: 1.4; margin: 0; }
.explorer-head .about { color: var(--soft); font-size: .88rem; flex: 1 1 12rem; }
.explorer { display: grid; grid-template-columns: minmax(20rem, 26rem) minmax(0, 1fr);
            gap: 1rem; padding: .5rem 1.2rem 2rem; width: 100%; max-width: 84rem; }
.side { display: flex; flex-direction: column; gap: 1rem; min-width: 0; }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
        padding: .8rem .9rem; min-width: 0; }
.q-btn-toggle .q-btn:not(.text-primary) { color: var(--soft); }
.panel h2 { font-size: .82rem; font-weight: 600; line-height: 1.4; margin: 0; color: var(--soft); }
.panel-head { display: flex; align-items: center; gap: .6rem; flex-wrap: wrap;
               justify-content: space-between; margin-bottom: .5rem; min-height: 2rem; }
.shown { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; align-items: start; }
.shown.alone { grid-template-columns: minmax(0, 1fr); }
.shown.alone .pixels { max-width: 16rem; margin: 0 auto; }
.shown figure { margin: 0; min-width: 0; }
.shown figcaption { font-size: .8rem; color: var(--soft); padding-top: .25rem; min-height: 1.3rem; }
.pixels { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.drawing { display: block; width: 100%; height: auto; }
.line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round;
        stroke-linecap: round; vector-effect: non-scaling-stroke; }
rect.bar { fill: var(--accent); }
.line.dot { fill: var(--accent); }
.tick { fill: var(--soft); font-size: 11px; font-family: inherit; }
.tick.middle { text-anchor: middle; }
.scroll { max-height: 24rem; overflow-y: auto; }
table.fields { border-collapse: collapse; width: 100%; font-size: .88rem; }
table.fields th { text-align: left; font-weight: 400; color: var(--soft);
               padding: .12rem .6rem .12rem 0; overflow-wrap: anywhere; }
table.fields td { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.fields td.bar { width: 38%; padding-left: .6rem; }
table.fields td.bar span { display: block; height: .55rem; border-radius: 3px; min-width: 2px;
                        background: var(--accent); }
.axis { display: grid; grid-template-columns: 6.2rem minmax(0, 1fr) 3.4rem; align-items: center;
        gap: .7rem; min-height: 2.25rem; }
.axis .name { font-size: .86rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.axis .value { font-size: .86rem; text-align: right; font-variant-numeric: tabular-nums; }
.plane { cursor: crosshair; border-radius: 6px; overflow: hidden;
   touch-action: pan-y; background: var(--paper); border: 1px solid var(--line); width: 100%;
   max-width: 40rem; margin: 0 auto; }
.plane:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
/* A layer of its own: a mark that moves does not redraw the points below. */
.nicegui-interactive-image-layer { will-change: transform; }
.grid { stroke: var(--grid); fill: none; }
.dots { fill: none; stroke: var(--c, var(--plain)); stroke-width: 62; stroke-linecap: round;
        stroke-opacity: .85; }
.dots.of-prior { stroke: var(--prior); stroke-width: 40; }
.shades { image-rendering: auto; }
.body--dark .shades { filter: invert(1); }
.contour { fill: none; stroke: var(--ink); stroke-opacity: .45; stroke-width: 1; }
.here { fill: none; stroke: var(--here); stroke-width: 3.5; }
.here.rim { stroke: var(--card); stroke-width: 8; }
.near { fill: none; stroke: var(--ink); stroke-width: 1.4; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem .8rem; align-items: center; font-size: .8rem;
          color: var(--soft); padding-top: .5rem; }
.legend .title { font-weight: 600; }
.legend i { background: var(--c); }
.key { display: inline-flex; align-items: center; gap: .35rem; }
.key i { width: .65rem; height: .65rem; border-radius: 50%; display: inline-block; }
.ramp { display: inline-flex; height: .6rem; border-radius: 3px; overflow: hidden; }
.ramp i { width: 5px; height: 100%; display: inline-block; }
.tiles { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: .6rem; }
.tile { all: unset; box-sizing: border-box; cursor: pointer; border-radius: 6px; padding: .25rem;
        border: 1px solid transparent; display: block; min-width: 0; }
.tile:hover { border-color: var(--line); }
.tile:focus-visible { outline: 2px solid var(--accent); }
.tile .note { font-size: .74rem; color: var(--soft); padding-top: .2rem; overflow: hidden;
              text-overflow: ellipsis; white-space: nowrap; }
.hint { color: var(--soft); font-size: .8rem; }
.failure { color: var(--here); font-size: .85rem; }
.failure:empty { display: none; }
@media (min-width: 900px) {
  .side:first-child { position: sticky; top: .5rem; align-self: start; max-height: 98vh;
                      overflow-y: auto; }
}
@media (max-width: 899px) {
  .explorer { grid-template-columns: minmax(0, 1fr); padding: .4rem .7rem 2rem; gap: .7rem; }
  .side { display: contents; }
  .explorer-head { padding: .6rem .9rem .1rem; }
  .picture { position: sticky; top: 0; z-index: 5; order: 0; box-shadow: 0 2px 10px #0003; }
  .sliders { order: 1; } .map { order: 2; width: 100%; } .near-panel { order: 3; }
  .samples { order: 4; }
  .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .plane .tick { font-size: 19px; }
  .shown.alone .pixels { max-width: 9rem; }
  .shown { max-width: 22rem; margin: 0 auto; }
  .picture .drawing { max-height: 9rem; }
  .picture .scroll { max-height: 11rem; }
}
"""
