// A headless Chromium driven through the pipe of its own protocol, so that no package is needed for it:
//   const browser = await launch(); const page = await browser.open('file:///report.html', {width: 390});
//   await page.evaluate('document.title'); await browser.close();
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'chrome'];
const BOUND_MS = 120_000; // a command that takes longer hangs

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// The path of a Chromium: $CHROMIUM, or the first of its names in the PATH; undefined where there is none.
export function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

// Messages are JSON, each ended by a zero byte; answers come by id, events by session.
class Connection {
  #write;
  #waiting = new Map();
  #listeners = new Set();
  #next = 1;

  constructor(write, read) {
    this.#write = write;
    let rest = '';
    read.setEncoding('utf8');
    read.on('data', (chunk) => {
      const messages = (rest + chunk).split('\0');
      rest = messages.pop();
      for (const message of messages) this.#take(JSON.parse(message));
    });
    read.on('close', () => this.#failAll('the browser is gone'));
    write.on('error', (error) => this.#failAll(error.message));
  }

  #take(message) {
    const waiter = this.#waiting.get(message.id);
    if (!waiter) {
      for (const listener of [...this.#listeners]) listener(message);
      return;
    }
    this.#waiting.delete(message.id);
    clearTimeout(waiter.timer);
    if (message.error) waiter.reject(new Error(`${waiter.method}: ${message.error.message}`));
    else waiter.resolve(message.result);
  }

  #failAll(reason) {
    for (const { reject, timer, method } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(`${method}: ${reason}`));
    }
    this.#waiting.clear();
  }

  send(method, params = {}, sessionId) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${method}: no answer`));
      }, BOUND_MS);
      this.#waiting.set(id, { resolve, reject, timer, method });
      this.#write.write(JSON.stringify({ id, method, params, sessionId }) + '\0');
    });
  }

  event(name, sessionId) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name}: it did not come`)), BOUND_MS);
      const listener = (message) => {
        if (message.method !== name || message.sessionId !== sessionId) return;
        this.#listeners.delete(listener);
        clearTimeout(timer);
        resolve(message.params);
      };
      this.#listeners.add(listener);
    });
  }

  listen(listener) {
    this.#listeners.add(listener);
  }
}

const KEYS = {
  Tab: { code: 'Tab', windowsVirtualKeyCode: 9 },
  Enter: { code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
  ' ': { code: 'Space', windowsVirtualKeyCode: 32, text: ' ' },
  ArrowRight: { code: 'ArrowRight', windowsVirtualKeyCode: 39 },
  End: { code: 'End', windowsVirtualKeyCode: 35 },
};

class Page {
  #connection;
  #session;
  #target;
  problems = []; // what its console and its scripts complained of, and what it tried to fetch

  constructor(connection, session, target) {
    this.#connection = connection;
    this.#session = session;
    this.#target = target;
    connection.listen(({ method, params, sessionId }) => {
      if (sessionId !== session) return;
      if (method === 'Runtime.exceptionThrown') {
        const { text, exception } = params.exceptionDetails;
        this.problems.push(`${text} ${exception?.description ?? ''}`);
      } else if (method === 'Log.entryAdded') {
        this.problems.push(params.entry.text);
      } else if (method === 'Network.requestWillBeSent' && params.type !== 'Document') {
        this.problems.push(`it fetches ${params.request.url}`);
      }
    });
  }

  send(method, params) {
    return this.#connection.send(method, params, this.#session);
  }

  async goto(url) {
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.send(`${domain}.enable`);
    const loaded = this.#connection.event('Page.loadEventFired', this.#session);
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
    await this.settle();
  }

  // Two frames: what a script does on load, and what a resize makes it do, is drawn.
  settle() {
    return this.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))');
  }

  async resize(width, height = 900, scale = 1) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: scale, mobile: false });
  }

  async media({ scheme = 'light', media = '' } = {}) {
    await this.send('Emulation.setEmulatedMedia', {
      media, features: [{ name: 'prefers-color-scheme', value: scheme }, { name: 'prefers-reduced-motion', value: 'reduce' }],
    });
  }

  // The value of an expression, awaited where it is a promise.
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails)
      throw new Error(`${exceptionDetails.text} ${exceptionDetails.exception?.description ?? ''}: ${expression.slice(0, 200)}`);
    return result.value;
  }

  async press(key, { shift = false } = {}) {
    const event = { key, ...KEYS[key], modifiers: shift ? 8 : 0 };
    await this.send('Input.dispatchKeyEvent', { type: event.text ? 'keyDown' : 'rawKeyDown', ...event });
    await this.send('Input.dispatchKeyEvent', { ...event, type: 'keyUp', text: undefined });
  }

  async type(text) {
    await this.send('Input.insertText', { text });
  }

  // A PNG: of the window, or of the clip {x, y, width, height} of the whole page.
  async screenshot(clip) {
    const { data } = await this.send('Page.captureScreenshot', {
      format: 'png', captureBeyondViewport: Boolean(clip), ...(clip && { clip: { scale: 1, ...clip } }),
    });
    return Buffer.from(data, 'base64');
  }

  close() {
    return this.#connection.send('Target.closeTarget', { targetId: this.#target });
  }

  async pdf() {
    const { data } = await this.send('Page.printToPDF',
      { paperWidth: 8.27, paperHeight: 11.69, printBackground: false });
    return Buffer.from(data, 'base64');
  }
}

class Browser {
  #child;
  #connection;
  #folder;

  constructor(child, connection, folder) {
    this.#child = child;
    this.#connection = connection;
    this.#folder = folder;
  }

  // A page of its own, loaded: {width, height, scale, scheme: 'light' or 'dark'}.
  async open(url, { width = 1440, height = 900, scale = 1, scheme = 'light' } = {}) {
    const { targetId } = await this.#connection.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#connection.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this.#connection, sessionId, targetId);
    await page.resize(width, height, scale);
    await page.media({ scheme });
    await page.goto(url);
    return page;
  }

  async close() {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    await this.#connection.send('Browser.close').catch(() => this.#child.kill());
    await gone;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Starts one; throws where there is none.
export async function launch() {
  const program = findChromium();
  if (!program) throw new Error(`no Chromium in the PATH (${NAMES.join(', ')}); CHROMIUM=PATH names one`);
  const folder = mkdtempSync(join(tmpdir(), 'cicada-chromium-'));
  const child = spawn(program, [
    '--headless', '--remote-debugging-pipe', `--user-data-dir=${folder}`, '--disable-gpu', '--disable-dev-shm-usage',
    '--hide-scrollbars', '--no-first-run', '--disable-background-networking', '--disable-extensions',
    ...(process.getuid() === 0 ? ['--no-sandbox'] : []), 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const failed = new Promise((_, reject) => child.once('error', reject));
  const connection = new Connection(child.stdio[3], child.stdio[4]);
  await Promise.race([connection.send('Browser.getVersion'), failed]);
  return new Browser(child, connection, folder);
}
