// Pages before one server, some of them behind a link that can be cut.
import { Link } from "./link.mjs";

/** Nobody waits for longer than this: much more than anything takes, for machines that are busy. */
const PATIENCE = 20_000;

/** Pages, and what their consoles said. */
export class Stage {
  /** Errors and warnings of all pages, but for connections that were lost: those are on purpose. @type {string[]} */
  complaints = [];
  #contexts = new Set();
  #behindLink = new Set();

  /** @param {import("playwright-core").Browser} browser @param {number} port  of the server */
  static async before(browser, port) {
    return new Stage(browser, port, await Link.to(port));
  }

  constructor(browser, port, link) {
    this.browser = browser;
    this.port = port;
    this.link = link;
  }

  /**
   * Opens a page in a browser context of its own, or in `within` another page's.
   *
   * @param {{ query?: string, cuttable?: boolean, context?: object, within?: import("playwright-core").Page }} [wanted]
   */
  async open({ query = "", cuttable = false, context, within } = {}) {
    const home = within?.context() ?? await this.browser.newContext(context);
    this.#contexts.add(home);
    const page = await home.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => {
      const isLoss = /WebSocket connection to .* failed/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !isLoss) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(error.message));
    if (cuttable) this.#behindLink.add(page);
    await page.goto(`http://127.0.0.1:${cuttable ? this.link.port : this.port}/${query}`);
    return page;
  }

  /** Cuts the network of the pages that were opened `cuttable`, and waits until each has noticed. */
  async cut() {
    this.link.cut();
    await this.#all((page) => page.locator("#state[data-state=reconnecting]").waitFor());
  }

  /** Mends it: the pages are told, as a browser tells when there is a network again. */
  async mend() {
    this.link.mend();
    await this.#all((page) => page.evaluate(() => void dispatchEvent(new Event("online"))));
    await this.#all((page) => page.locator("#state[data-state=open]").waitFor());
  }

  /** Closes all pages. */
  async close() {
    for (const context of this.#contexts) await context.close();
    this.link.close();
  }

  async #all(run) {
    await Promise.all([...this.#behindLink].filter((page) => !page.isClosed()).map(run));
  }
}

/** Waits until something holds in the page: a function of what is given. */
export async function holds(page, test, given) {
  await page.waitForFunction(test, given, { polling: 50 });
}
