/* Marking passages: with the mouse, by touch, or with the keyboard alone.

   A page that uses this has
   - texts: elements with data-part and data-question, tabindex="0", lang and dir. They hold the text's own characters
     and no others: spans may cut them up, links without words may stand at the ends of passages, and what a style sheet
     adds with ::after does not count;
   - one <dialog id="mark"> with a form: hidden fields part, question, first, last (code points, as in Python's slices),
     [data-quote], which shows the marked words, and, as wished, a filter: [data-filter], which narrows the elements
     with data-match in the dialog, and shows [data-none] when none is left. Enter in the filter chooses the first of
     them, and when it is empty sends the form, if anything is chosen or written there;
   - one <div id="mark-tools" hidden> with a button, which appears beside the selection and opens the dialog;
   - one <p id="mark-said" role="status">, which says to screen readers what is marked.

   The keyboard: in a text, arrows choose words (left, right) and sentences (up, down), Shift extends, Alt with Shift
   moves the end by one character, Enter opens the dialog, Escape marks nothing. Selections that were made in any other
   way (caret browsing, a screen reader) work as those of the mouse do.

   Beside that, what has data-mark="3 4" in a text and what has it elsewhere light up together, and the notes in an
   element with data-notes="id of a text" stand beside their places. */
"use strict";
(() => {
  const texts = [...document.querySelectorAll("[data-part]")];
  const dialog = document.getElementById("mark");
  const tools = document.getElementById("mark-tools");
  const said = document.getElementById("mark-said");
  const most = 300; // characters of a passage that are said
  const wait = 150; // milliseconds: a selection that still grows is none

  // ---- places in a text, in UTF-16 as the browser counts, and in code points as the desk does

  const whole = (text) => text.textContent;
  const points = (string) => [...string].length;
  const splits = (string, at) => /[\ud800-\udbff]/.test(string[at - 1] ?? "") && /[\udc00-\udfff]/.test(string[at] ?? "");

  function offset(text, node, at) {
    const range = document.createRange();
    range.setStart(text, 0);
    range.setEnd(node, at);
    return range.toString().length;
  }

  function place(text, at) {
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    let node = walker.nextNode();
    let before = 0;
    while (node && before + node.length < at) {
      before += node.length;
      node = walker.nextNode() ?? node;
    }
    return node ? [node, at - before] : [text, 0];
  }

  function rangeOf({ text, first, last }) {
    const range = document.createRange();
    range.setStart(...place(text, first));
    range.setEnd(...place(text, last));
    return range;
  }

  function inText(range, text) {
    const inside = document.createRange();
    inside.selectNodeContents(text);
    if (range.compareBoundaryPoints(Range.START_TO_START, inside) > 0) inside.setStart(range.startContainer, range.startOffset);
    if (range.compareBoundaryPoints(Range.END_TO_END, inside) < 0) inside.setEnd(range.endContainer, range.endOffset);
    const string = whole(text);
    const words = inside.toString();
    let first = offset(text, inside.startContainer, inside.startOffset);
    let last = first + words.length;
    first += words.length - words.trimStart().length;
    last -= words.length - words.trimEnd().length;
    if (splits(string, first)) first -= 1;
    if (splits(string, last)) last += 1;
    return first < last ? { text, first, last } : null;
  }

  function selected() {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    return texts.filter((text) => range.intersectsNode(text)).map((text) => inText(range, text)).find(Boolean) ?? null;
  }

  // ---- words, sentences and characters, to move by

  const cut = new WeakMap();
  const mark = /^[\p{P}\p{Z}\s]*$/u; // an emoji is no word, and can be marked all the same

  function units(text, granularity) {
    if (!cut.has(text)) cut.set(text, {});
    return (cut.get(text)[granularity] ??= split(whole(text), text.lang, granularity));
  }

  function split(string, language, granularity) {
    if (!Intl.Segmenter) {
      const parts = { word: /[^\p{P}\p{Z}\s]+/gu, sentence: /[^.!?。！？؟\n]+[.!?。！？؟]*/gu, grapheme: /[^]\p{M}*/gu };
      return [...string.matchAll(parts[granularity])].map((found) => [found.index, found.index + found[0].length]);
    }
    const found = [];
    for (const { segment, index } of new Intl.Segmenter(language || undefined, { granularity }).segment(string)) {
      const words = segment.trim();
      const first = index + segment.length - segment.trimStart().length;
      if (granularity === "grapheme") found.push([index, index + segment.length]);
      else if (words && !(granularity === "word" && mark.test(words))) found.push([first, first + words.length]);
    }
    return found;
  }

  // ---- the keyboard

  let cursor = null; // { text, anchor: [first, last], edge, forward }: marking goes from the anchor to the edge

  const ends = ({ anchor, edge, forward }) => (forward ? [anchor[0], edge] : [edge, anchor[1]]);

  function here(text) {
    const now = selected();
    if (cursor?.text === text && (!now || (now.first === ends(cursor)[0] && now.last === ends(cursor)[1]))) return cursor;
    return now?.text === text ? { text, anchor: [now.first, now.last], edge: now.last, forward: true } : null;
  }

  function move(text, granularity, onward, extend) {
    const all = units(text, granularity);
    const now = here(text) ?? { text, anchor: [0, 0], edge: 0, forward: true };
    const [first, last] = ends(now);
    if (extend && first < last) cursor = extended(now, all, onward, granularity === "grapheme");
    else {
      const unit = onward ? all.find((unit) => unit[1] > last) : all.findLast((unit) => unit[0] < first);
      if (unit) cursor = { text, anchor: unit, edge: unit[1], forward: true };
    }
    if (cursor) show(cursor);
  }

  function extended(now, all, onward, within) {
    const { text, forward } = now;
    const edges = all.map((unit) => unit[forward ? 1 : 0]);
    const edge = onward ? edges.find((at) => at > now.edge) : edges.findLast((at) => at < now.edge);
    const [first, last] = within ? [now.anchor[forward ? 0 : 1], now.anchor[forward ? 0 : 1]] : now.anchor;
    const anchor = [first, last];
    if (forward === onward) return { text, anchor, edge: edge ?? now.edge, forward };
    const limit = forward ? last : first; // what was marked first is given up last
    if (edge !== undefined && (forward ? edge >= limit : edge <= limit) && edge !== (forward ? first : last))
      return { text, anchor, edge, forward };
    if (within) return now;
    if (now.edge !== limit) return { text, anchor, edge: limit, forward };
    const other = all.map((unit) => unit[forward ? 0 : 1]);
    const over = forward ? other.findLast((at) => at < first) : other.find((at) => at > last);
    return over === undefined ? now : { text, anchor, edge: over, forward: !forward };
  }

  function show(now) {
    const [first, last] = ends(now);
    if (first >= last) return;
    const range = rangeOf({ text: now.text, first, last });
    getSelection().setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
    range.collapse(!now.forward);
    const at = range.getClientRects()[0] ?? now.text.getBoundingClientRect();
    const margin = innerHeight / 5;
    if (at.top < margin) scrollBy(0, at.top - margin);
    else if (at.bottom > innerHeight - margin) scrollBy(0, at.bottom - innerHeight + margin);
    said.textContent = whole(now.text).slice(first, last).slice(0, most);
  }

  function onKey(event) {
    const text = event.currentTarget;
    const at = event.target;
    if (event.ctrlKey || event.metaKey) return;
    if (at !== text && !selected()) {
      const end = offset(text, at, 0); // at the end of a passage: whoever comes back from coding it goes on there
      cursor = { text, anchor: [end, end], edge: end, forward: true };
    }
    const onward = getComputedStyle(text).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (event.altKey && !event.shiftKey) return; // the browser's own: back and forward
      move(text, event.altKey ? "grapheme" : "word", event.key === onward, event.shiftKey);
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.altKey) {
      move(text, "sentence", event.key === "ArrowDown", event.shiftKey);
    } else if (event.key === "Enter" && selected()) {
      open(selected());
    } else if (event.key === "Escape") {
      getSelection().removeAllRanges();
      cursor = null;
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // ---- the button beside a selection, and the dialog

  let passage = null;
  let timer = 0;

  function offer() {
    const now = dialog.open ? null : selected();
    tools.hidden = !now;
    if (!now) return;
    passage = now;
    const at = [...rangeOf(now).getClientRects()].at(-1) ?? now.text.getBoundingClientRect();
    const left = Math.min(Math.max(at.left, 8), document.documentElement.clientWidth - tools.offsetWidth - 8);
    tools.style.top = `${at.bottom + scrollY + 8}px`;
    tools.style.left = `${left + scrollX}px`;
  }

  function open(now) {
    const form = dialog.querySelector("form");
    const string = whole(now.text);
    const words = string.slice(now.first, now.last);
    form.reset(); // what was chosen for another passage and not sent
    form.elements.part.value = now.text.dataset.part;
    form.elements.question.value = now.text.dataset.question;
    form.elements.first.value = points(string.slice(0, now.first));
    form.elements.last.value = points(string.slice(0, now.last));
    const quote = dialog.querySelector("[data-quote]");
    quote.textContent = words;
    quote.lang = now.text.lang;
    quote.dir = now.text.dir;
    globalThis.CSS?.highlights?.set("marked", new Highlight(rangeOf(now)));
    tools.hidden = true;
    dialog.showModal();
    narrow();
    (dialog.querySelector("[data-filter]") ?? quote).focus();
    passage = now;
  }

  function closed() {
    if (dialog.open) return; // keys were so quick that it is open again, for other words
    globalThis.CSS?.highlights?.delete("marked");
    if (!passage) return;
    passage.text.focus({ preventScroll: true });
    if (selected()) return; // a key that was quicker has moved on already
    const range = rangeOf(passage);
    getSelection().setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
  }

  // ---- the filter

  const plain = (string) => string.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  function narrow() {
    const filter = dialog.querySelector("[data-filter]");
    if (!filter) return;
    const wanted = plain(filter.value).split(/\s+/);
    let first = true;
    for (const item of dialog.querySelectorAll("[data-match]")) {
      item.hidden = !wanted.every((word) => plain(item.dataset.match).includes(word));
      item.classList.toggle("first", first && !item.hidden && filter.value.trim() !== "");
      first &&= item.hidden;
    }
    const none = dialog.querySelector("[data-none]");
    if (none) none.hidden = !first;
  }

  function choose(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    const filter = event.target;
    const first = dialog.querySelector("[data-match].first input");
    if (first) first.checked = !first.checked;
    const form = dialog.querySelector("form");
    if (filter.value.trim() === "") {
      if (form.querySelector(":checked") || form.querySelector("textarea")?.value.trim()) form.requestSubmit();
    } else if (first) {
      filter.value = "";
      narrow();
    }
  }

  if (dialog && tools) {
    for (const text of texts) text.addEventListener("keydown", onKey);
    document.addEventListener("selectionchange", () => {
      clearTimeout(timer);
      timer = setTimeout(offer, wait);
    });
    tools.addEventListener("pointerdown", (event) => event.preventDefault()); // it would end the selection
    tools.addEventListener("click", () => {
      const now = selected() ?? passage; // what is selected may have grown since the button came
      if (now) open(now);
    });
    dialog.addEventListener("close", closed);
    const filter = dialog.querySelector("[data-filter]");
    filter?.addEventListener("input", narrow);
    filter?.addEventListener("keydown", choose);
    for (const button of dialog.querySelectorAll("[data-cancel]")) button.addEventListener("click", () => dialog.close());
  }

  // ---- what belongs together lights up together, and notes stand beside their places

  const marked = [...document.querySelectorAll("[data-mark]")];
  const numbers = (element) => element.dataset.mark.split(" ");

  function light(event) {
    const over = event.target.closest?.("[data-mark]");
    const lit = new Set(over && event.type !== "focusout" ? numbers(over) : []);
    for (const element of marked) element.classList.toggle("lit", numbers(element).some((number) => lit.has(number)));
  }

  for (const type of ["mouseover", "focusin", "focusout"]) document.addEventListener(type, light);

  function align() {
    for (const notes of document.querySelectorAll("[data-notes]")) {
      const text = document.getElementById(notes.dataset.notes);
      const beside = text && notes.getBoundingClientRect().top < text.getBoundingClientRect().bottom;
      for (const note of notes.children) {
        note.style.marginBlockStart = "";
        const place = text?.querySelector(`[data-mark~="${note.dataset.mark}"]`);
        const gap = beside && place ? place.getBoundingClientRect().top - note.getBoundingClientRect().top : 0;
        if (gap > 0) note.style.marginBlockStart = `${gap}px`;
      }
    }
  }

  align();
  addEventListener("resize", align);
  addEventListener("toggle", align, true);
  document.fonts?.ready.then(align);
})();
