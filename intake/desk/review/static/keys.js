"use strict";
// Keys, and the lock. Every page works without this file.
//
// [data-key="a"]   is pressed, or gets the focus if it is a field, on the key a; links [data-go="c"] after the key g.
// [data-row]       j and k move between them; o opens the first [data-open] in it, x turns over its first checkbox.
(() => {
  const {idle, locked, csrf, keys} = document.body.dataset;
  const desk = new BroadcastChannel("desk");
  const sheet = document.getElementById("keys");
  const fields = "input:not([type=checkbox],[type=radio],[type=submit]), textarea, select, [contenteditable]";
  const rows = () => [...document.querySelectorAll("[data-row]")].filter(row => row.checkVisibility());
  const here = () => document.activeElement.closest("[data-row]");

  const clear = () => {
    document.body.replaceChildren();
    document.title = "Locked";
  };
  const leave = () => {
    clear();
    location.replace(locked);
  };

  // Whoever writes a long memo is at work, though no page is asked for: tell the desk, and the other tabs. Not at every
  // key: the time runs from what the desk was told, so that no page thinks it is open when it is not.
  const limit = Number(idle) * 1000;
  let told = Date.now();
  const awake = () => {
    if (Date.now() - told < limit / 10) return;
    told = Date.now();
    document.getElementById("soon")?.remove();
    desk.postMessage("awake");
    fetch("/awake", {method: "POST", body: new URLSearchParams({csrf})}).catch(() => {});
  };
  for (const kind of ["keydown", "pointerdown", "wheel", "input"]) addEventListener(kind, awake, {passive: true});
  setInterval(() => {
    const left = told + limit - Date.now();
    if (left <= 0) leave();
    else if (left < limit / 10 && !document.getElementById("soon")) {
      const soon = document.createElement("p");
      soon.id = "soon";
      soon.className = "warn soon";
      soon.setAttribute("role", "status");
      soon.textContent = "The desk is about to lock itself. Press any key to go on.";
      document.body.append(soon);
    }
  }, 500);
  desk.onmessage = ({data}) => data === "locked" ? leave() : (told = Date.now());
  addEventListener("pageshow", event => event.persisted && location.reload());
  document.querySelector("form.lock").addEventListener("submit", event => {
    event.preventDefault();
    event.target.submit();
    desk.postMessage("locked");
    document.documentElement.hidden = true;
  });

  const open = event => {
    event?.preventDefault();
    sheet.showModal();
  };
  for (const link of document.querySelectorAll("a[href='#keys']")) link.addEventListener("click", open);
  sheet.querySelector("[data-close]").addEventListener("click", event => {
    event.preventDefault();
    sheet.close();
  });

  const press = element => {
    if (!element) return false;
    if (element.matches(fields)) {
      element.focus();
      element.select?.();
    } else {
      if (element.matches("summary")) element.focus();
      element.click();
    }
    return true;
  };
  const move = step => {
    const all = rows(), at = all.indexOf(here());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.focus();
    next?.scrollIntoView({block: "nearest"});
    return Boolean(next);
  };
  const onRow = {
    j: () => move(1),
    k: () => move(-1),
    o: () => press(here()?.querySelector("[data-open]")),
    Enter: () => document.activeElement === here() && press(here()?.querySelector("[data-open]")),
    x: () => press(here()?.querySelector("[type=checkbox]")),
  };

  let went = 0; // when g was pressed
  addEventListener("keydown", event => {
    const {key, target} = event;
    if (keys === "off" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (key === "Escape" && target.matches(fields)) return target.blur();
    if (target.closest(fields)) return;
    const name = CSS.escape(key);
    let done;
    if (Date.now() - went < 1500) {
      went = 0;
      done = press(document.querySelector(`[data-go="${name}"]`));
    } else if (key === "g") {
      went = Date.now();
      done = true;
    } else done = press(document.querySelector(`[data-key="${name}"]`)) || onRow[key]?.();
    if (done) event.preventDefault();
  });
})();
