// Names between TypeScript and the native module.

const SPELLED = new Map<string, string>();

/** Returns `userId` as `user_id`. What has no capital letter stays as it is. */
export function snake(name: string): string {
  let known = SPELLED.get(name);
  if (known === undefined) {
    known = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    SPELLED.set(name, known);
  }
  return known;
}

/** Returns milliseconds as the seconds of the native module. */
export function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}

/** Headers in any of the forms that `fetch` takes, as a plain object. */
export type HeadersLike = Headers | Readonly<Record<string, string>>;

export function plainHeaders(headers: HeadersLike): Readonly<Record<string, string>> {
  return headers instanceof Headers ? Object.fromEntries(headers) : headers;
}
