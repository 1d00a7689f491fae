// A screen on a wall: what is new comes by itself; what was last known stays, and says since when, for days if need be.

const wall = document.getElementById("wall");
const now = document.getElementById("now");
const live = document.getElementById("live");
const lang = document.documentElement.lang;
const here = location.pathname;
const KEPT = `hymio ${here}`;
const QUIET_MS = 25000; // the server says that it is there every 10 s
const BROKEN_MS = 3000; // a proxy may end a connection, and the next one is there at once
const zone = { timeZone: wall.dataset.zone };
const dayOf = new Intl.DateTimeFormat("en-CA", { ...zone, year: "numeric", month: "2-digit", day: "2-digit" });
const dayShown = new Intl.DateTimeFormat(lang, { ...zone, weekday: "long", day: "numeric", month: "long" });
const momentShown = new Intl.DateTimeFormat(lang, { ...zone, weekday: "long", hour: "2-digit", minute: "2-digit" });

let heard = 0; // when the server was last heard, in milliseconds of 1970
let broken = Infinity; // since when there is no connection

const asOf = () => Number(now.querySelector("[data-as-of]").dataset.asOf);

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ html: now.innerHTML, heard, asOf: asOf() }));
  } catch {
    // a browser that keeps nothing shows what is in its window
  }
}

function tell() {
  const isLive = Date.now() - heard < QUIET_MS && Date.now() - broken < BROKEN_MS;
  live.textContent = isLive ? wall.dataset.live : wall.dataset.lost.replace("{moment}", momentShown.format(heard));
  live.classList.toggle("lost", !isLive);
  const title = now.querySelector("[data-day]");
  if (title.dataset.day !== dayOf.format(Date.now())) {
    // "Today" is over, and nobody has told us of another day.
    title.textContent = wall.dataset.day.replace("{day}", dayShown.format(new Date(`${title.dataset.day}T12:00Z`)));
  }
}

function hear() {
  heard = Date.now();
  broken = Infinity;
  keep();
  tell();
}

async function forget() {
  localStorage.removeItem(KEPT);
  for (const name of await (globalThis.caches?.keys() ?? [])) await caches.delete(name);
  location.reload();
}

function listen() {
  const source = new EventSource(`${here}/live${location.search}`);
  source.addEventListener("now", (event) => {
    now.innerHTML = event.data;
    hear();
  });
  source.addEventListener("alive", hear);
  source.addEventListener("over", () => {
    source.close();
    forget();
  });
  source.addEventListener("error", () => {
    broken = Math.min(broken, Date.now());
    // A browser gives up where an answer is no stream, as a proxy's is while the server is away.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
  });
}

const before = kept();
heard = 1000 * asOf();
if (before && before.asOf > asOf()) now.innerHTML = before.html; // the page came from the worker, and is older
if (before) heard = Math.max(heard, before.heard);
listen();
setInterval(tell, 1000);

// Without network even a screen that is switched on again has its last picture. (Browsers want TLS for that, or this
// very computer.)
if (navigator.serviceWorker) {
  navigator.serviceWorker.register("/wall/worker.js").then(async () => {
    const files = performance.getEntriesByType("resource").map((one) => one.name).filter((one) => one.includes("/static/"));
    const images = [...document.images].map((one) => one.src);
    await (await caches.open("wall")).addAll([...new Set([location.href, ...files, ...images])]);
  }).catch(() => {});
}
