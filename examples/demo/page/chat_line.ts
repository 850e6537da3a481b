import type { ReactionSummary } from "../../../mod.ts";
import { make } from "./element.ts";
import { type Said, spoken, words } from "./spoken.ts";

/** What can be said to a line, and how it is called. */
const EMOJI = { "👍": "thumbs up", "❤️": "heart", "🎉": "party", "😂": "laughing" };

/** What can be done with a line. */
export interface Doing {
  /** What the server knows this page by, as far as that is known. */
  readonly own: string | undefined;
  /** Says something to it, or takes that back. */
  react(line: ChatLine, emoji: string, isBack: boolean): unknown;
  /** Begins to say it otherwise. */
  edit(line: ChatLine): unknown;
  /** Takes it back. */
  remove(line: ChatLine): unknown;
}

/** A line of the chat, with what people said to it and what can be done with it. */
export class ChatLine {
  /** Its number. */
  readonly offset: number;
  /** What it is in the log. */
  readonly element: HTMLLIElement;
  readonly #doing: Doing;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #bar: HTMLElement;
  #said: Said;

  /** As it was said. */
  constructor(offset: number, said: Said, doing: Doing) {
    this.offset = offset;
    this.#said = said;
    this.#doing = doing;
    const isMine = doing.own !== undefined && said.by === doing.own;
    this.element = spoken(said, { offset: String(offset), class: isMine ? "mine" : "" });
    this.element.tabIndex = -1;
    this.#bar = make("span", { class: "bar", inside: this.#reactions() });
    if (isMine) this.#bar.append(...this.#changes());
    this.element.append(this.#bar);
  }

  /** What it says now. */
  get said(): Said {
    return this.#said;
  }

  /** It says something else. */
  becomes(said: Said): void {
    this.#said = said;
    this.#shows(words(said, "edited"));
  }

  /** It was taken back. */
  isGone(): void {
    this.element.classList.add("gone");
    this.#shows(words({ ...this.#said, text: "" }, "took this back"));
    this.#bar.remove();
  }

  /** Shows who said what to it. */
  count({ emoji }: ReactionSummary): void {
    const values = emoji !== undefined && "values" in emoji ? emoji.values : [];
    for (const [face, button] of this.#buttons) {
      const said = values.find(({ value }) => value === face);
      const isOwn = said?.users.some(({ user }) => user === this.#doing.own) ?? false;
      button.classList.toggle("some", said !== undefined);
      button.setAttribute("aria-pressed", String(isOwn));
      button.lastElementChild!.textContent = said === undefined ? "" : String(said.total);
    }
  }

  #shows(what: HTMLElement): void {
    this.element.querySelector(".said")!.replaceWith(what);
  }

  #reactions(): HTMLElement[] {
    return Object.entries(EMOJI).map(([emoji, name]) => {
      const attributes = { type: "button", title: name, "aria-pressed": "false" };
      const face = make("span", { text: emoji, attributes: { role: "img", "aria-label": name } });
      const button = make("button", { class: "react", attributes, inside: [face, make("b")] });
      button.addEventListener("click", () => {
        void this.#doing.react(this, emoji, button.getAttribute("aria-pressed") === "true");
      });
      this.#buttons.set(emoji, button);
      return button;
    });
  }

  #changes(): HTMLElement[] {
    const { edit, remove } = this.#doing;
    return Object.entries({ Edit: edit, Delete: remove }).map(([text, run]) => {
      const button = make("button", { text, attributes: { type: "button" } });
      button.addEventListener("click", () => void run(this));
      return button;
    });
  }
}
