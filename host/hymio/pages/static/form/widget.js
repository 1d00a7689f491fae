// Puts the form of a place into somebody's web page, as a frame of our server: the page sees nothing of what is said
// in it. <script src="https://feedback.example/widget.js" data-place="till-1" async></script>

(() => {
  const script = document.currentScript;
  const { place, organisation, lang, title } = script.dataset;
  const server = new URL(script.src).origin;
  const path = [organisation, place].filter(Boolean).map(encodeURIComponent).join("/");
  const frame = document.createElement("iframe");
  frame.src = `${server}/f/${path}?framed=1${lang ? `&lang=${encodeURIComponent(lang)}` : ""}`;
  frame.title = title ?? "Feedback";
  frame.referrerPolicy = "no-referrer";
  // By the object model: the page's policy may forbid styles in attributes.
  Object.assign(frame.style, { width: "100%", border: "0", height: "30rem", colorScheme: "normal" });
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== server) return;
    const height = Number(data?.hymio);
    if (height > 0) frame.style.height = `${Math.min(height, 5000)}px`;
  });
  script.after(frame);
})();
