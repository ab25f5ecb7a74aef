// Deprecations, each told once.

const told = new Set<string>();

/** Tells `message` by `warn`, else as a warning of the process; the same message only once. */
export function warnOnce(message: string, warn?: (message: string) => void): void {
  if (told.has(message)) return;
  told.add(message);
  if (warn) warn(message);
  else process.emitWarning(message, "DeprecationWarning");
}
