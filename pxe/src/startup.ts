import { RpcError } from './errors.ts';
import type { Session } from './session.ts';

/** The way from a listening server to an open session, and what is missing meanwhile. */
export class Startup {
  #session: Session | undefined;
  #waitingFor = 'starting';

  /** Notes what the session waits for. */
  waiting(text: string): void {
    this.#waitingFor = text;
  }

  /** From now on requests are served. */
  opened(session: Session): void {
    this.#session = session;
  }

  /**
   * The open session.
   * @throws RpcError of kind notReady, saying what is waited for.
   */
  get session(): Session {
    if (this.#session === undefined) {
      throw new RpcError('notReady', `this PXE is not ready: ${this.#waitingFor}`);
    }
    return this.#session;
  }

  /** Why requests can't be served now, or undefined. */
  async problem(): Promise<string | undefined> {
    return this.#session === undefined ? this.#waitingFor : await this.#session.problem();
  }

  /** The session, if it got that far. */
  get openSession(): Session | undefined {
    return this.#session;
  }
}
