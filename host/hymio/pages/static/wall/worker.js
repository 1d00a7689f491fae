// What a wall display shows without network: its page and files as they came last.

const ANY = { ignoreVary: true }; // a script asks for the page otherwise than who opens it, and gets the same

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || pathname.endsWith("/live")) return;
  event.respondWith(pathname.startsWith("/static/") ? fromKept(event.request) : fromServer(event.request));
});

// Their names hold what is in them, so what is kept is right.
async function fromKept(request) {
  return (await caches.match(request, ANY)) ?? fromServer(request);
}

async function fromServer(request) {
  const kept = await caches.open("wall");
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    else if (answer.status === 404) await kept.delete(request, ANY); // the link was revoked
    if (answer.status < 500) return answer;
    return (await kept.match(request, ANY)) ?? answer;
  } catch (error) {
    const last = await kept.match(request, ANY);
    if (last) return last;
    throw error;
  }
}
