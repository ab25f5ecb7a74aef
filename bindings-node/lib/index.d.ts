/** Returns the version of Behest that this package was built from. */
export function version(): string;
