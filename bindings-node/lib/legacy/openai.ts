// OpenAI's package, loaded when one of the names that need it is used.
import type * as openai from "openai";

/** Returns OpenAI's class. */
export function loadOpenAI(): typeof openai.OpenAI {
  return (require("openai") as typeof openai).OpenAI;
}

/**
 * Returns a stand-in for a class, which `load` brings when it is first used. It can be constructed, extended, looked
 * into and asked for `instanceof` like the class itself.
 */
export function lazyClass<T extends abstract new (...values: never[]) => object>(load: () => T): T {
  let loaded: T | undefined;
  const real = (): T => (loaded ??= load());
  // Bound functions can be constructed, and have no `prototype` of their own that the stand-in's would contradict.
  const standIn: T = new Proxy(function () {}.bind(undefined) as unknown as T, {
    construct: (_, values, target) => {
      const kind = real() as unknown as new () => object;
      return Reflect.construct(kind, values, target === standIn ? kind : target);
    },
    apply: (_, self, values) => Reflect.apply(real() as unknown as () => void, self, values),
    get: (_, name) => Reflect.get(real(), name),
    set: (_, name, value) => Reflect.set(real(), name, value),
    has: (_, name) => Reflect.has(real(), name),
    ownKeys: () => Reflect.ownKeys(real()),
    getPrototypeOf: () => Reflect.getPrototypeOf(real()),
    getOwnPropertyDescriptor: (_, name) => {
      const found = Reflect.getOwnPropertyDescriptor(real(), name);
      return found && { ...found, configurable: true };
    },
  });
  return standIn;
}
