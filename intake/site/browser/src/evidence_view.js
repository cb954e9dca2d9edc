// What the page says of each file that is being sent, and the buttons for it.

/** @typedef {"sending" | "again" | "paused" | "stored" | "stopped" | "refused" | "too-large" | "unreadable" | "not-locked"} State */

/** A file in the list. */
export class Row {
  #controller = new AbortController();
  #element;

  /**
   * @param {HTMLFormElement} form
   * @param {File} file
   * @param {() => void} without sends it without the lock
   */
  constructor(form, file, without) {
    const template = /** @type {HTMLTemplateElement} */ (form.querySelector("template"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.#element = /** @type {HTMLElement} */ (copy.firstElementChild);
    this.#find("bdi").textContent = file.name;
    this.#find("progress").setAttribute("aria-label", file.name);
    this.#find(".stop").addEventListener("click", () => this.#controller.abort());
    this.#find(".without").addEventListener("click", without);
    document.getElementById("sent-files")?.append(copy);
  }

  /** Says when the person has stopped it. */
  get signal() {
    return this.#controller.signal;
  }

  /**
   * @param {number} part how much is sent, from 0 to 1
   */
  progress(part) {
    this.#show("sending");
    const shown = new Intl.NumberFormat(`${document.documentElement.lang}-u-nu-latn`, { style: "percent" });
    /** @type {HTMLProgressElement} */ (this.#find("progress")).value = part;
    this.#find(".percent").textContent = shown.format(part);
  }

  /**
   * Waits before the next try; throws when the person stops it.
   * @param {number} time milliseconds
   */
  async pause(time) {
    this.#show("again");
    await this.#unlessStopped((resolve) => setTimeout(resolve, time));
  }

  /** Waits until the person says to go on; throws when they stop it. */
  async goOn() {
    this.#show("paused");
    const button = this.#find(".go-on");
    await this.#unlessStopped((resolve) => button.addEventListener("click", resolve, { once: true }));
    this.#find(".stop").focus(); // the button that had the focus goes
  }

  /**
   * @param {State} state
   * @param {string[]} [texts] what the server said
   */
  end(state, texts = []) {
    this.#show(state);
    if (texts.length) {
      this.#find(".refused").textContent = texts.join(" ");
    }
  }

  /** @param {(resolve: (value?: unknown) => void) => void} wait */
  #unlessStopped(wait) {
    return new Promise((resolve, reject) => {
      wait(resolve);
      this.signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
    });
  }

  /** @param {State} state */
  #show(state) {
    for (const element of this.#element.querySelectorAll("[data-in]")) {
      const states = (element.getAttribute("data-in") ?? "").split(" ");
      /** @type {HTMLElement} */ (element).hidden = !states.includes(state);
    }
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement}
   */
  #find(selector) {
    return /** @type {HTMLElement} */ (this.#element.querySelector(selector));
  }
}
