// The explorer's words, switches, events and downloads.

const percent = (v) => `${(100 * v).toFixed(v < 0.0995 ? 1 : 0)} %`;
const nameOfCell = ({ r, c }, { layers, heads }) =>
  `${r === layers ? "mean over layers" : `Layer ${r + 1}`}, ${c === heads ? "mean over heads" : `head ${c + 1}`}`;

// Everything that changes with the state or the data, not with the pointer.
function furnish(x) {
  const { header, state, find } = x;
  for (const group of x.root.querySelectorAll("[data-state]")) {
    const value = state[group.dataset.state] ?? "";
    for (const button of group.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.value === value));
    }
  }
  const press = (name, on) => find(`[data-do="${name}"]`).setAttribute("aria-pressed", String(on));
  press("rollout", state.map === "rollout");
  press("overlay", state.overlay);
  press("brush", x.brushing);
  find('[data-do="clear"]').hidden = !state.mask;
  find('[data-do="cls"]').hidden = !header.first;
  for (const name of ["rollout", "file"]) find(`[data-do="${name}"]`).hidden = header.only !== null;
  find(".xp-name").textContent = header.name;
  x.root.classList.toggle("brushing", x.brushing);
  answer(x);
  const scrub = find(".xp-scrub");
  scrub.hidden = header.snapshots.length < 2;
  const range = find(".xp-scrub input");
  range.max = header.snapshots.length - 1;
  const at = header.snapshots.findIndex((s) => s.step === state.snapshot);
  range.value = at < 0 ? range.max : at;
  const label = header.snapshots[range.value]?.label ?? "";
  find(".xp-step").textContent = label;
  range.setAttribute("aria-valuetext", label);
  const button = find('[data-do="play"]');
  button.textContent = x.playing ? "Pause" : "Play";
}

// The likeliest classes; with something painted over, what they were before.
function answer(x) {
  const { header } = x;
  const place = x.find(".xp-answer");
  place.replaceChildren();
  const order = header.chances.map((v, i) => [v, i]).sort((a, b) => b[0] - a[0]);
  for (const [chance, i] of order.slice(0, 4)) {
    const row = document.createElement("div");
    row.className = "xp-class";
    const [name, track, number] = ["span", "span", "span"].map((tag) => row.appendChild(document.createElement(tag)));
    name.textContent = header.classes[i] + (i === header.truth ? " (true)" : "");
    name.className = i === header.truth ? "true" : "";
    track.className = "track";
    const fill = track.appendChild(document.createElement("i"));
    fill.style.width = `${100 * chance}%`;
    fill.style.background = header.hue;
    number.textContent = percent(chance);
    if (header.before) {
      const was = track.appendChild(document.createElement("u"));
      was.style.left = `${100 * header.before[i]}%`;
      was.title = "before painting";
      number.textContent += ` (was ${percent(header.before[i])})`;
    }
    place.appendChild(row);
  }
}

// What stands beside the maps, and what a screen reader says.
function describe(x) {
  const { header, state, find, shownMaps: maps } = x;
  const token = (t) => tokenName(t, header);
  const keys = state.direction === "keys";
  const what = x.comparing
    ? `A (${token(state.query)}) minus B (${token(state.second)})`
    : keys ? `Who looks at ${token(x.shown)}?` : `Where ${token(x.shown)} looks`;
  find(".xp-what").textContent = what;
  const top = (v) => (v >= 0.01 ? v.toFixed(3) : v.toPrecision(2));
  const shared = state.scale === "shared";
  const end = shared ? top(x.tops[0]) : `maximum of its ${state.scale}`;
  const ends = x.comparing ? ["B more", `±${shared ? "" : " "}${end}`, "A more"] : shared ? ["0", "one scale for all maps", end] : ["0", end];
  find(".xp-ends").replaceChildren(...ends
    .map((words) => Object.assign(document.createElement("span"), { textContent: words })));
  const cell = nameOfCell(x.cell, header);
  find(".xp-which").textContent = (x.rollout ? "Rollout through all layers" : cell) + (x.twin ? ": A and " + (x.hover !== null ? "pointer" : "B") : "");
  const first = x.values[0];
  const best = first.reduce((a, v, i) => (v > first[a] ? i : a), 0);
  const at = x.pointed ?? best;
  const where = token(at + header.first);
  const value = x.values.map((v) => top(v[at])).join(" and ");
  const mass = header.first ? maps.mass[x.cell.r * maps.columns + x.cell.c] : null;
  const onto = `${x.pointed === null ? "Largest weight" : "Weight"} ${value} ${keys ? "from" : "at"} ${where}.`;
  const onCls = header.first && !x.rollout ? ` ${keys ? "From" : "On"} CLS: ${percent(mass)}${x.comparing ? " more" : ""}.` : "";
  find(".xp-read").textContent = onto + onCls;
  const hint = header.only === null ? "Hover a patch; click pins it." : "So many tokens: click a patch to ask for its maps.";
  find(".xp-mass").textContent = header.only !== null || (x.hover === null && state.query === null) ? hint : "";
  const summary = `${what}. ${x.rollout ? "Rollout" : cell}. ${onto}${onCls}`;
  x.canvas.image.setAttribute("aria-label", `${header.name}, with its patches. ${summary}`);
  x.canvas.grid.setAttribute("aria-label", `${what}, in ${header.layers} layers of ${header.heads} heads`);
  x.canvas.large.forEach((c, i) => c.setAttribute("aria-label", `${x.rollout ? "Rollout" : cell}, ${token(x.tokens[i] ?? x.shown)}`));
  x.canvas.plot.setAttribute("aria-label", `Mean attention distance and entropy of every head. ${cell}`);
  clearTimeout(x.speaker);
  x.speaker = setTimeout(() => (find(".xp-live").textContent = summary), 500);
  x.root.dataset.shown = x.comparing ? "difference" : tokenText(x.shown, header);
  x.root.dataset.cell = `${x.cell.r + 1}.${x.cell.c + 1}`;
  x.root.dataset.frame = header.key;
}

