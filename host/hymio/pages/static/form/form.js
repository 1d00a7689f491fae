// The visitor's form: an answer is kept on the phone first, then sent, and again until it has arrived. Each form has an
// id of the server's, so it counts once. Without this script the browser sends the form by itself.

const KEPT = "hymio answers";
const FIRST_MS = 2000;
const LONGEST_MS = 60000;
const MOST = 20; // answers that wait; more is nobody's

let pause = FIRST_MS;
let timer;
let isSending = false;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]");
  } catch {
    return []; // a browser that keeps nothing
  }
}

const keep = (all) => localStorage.setItem(KEPT, JSON.stringify(all.slice(-MOST)));

async function show(answer) {
  const other = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = document.getElementById("main");
  main.replaceWith(document.adoptNode(other.getElementById("main")));
  document.title = other.title;
  document.getElementById("main").focus();
}

// Sends what waits, the oldest first. What the server has read, whatever it says of it, waits no more.
async function send() {
  if (isSending) return;
  isSending = true;
  clearTimeout(timer);
  try {
    for (let one; (one = kept()[0]); pause = FIRST_MS) {
      const age = Math.max(0, (Date.now() - one.at) / 1000);
      const answer = await fetch(one.url, {
        method: "POST",
        headers: { Accept: "text/html", "Content-Type": "application/x-www-form-urlencoded" },
        body: `${one.body}&age=${age}`,
      });
      if (answer.status === 429 || answer.status >= 500) throw new Error(answer.statusText);
      keep(kept().filter((other) => other.body !== one.body));
      if (document.querySelector("form [name=id]")?.value === one.id) await show(answer);
    }
    document.getElementById("kept").hidden = true;
  } catch {
    const button = document.querySelector("form button");
    if (button?.disabled) document.getElementById("kept").hidden = false;
    timer = setTimeout(send, pause);
    pause = Math.min(2 * pause, LONGEST_MS);
  }
  isSending = false;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const id = form.elements.id.value;
  const body = new URLSearchParams(new FormData(form)).toString();
  try {
    keep([...kept().filter((one) => one.id !== id), { url: form.action, id, body, at: Date.now() }]);
  } catch {
    return; // the browser sends it by itself
  }
  event.preventDefault();
  form.querySelector("button").disabled = true;
  pause = FIRST_MS;
  send();
});

// A page that the browser has kept would have the id of the form before.
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("online", send);
document.addEventListener("visibilitychange", () => document.hidden || send());
if (kept().length) send();

// In somebody's web page: how high we are, for the script that has put us there.
if (parent !== window) {
  const tell = () => parent.postMessage({ hymio: document.documentElement.scrollHeight }, "*");
  new ResizeObserver(tell).observe(document.body);
}
