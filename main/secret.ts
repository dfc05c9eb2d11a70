/**
 * A value that must never be written anywhere: it prints as `[redacted]` through string conversion, JSON and
 * `util.inspect`, so that a log line or an error that swallows it by accident gives nothing away.
 */
import { inspect } from 'node:util';

const MASK = '[redacted]';

export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The text itself. Call it only where the value leaves for its one purpose (a request body, a sealed file). */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return MASK;
  }
  toJSON(): string {
    return MASK;
  }
  [inspect.custom](): string {
    return MASK;
  }
}