function listen(x) {
  const { root, canvas, find } = x;
  const inside = (event, element) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, box.width];
  };
  const unit = (event, element, count) => {
    const [px, py, wide] = inside(event, element);
    const place = (v) => Math.max(0, Math.min(count - 1, Math.floor((v / wide) * count)));
    return place(py) * count + place(px);
  };
  const ready = (act) => (event) => x.frame && act(event);

  canvas.image.addEventListener("pointermove", ready((event) => {
    if (x.painting) return brush(x, event, inside(event, canvas.image));
    const token = x.brushing ? null : unit(event, canvas.image, x.header.side) + x.header.first;
    if (token !== x.hover) (x.hover = token), x.schedule();
  }));
  canvas.image.addEventListener("pointerleave", ready(() => ((x.hover = null), x.schedule())));
  canvas.image.addEventListener("pointerdown", ready((event) => {
    if (!x.brushing) return;
    x.painting = true;
    canvas.image.setPointerCapture(event.pointerId);
    brush(x, event, inside(event, canvas.image));
  }));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.image.addEventListener(end, ready(() => {
      if (!x.painting) return;
      x.painting = false;
      x.set({ mask: maskText(x.mask, x.header.stem) }, { ask: true });
    }));
  }
  canvas.image.addEventListener("click", ready((event) => {
    if (!x.brushing) x.pin(unit(event, canvas.image, x.header.side) + x.header.first);
  }));

  const same = (a, b) => a?.r === b?.r && a?.c === b?.c;
  const point = (cell) => !same(cell, x.over) && ((x.over = cell), x.schedule());
  const choose = (cell) => cell && x.set({ layer: cell.r, head: cell.c, map: "head" });
  const cellOf = (event) => cellUnder(x.plan, x.maps, ...inside(event, canvas.grid));
  const dotOf = (event) => dotUnder(x.plot, x.header, ...inside(event, canvas.plot));
  canvas.grid.addEventListener("pointermove", ready((event) => point(cellOf(event))));
  canvas.grid.addEventListener("click", ready((event) => choose(cellOf(event))));
  canvas.plot.addEventListener("pointermove", ready((event) => point(dotOf(event))));
  canvas.plot.addEventListener("click", ready((event) => choose(dotOf(event))));
  for (const element of [canvas.grid, canvas.plot]) element.addEventListener("pointerleave", ready(() => point(null)));
  for (const element of canvas.large) {
    element.addEventListener("pointermove", ready((event) => ((x.pointed = unit(event, element, x.header.side)), x.schedule())));
    element.addEventListener("pointerleave", ready(() => ((x.pointed = null), x.schedule())));
  }

  const actions = {
    cls: () => x.set({ query: x.state.query === 0 ? null : 0, second: null }, { ask: x.header.only !== null }),
    rollout: () => x.set({ map: x.state.map === "rollout" ? "head" : "rollout" }),
    overlay: () => x.set({ overlay: !x.state.overlay }),
    brush: () => ((x.brushing = !x.brushing), (x.hover = null), furnish(x), x.schedule()),
    clear: () => (x.mask.fill(0), x.set({ mask: null }, { ask: true })),
    play: () => play(x, !x.playing),
    link: () => copyLink(x),
    png: () => save(x, "png"),
    svg: () => save(x, "svg"),
    file: () => x.ask("file"),
  };
  root.addEventListener("click", ready((event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.do) return actions[button.dataset.do]();
    const name = button.closest("[data-state]").dataset.state;
    x.set({ [name]: button.dataset.value || null }, { ask: ASKING.includes(name) });
  }));
  find(".xp-scrub input").addEventListener("input", ready((event) => {
    const { step } = x.header.snapshots[Number(event.target.value)];
    play(x, false);
    x.set({ snapshot: step }, { ask: true });
  }));
  x.press = ready((event) => press(x, event, actions));
  new ResizeObserver(() => x.schedule()).observe(root);
  onTheme(root, () => x.schedule());
}

