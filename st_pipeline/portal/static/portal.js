// Optional extras; pages work without them: local times, live updates, filter-as-you-type, form previews.
"use strict";
(() => {
  const DEBOUNCE = 250; // milliseconds after the last key

  function nameOf(zone, at) {
    // Only American English has short names for American zones.
    const words = zone.startsWith("America/") || zone.startsWith("US/") ? "en-US" : undefined;
    const parts = new Intl.DateTimeFormat(words, { timeZone: zone, timeZoneName: "short" }).formatToParts(at);
    return parts.find((part) => part.type === "timeZoneName").value;
  }

  // <time datetime data-zone>: shown in the reader's zone and locale, followed by the tenant's zone if it differs.
  function localTimes(root) {
    for (const time of root.querySelectorAll("time[data-zone]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const clock = { hour: "numeric", minute: "2-digit" };
      const day = { day: "numeric", month: "short", ...clock };
      if (at.getFullYear() !== new Date().getFullYear()) day.year = "numeric";
      const write = (zone, parts) => new Intl.DateTimeFormat(undefined, { ...parts, timeZone: zone }).format(at);
      const theirs = time.dataset.zone;
      try {
        const mine = write(undefined, day);
        if (mine !== write(theirs, day)) {
          const date = { day: "numeric", month: "short" };
          const other = document.createElement("small");
          other.textContent = `${write(theirs, write(undefined, date) === write(theirs, date) ? clock : day)} ${nameOf(theirs, at)}`;
          time.replaceChildren(mine, " ", other);
        } else {
          time.textContent = mine;
        }
      } catch { /* this browser does not know the zone: keep the server's text */ }
      time.dataset.local = "";
    }
  }

  async function fetchPart(address, id) {
    const answer = await fetch(address, { headers: { "X-Live": "1" }, credentials: "same-origin" });
    if (answer.status === 401) { location.reload(); return null; }
    if (!answer.ok) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.getElementById(id);
  }

  function replacePart(old, fresh) {
    if (!fresh || !old.isConnected) return;
    localTimes(fresh);
    for (const opened of old.querySelectorAll("details[id][open]")) {
      const same = fresh.querySelector(`#${CSS.escape(opened.id)}`);
      if (same) same.open = true;
    }
    if (old.innerHTML === fresh.innerHTML) return;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    // The live part has finished, so the rest of the page is outdated: load the page it points to.
    if (old.dataset.done && !fresh.dataset.live) { location.assign(old.dataset.done); return; }
    const place = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href") && `[href="${CSS.escape(focused.getAttribute("href"))}"]`);
    old.replaceWith(fresh);
    if (place) fresh.querySelector(place)?.focus({ preventScroll: true });
  }

  // [id][data-live=address][data-every=seconds]: refetched and replaced; paused while the tab is hidden.
  const asked = new Map();
  async function refresh() {
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const every = 1000 * Number(part.dataset.every || 5);
      const since = performance.now() - (asked.get(part.id) ?? started);
      const isTyping = part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
      if (document.hidden || since < every || isTyping) continue;
      asked.set(part.id, performance.now());
      try {
        replacePart(part, await fetchPart(part.dataset.live, part.id));
      } catch { /* unreachable: retried on the next tick */ }
    }
  }

  function addressOf(form, base) {
    const values = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      const field = form.elements[name];
      if (typeof value === "string" && value !== "" && name !== "form_token" && field?.type !== "password") values.append(name, value);
    }
    const query = values.toString();
    return query ? `${base}?${query}` : base;
  }

  function afterTyping(form, act) {
    let timer;
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(act, DEBOUNCE); });
  }

  // form[data-filter=id]: shows the results in the element with that id as the reader types.
  for (const form of document.querySelectorAll("form[data-filter]")) {
    let turn = 0;
    afterTyping(form, async () => {
      const mine = ++turn;
      const address = addressOf(form, form.getAttribute("action"));
      const fresh = await fetchPart(address, form.dataset.filter).catch(() => null);
      const old = document.getElementById(form.dataset.filter);
      if (mine !== turn || !fresh || !old) return;
      history.replaceState(null, "", address);
      replacePart(old, fresh);
    });
  }

  // form[data-preview=address][data-preview-in=id]: shows a preview of what is typed in that element.
  for (const form of document.querySelectorAll("form[data-preview]")) {
    let turn = 0;
    afterTyping(form, async () => {
      const mine = ++turn;
      const id = form.dataset.previewIn;
      const fresh = await fetchPart(addressOf(form, form.dataset.preview), id).catch(() => null);
      const old = document.getElementById(id);
      if (mine === turn && fresh && old) replacePart(old, fresh);
    });
  }

  // input[data-copy]: adds a Copy button if the browser supports it.
  for (const field of navigator.clipboard ? document.querySelectorAll("input[data-copy]") : []) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button plain";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(field.value).then(() => { button.textContent = "Copied"; }, () => field.select());
    });
    const row = document.createElement("span");
    row.className = "copied";
    field.replaceWith(row);
    row.append(field, button);
  }

  const started = performance.now();
  localTimes(document);
  const zoneNote = document.querySelector("[data-times]");
  if (zoneNote && document.querySelector("time")) {
    zoneNote.textContent = `Times are shown in your time zone (${new Intl.DateTimeFormat().resolvedOptions().timeZone}), followed by the company's time zone, or UTC on pages about all companies, where it differs.`;
    zoneNote.hidden = false;
  }
  if (document.querySelector("[data-live][id]")) setInterval(refresh, 1000);
})();
