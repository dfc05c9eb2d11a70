/**
 * What is not written here does not exist: reaching for it throws its name, so that a shell which begins to use more of Electron is
 * told by its first test, and never by silence.
 */
import { EventEmitter } from 'node:events';

export class NotImplemented extends Error {
  override readonly name = 'NotImplemented';
}

/** Names that were reached for in vain. */
export const refused: string[] = [];

export function refuse(name: string): never {
  refused.push(name);
  throw new NotImplemented(`the stand-in for electron has no ${name}`);
}

/** Asked by the language itself, of any object. */
const asked = new Set<PropertyKey>(['then', 'toJSON', 'domain', 'prototype', '_events', '_eventsCount', '_maxListeners']);

/** The same object, which throws by name for every member it does not have, read or written. */
export function strict<T extends object>(name: string, target: T): T {
  return new Proxy(target, {
    get(on, key, receiver) {
      if (typeof key === 'symbol' || key in on || asked.has(key)) return Reflect.get(on, key, receiver);
      return refuse(`${name}.${key}`);
    },
    set(on, key, value, receiver) {
      if (typeof key === 'symbol' || key in on || asked.has(key)) return Reflect.set(on, key, value, receiver);
      return refuse(`${name}.${key} =`);
    },
  });
}

/** Still answers when the native object behind it is gone. */
const survives = new Set<PropertyKey>(['isDestroyed', ...Object.getOwnPropertyNames(EventEmitter.prototype)]);

/** Strict, and as Electron's own objects are: whoever uses it after its end is told so. Its methods always see the object itself. */
export function mortal<T extends object>(name: string, target: T, isGone: () => boolean): T {
  const whole = strict(name, target);
  return new Proxy(whole, {
    get(on, key) {
      if (typeof key === 'string' && isGone() && !survives.has(key) && !asked.has(key)) throw new TypeError('Object has been destroyed');
      const value = Reflect.get(on, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (on, key, value) => Reflect.set(on, key, value),
  });
}

/** What a part of Electron has beside its events; each member that is there has Electron's own type. */
export type Members<T> = Partial<Omit<T, keyof EventEmitter>>;

/** A part of Electron, made of the members that are given. */
export function part<T extends object>(name: string, members: Members<T>, emitter?: EventEmitter): T {
  const target = emitter ?? {};
  Object.defineProperties(target, Object.getOwnPropertyDescriptors(members));
  return strict(name, target) as unknown as T;
}

/** What Electron hands to listeners that may say no. */
export interface StandInEvent {
  readonly defaultPrevented: boolean;
  preventDefault(): void;
}

export function makeEvent<T extends object>(extra: T): StandInEvent & T {
  let defaultPrevented = false;
  const event = {
    preventDefault() {
      defaultPrevented = true;
    },
    get defaultPrevented() {
      return defaultPrevented;
    },
  };
  return Object.defineProperties(event, Object.getOwnPropertyDescriptors(extra)) as StandInEvent & T;
}

/** Emits, and says whether a listener said no. */
export function isPrevented(emitter: EventEmitter, name: string, event: StandInEvent, ...more: unknown[]): boolean {
  emitter.emit(name, event, ...more);
  return event.defaultPrevented;
}