// Keys, while the pointer is over the explorer or the focus in it. Taken before Streamlit's own `r` and `c`.
function press(x, event, actions) {
  const focused = document.activeElement;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(focused?.tagName)) return;
  if (!x.root.matches(":hover") && !x.root.contains(focused)) return;
  const { header, state } = x;
  if (header.talk && event.key.startsWith("Arrow")) return; // the speaker's: to the next step
  const cycle = (v, by, count) => (v + by + count + 1) % (count + 1);
  const move = (dx, dy) => {
    const { side, first } = header;
    const from = state.query === null || state.query < first ? first + Math.floor(side / 2) * (side + 1) : state.query;
    const fresh = state.query === null || state.query < first;
    const row = Math.floor((from - first) / side), column = (from - first) % side;
    const keep = (v) => Math.max(0, Math.min(side - 1, v));
    const to = first + keep(row + (fresh ? 0 : dy)) * side + keep(column + (fresh ? 0 : dx));
    x.hover = null;
    x.set({ query: to, second: to === state.second ? null : state.second }, { ask: header.only !== null });
  };
  const keys = {
    ArrowLeft: () => move(-1, 0), ArrowRight: () => move(1, 0), ArrowUp: () => move(0, -1), ArrowDown: () => move(0, 1),
    "[": () => x.set({ layer: cycle(state.layer, -1, header.layers), map: "head" }),
    "]": () => x.set({ layer: cycle(state.layer, 1, header.layers), map: "head" }),
    ",": () => x.set({ head: cycle(state.head, -1, header.heads), map: "head" }),
    ".": () => x.set({ head: cycle(state.head, 1, header.heads), map: "head" }),
    c: () => header.first && x.set({ query: 0, second: null }, { ask: header.only !== null }),
    r: () => header.only === null && actions.rollout(),
    o: actions.overlay, b: () => header.alone || actions.brush(),
    Escape: () => x.clear(),
  };
  const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
  if (!act) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  x.over = null;
  act();
}

function brush(x, event, [px, py, wide]) {
  const { size } = x.header;
  const reach = Math.max(0.5, (BRUSH * size) / 2), cx = (px / wide) * size, cy = (py / wide) * size;
  for (let y = 0; y < size; y++) {
    for (let i = 0; i < size; i++) {
      if (Math.abs(i + 0.5 - cx) <= reach && Math.abs(y + 0.5 - cy) <= reach) x.mask[y * size + i] = 1;
    }
  }
  x.schedule();
}

function say(x, words) {
  x.find(".xp-live").textContent = words;
  x.find(".xp-compare").textContent = words;
  setTimeout(() => (x.find(".xp-compare").textContent = ""), 4000);
}

async function copyLink(x) {
  const own = x.header.own ? " Your own image is not part of it." : "";
  try {
    await navigator.clipboard.writeText(window.location.href);
    say(x, `The link is copied.${own}`);
  } catch {
    say(x, `Copy the address of this page.${own}`);
  }
}

// The three pictures beside each other, at three times the screen's size (PNG) or as vectors (SVG).
function save(x, format) {
  const side = 320, gap = 24, top = 34, { plan } = x;
  const width = side + plan.width + side * 0.8 + 2 * gap + 24, height = top + Math.max(side, plan.height) + 40;
  const type = { ...x.type, colour: x.look.text };
  const parts = [
    [12, x.header.name, (q) => drawPicture(q, x, side)],
    [12 + side + gap, x.find(".xp-what").textContent, (q) => drawGrid(q, { ...x, maps: x.shownMaps }, plan)],
    [12 + side + 2 * gap + plan.width, x.find(".xp-which").textContent, (q) => drawLarge(q, x, x.large[0], side * 0.8, x.tokens[0], null)],
  ];
  const scale = [...x.find(".xp-ends").children].map((e) => e.textContent).join(" … ");
  const foot = `${x.header.run}${x.header.step ? `, ${x.header.step}` : ""}. Attention weights: ${scale}. ViT Lab.`;
  return savePainted(format, fileStem(`attention ${x.header.run}`), [width, height], x.look.ground, (p) => {
    for (const [left, title, draw] of parts) {
      p.text(title, left, 18, { ...type, size: 13, weight: 600 });
      p.moved(left, top, draw);
    }
    p.text(foot, 12, height - 16, { ...type, size: 12 });
  });
}
