// The promises of this environment's calls, settled by the native module.
import { errorFrom } from "./errors.js";
import { type Delivery, type NativeEngine, native } from "./native.js";

const waiting = new Map<number, (delivery: Delivery) => void>();
let made: NativeEngine | undefined;
let last = 0;

/** Returns the way back from the native module. */
export function engine(): NativeEngine {
  return (made ??= new (native().Engine)(deliver));
}

function deliver(deliveries: Delivery[]): void {
  for (const delivery of deliveries) {
    // What was cancelled meanwhile is not waited for any more.
    waiting.get(delivery[0])?.(delivery);
  }
}

/** Starts a call and waits for what it comes to. An aborted one is cancelled, and rejects with the signal's reason. */
export async function run(start: (number: number) => void, signal?: AbortSignal | null): Promise<Delivery> {
  signal?.throwIfAborted();
  const delivery = await begin(start, signal);
  // Made here and not where it arrives, so that its stack names who waits for it.
  if (delivery[1] != null) throw errorFrom(delivery[1]);
  return delivery;
}

function begin(start: (number: number) => void, signal: AbortSignal | null | undefined): Promise<Delivery> {
  return new Promise((resolve, reject) => {
    const number = freeNumber();
    const end = (): void => {
      forget(number);
      signal?.removeEventListener("abort", abort);
    };
    const abort = (): void => {
      end();
      engine().cancel(number);
      reject(signal?.reason);
    };
    wait(number, (delivery) => {
      end();
      resolve(delivery);
    });
    signal?.addEventListener("abort", abort, { once: true });
    try {
      start(number);
    } catch (error) {
      end();
      reject(nativeError(error));
    }
  });
}

function freeNumber(): number {
  do last = (last + 1) >>> 0;
  while (waiting.has(last));
  return last;
}

function wait(number: number, settle: (delivery: Delivery) => void): void {
  if (waiting.size === 0) engine().keepAlive(true);
  waiting.set(number, settle);
}

function forget(number: number): void {
  waiting.delete(number);
  if (waiting.size === 0) engine().keepAlive(false);
}

/** Returns the error that a synchronous native function threw: its message is an error's JSON, or a defect's own. */
export function nativeError(error: unknown): unknown {
  const message = error instanceof Error ? error.message : "";
  return message.startsWith("{") ? errorFrom(message) : error;
}

/** Calls a synchronous native function. */
export function sync<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw nativeError(error);
  }
}
