// The flash as a ring: a wedge for each sector, a cell for each slot, filled clockwise.

const SVG = "http://www.w3.org/2000/svg";
const ROWS = 7; // 252 slots of a sector: 36 columns of 7
const INNER = 44;
const OUTER = 98;
const VOTES = "1234";
const PRESSES = VOTES + "rmhsoptaF";
const FEW = 20;
const GAP = 0.05; // between two sectors, in radians

function point(radius, angle) {
  return `${(radius * Math.sin(angle)).toFixed(2)} ${(-radius * Math.cos(angle)).toFixed(2)}`;
}

function wedge(inner, outer, from, to) {
  const large = to - from > Math.PI ? 1 : 0;
  return (
    `M${point(inner, from)}L${point(outer, from)}A${outer} ${outer} 0 ${large} 1 ${point(outer, to)}` +
    `L${point(inner, to)}A${inner} ${inner} 0 ${large} 0 ${point(inner, from)}Z`
  );
}

function path(parent, d, name) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("d", d);
  made.setAttribute("class", name);
  parent.append(made);
  return made;
}

export class Ring {
  /** Draws into the element svg. `slots`: of a sector. */
  constructor(svg, sectors, slots) {
    this.slots = slots;
    this.sectors = [];
    svg.replaceChildren();
    const share = (2 * Math.PI) / sectors;
    const columns = Math.ceil(slots / ROWS);
    const thick = (OUTER - INNER) / ROWS;
    for (let place = 0; place < sectors; place++) {
      const from = place * share + GAP / 2;
      const step = (share - GAP) / columns;
      const group = document.createElementNS(SVG, "g");
      svg.append(group);
      const back = path(group, wedge(INNER - 2, OUTER + 2, from - 0.01, from + share - GAP + 0.01), "sector");
      const cells = [];
      for (let slot = 0; slot < slots; slot++) {
        const angle = from + Math.floor(slot / ROWS) * step;
        const inner = INNER + (slot % ROWS) * thick;
        cells.push(path(group, wedge(inner + 0.4, inner + thick - 0.4, angle + step * 0.08, angle + step * 0.92), "cell v-blank"));
      }
      this.sectors.push({ group, back, cells, drawn: "", state: "blank", seq: null, letters: "" });
    }
  }

  /** Shows what has changed; gives the sectors that have been erased: {place, unsent: press records not acknowledged}. */
  show(changes, ackedSeq, nextSeq) {
    const erased = [];
    for (const change of changes) {
      const sector = this.sectors[change.place];
      if (sector.state === "used" && (change.state !== "used" || change.seq !== sector.seq)) {
        const first = sector.seq * this.slots;
        const unsent = [...sector.letters].filter((letter, slot) => PRESSES.includes(letter) && first + slot > ackedSeq);
        erased.push({ place: change.place, unsent: unsent.length });
        sector.group.classList.remove("erasing");
        sector.group.getBoundingClientRect(); // so that the animation begins anew
        sector.group.classList.add("erasing");
      }
      Object.assign(sector, { state: change.state, seq: change.seq, letters: change.slots });
    }
    for (const sector of this.sectors) {
      const first = sector.seq === null ? Infinity : sector.seq * this.slots;
      sector.group.classList.toggle("open", first <= nextSeq && nextSeq < first + this.slots);
      sector.group.classList.toggle("given-up", sector.state === "given-up");
      const acked = Math.max(0, Math.min(this.slots, ackedSeq + 1 - first));
      const drawn = `${acked} ${sector.letters}`;
      if (drawn !== sector.drawn) {
        this.#draw(sector, acked);
        sector.drawn = drawn;
      }
    }
    return erased;
  }

  #draw(sector, acked) {
    const fresh = [];
    sector.cells.forEach((cell, slot) => {
      const letter = sector.letters[slot] ?? ".";
      const kind = letter === "." ? "blank" : letter;
      const name = `cell v-${kind}${slot < acked && kind !== "blank" ? " acked" : ""}`;
      const before = cell.getAttribute("class");
      if (before === name) return;
      if (before.includes("v-blank") && kind !== "blank") fresh.push(cell);
      cell.setAttribute("class", name);
    });
    // What was there before the visitor came does not flash up.
    if (fresh.length <= FEW && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      for (const cell of fresh) cell.animate([{ stroke: "var(--accent)", strokeWidth: 4 }, {}], 1200);
    }
  }
}

/** How many slots of a sector are votes, other presses, other records, and free. */
export function counts(letters, slots) {
  const found = { votes: 0, presses: 0, records: 0, free: slots - letters.length };
  for (const letter of letters) {
    if (VOTES.includes(letter)) found.votes++;
    else if (PRESSES.includes(letter)) found.presses++;
    else found.records++;
  }
  return found;
}
