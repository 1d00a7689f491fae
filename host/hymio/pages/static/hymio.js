// What a page does beyond being read: its charts, and the figures that come by themselves.
"use strict";

(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const charts = new Map();
  const PAPER = { "--ink": "#000", "--soft-ink": "#444", "--line": "#bbb", "--accent": "#1b5e8a", "--sheet": "#fff" };
  let isPaper = false;
  const colour = (name) => (isPaper ? PAPER[name] : css(name));

  // Charts

  function options(data) {
    const number = new Intl.NumberFormat(data.locale, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
    const whole = new Intl.NumberFormat(data.locale);
    const { words } = data;
    const seen = [...data.low, ...data.high, ...data.happy_index, ...data.expected_low, ...data.expected_high].filter((one) => one !== null);
    const floor = Math.max(0, Math.floor(Math.min(...seen, 90) / 10) * 10);
    const ink = colour("--ink");
    const soft = colour("--soft-ink");
    const line = colour("--line");
    const accent = colour("--accent");
    const small = 13 * Math.min(1.75, parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
    const span = (one, other) => one.map((low, at) => (low === null || other[at] === null ? null : other[at] - low));
    const area = (name, low, high, colour, opacity) => [
      { name: `${name} low`, type: "line", stack: name, data: low, symbol: "none", silent: true, lineStyle: { opacity: 0 } },
      {
        name, type: "line", stack: name, data: span(low, high), symbol: "none", silent: true, lineStyle: { opacity: 0 },
        areaStyle: { color: colour, opacity },
      },
    ];
    return {
      animation: !isStill.matches && !isPaper,
      animationDuration: 300,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: small },
      aria: { enabled: false },
      grid: [
        { left: 4, right: 12, top: 16, height: "64%", containLabel: true },
        { left: 4, right: 12, bottom: 4, height: "20%", containLabel: true },
      ],
      // As text, not as HTML: the policy of our pages lets no markup bring a style along.
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("--sheet"), borderColor: line,
        textStyle: { color: ink, fontSize: small },
        formatter: (points) => {
          const at = points[0].dataIndex;
          const lines = [data.labels[at]];
          if (data.happy_index[at] !== null) {
            lines.push(`${words.happy_index}: ${number.format(data.happy_index[at])}`);
          } else if (data.votes[at] === null) {
            lines.push(words.few);
          }
          if (data.expected_low[at] !== null) {
            lines.push(`${words.expected}: ${number.format(data.expected_low[at])}–${number.format(data.expected_high[at])}`);
          }
          if (data.votes[at] !== null) lines.push(`${words.votes}: ${whole.format(data.votes[at])}`);
          lines.push(...data.marks.filter((one) => one.at === at).map((one) => one.text));
          return lines.join("\n");
        },
      },
      axisPointer: { link: [{ xAxisIndex: "all" }] },
      xAxis: [0, 1].map((grid) => ({
        type: "category", gridIndex: grid, data: data.labels, boundaryGap: true, axisTick: { show: false },
        axisLabel: { show: grid === 0, color: soft, fontSize: small, hideOverlap: true, margin: 14, alignMaxLabel: "right" }, axisLine: { lineStyle: { color: line } },
      })),
      yAxis: [
        { type: "value", min: floor, max: 100, splitNumber: 4, axisLabel: { color: soft, fontSize: small }, splitLine: { lineStyle: { color: line } } },
        { type: "value", gridIndex: 1, splitNumber: 1, axisLabel: { color: soft, fontSize: small, hideOverlap: true }, splitLine: { show: false } },
      ],
      series: [
        ...area("usual", data.expected_low, data.expected_high, soft, 0.18),
        { name: words.expected, type: "line", data: data.expected, symbol: "none", silent: true, lineStyle: { color: soft, type: "dashed", width: 1.5 } },
        ...area("sure", data.low, data.high, accent, 0.22),
        {
          name: words.happy_index, type: "line", data: data.happy_index, symbolSize: data.labels.length > 40 ? 5 : 8, symbol: "circle",
          lineStyle: { color: accent, width: 2.5 }, itemStyle: { color: accent },
          markLine: {
            silent: true, symbol: "none", animation: false, label: { show: false }, lineStyle: { color: ink, type: "dotted", width: 1.5 },
            data: data.marks.map((one) => ({ xAxis: one.at })),
          },
        },
        { name: words.votes, type: "bar", xAxisIndex: 1, yAxisIndex: 1, data: data.votes, itemStyle: { color: soft, opacity: 0.55 } },
      ],
    };
  }

  function draw(within) {
    if (!window.echarts) return;
    for (const place of within.querySelectorAll("[data-chart]")) {
      const chart = charts.get(place) ?? echarts.init(place, null, { renderer: "canvas" });
      charts.set(place, chart);
      chart.setOption(options(JSON.parse(place.dataset.chart)), true);
    }
    for (const [place, chart] of charts) {
      if (!place.isConnected) {
        chart.dispose();
        charts.delete(place);
      }
    }
  }

  const redraw = () => draw(document);
  isDark.addEventListener("change", redraw);
  isStill.addEventListener("change", redraw);
  // On paper everything is light, and as wide as the sheet.
  addEventListener("beforeprint", () => {
    isPaper = true;
    for (const chart of charts.values()) chart.resize({ width: 660, height: 260 });
    redraw();
  });
  addEventListener("afterprint", () => {
    isPaper = false;
    for (const chart of charts.values()) chart.resize({ width: "auto", height: "auto" });
    redraw();
  });
  let later = 0;
  addEventListener("resize", () => {
    clearTimeout(later);
    later = setTimeout(() => {
      for (const chart of charts.values()) chart.resize();
    }, 100);
  });
  document.addEventListener("htmx:after:swap", redraw);

  // Figures by themselves

  const FIRST_PAUSE_MS = 500;
  const LONGEST_PAUSE_MS = 30000;
  const SILENCE_MS = 25000;
  const REST_EVERY_MS = 30000;

  function listen(state) {
    const now = document.getElementById("now");
    const gone = document.getElementById("gone");
    let after = state.dataset.after;
    let pause = FIRST_PAUSE_MS;
    let source = null;
    let silence = 0;
    let restAt = Date.now();
    let restDue = 0;

    const say = (words, name) => {
      state.hidden = false;
      state.dataset.state = name;
      if (state.textContent !== words) state.textContent = words;
    };
    const alive = () => {
      pause = FIRST_PAUSE_MS;
      gone.hidden = true;
      say(state.dataset.on, "on");
      clearTimeout(silence);
      silence = setTimeout(lost, SILENCE_MS);
    };
    const lost = () => {
      clearTimeout(silence);
      source?.close();
      source = null;
      if (state.dataset.state !== "off") {
        const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" }).format(new Date());
        say(state.dataset.off.replace("{clock}", clock), "off");
      }
      gone.hidden = false;
      // Not all at the same moment, when a server comes back to many.
      setTimeout(open, pause * (0.5 + Math.random()));
      pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
    };
    const open = () => {
      if (source || document.hidden) return;
      source = new EventSource(`${state.dataset.live}&after=${encodeURIComponent(after)}`);
      source.addEventListener("open", alive);
      source.addEventListener("alive", alive);
      source.addEventListener("error", lost);
      source.addEventListener("over", () => location.reload());
      source.addEventListener("figures", (event) => {
        alive();
        after = event.lastEventId;
        htmx.swap({ text: event.data, target: now, swap: "innerMorph" });
        clearTimeout(restDue);
        restDue = setTimeout(rest, Math.max(0, restAt + REST_EVERY_MS - Date.now()));
      });
    };
    // All other figures take longer to work out, and change little with one press.
    const rest = () => {
      restAt = Date.now();
      const old = document.getElementById("rest");
      if (!old || old.contains(document.activeElement) || old.querySelector("details[open]")) return;
      const url = new URL(location.href);
      url.searchParams.set("part", "rest");
      htmx.ajax("GET", url.pathname + url.search, { target: "#rest", swap: "outerHTML" });
    };
    // Nobody looks: a phone in a pocket need not listen.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        clearTimeout(silence);
        source?.close();
        source = null;
      } else {
        open();
      }
    });
    say(state.dataset.wait, "wait");
    open();
  }

  document.addEventListener("DOMContentLoaded", () => {
    redraw();
    for (const slider of document.querySelectorAll("input[data-shows]")) {
      const number = new Intl.NumberFormat(document.documentElement.lang);
      const shown = document.getElementById(slider.dataset.shows);
      slider.addEventListener("input", () => { shown.textContent = number.format(slider.value); });
    }
    const state = document.getElementById("live");
    if (state) listen(state);
  });
})();
