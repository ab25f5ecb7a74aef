// Two demo accounts. Your product has users of its own: replace this file.
import { scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/** Hashes a password slowly and with much memory, so that stolen hashes are dear to guess. */
function hashPassword(password, salt) {
  return promisify(scrypt)(password, salt, 32, { N: 2 ** 14, r: 8, p: 5 });
}

function account(id, tier, salt, passwordHash) {
  return { id, tier, salt: Buffer.from(salt, "hex"), passwordHash: Buffer.from(passwordHash, "hex") };
}

// The passwords are "wonderland" and "the-builder". The tier is what they may use, as your billing has it.
const ACCOUNTS = new Map(
  [
    account(
      "alice",
      "pro",
      "0cd1e50bb5a6c598ab85d105f7ed1a3c",
      "e9b95f5a1078e186296b1e12370485af45b6a6df41fccf8b9ca4b2d0cd934e17",
    ),
    account(
      "bob",
      "free",
      "d7c6556409e642f0d7541967e6009016",
      "a1f5235e8c2bff5a79705db77baf9533193944f2e2775a5a97a78bcecca303f2",
    ),
  ].map((found) => [found.id, found]),
);
const NOBODY = { salt: Buffer.alloc(16), passwordHash: Buffer.alloc(32) };

/** Returns the account of a user, if there is one. */
export function findAccount(id) {
  return ACCOUNTS.get(id);
}

/** Returns the account whose name and password these are. */
export async function signIn(id, password) {
  // A name that nobody has takes as long as a wrong password, so that times tell nothing.
  const found = ACCOUNTS.get(id) ?? NOBODY;
  const hash = await hashPassword(password, found.salt);
  return timingSafeEqual(hash, found.passwordHash) ? found : undefined;
}
