// Local signing as the published SDK did it before 1.5.
import { type KeyObject, createPrivateKey } from "node:crypto";

import { sync } from "../engine.js";
import { BehestConfigError } from "../errors.js";
import { native } from "../native.js";
import { warnOnce } from "../warnings.js";

/** A tenant's signing key. */
export interface SigningKeyConfig {
  /** The RSA private key as PEM, PKCS#8 or PKCS#1. */
  privateKeyPem: string;
  /** Its name, which begins with `sk_`. */
  keyId: string;
  /** The tenant that owns it. */
  tenantId: string;
  /** The project that tokens are for. */
  projectId: string;
}

/** Whom a token is for. */
export interface SignTokenOptions {
  /** The end user. */
  userId: string;
  /** How long it lives, in seconds, 60 to 86,400; 3,600 when absent. */
  expiresIn?: number;
  /** Another project than the key's. */
  projectId?: string;
}

/** A signed token. */
export interface SignTokenResult {
  /** The JWT. */
  accessToken: string;
  /** When it ends, in Unix seconds. */
  expiresAt: number;
  /** How long it lives, in seconds. */
  expiresIn: number;
}

/**
 * Signs a token with the claims that the published SDK signed before 1.5, here and without a request.
 *
 * @deprecated Use {@link Behest} with a private key as its `key`, and `auth.mint`.
 * @throws {@link BehestConfigError} `invalid_signing_key`, {@link BehestBadRequestError} for a lifetime that is none.
 *
 * @example
 * ```ts
 * import { generateKeyPairSync } from "node:crypto";
 * import { signBehestJWT } from "@behest/client-ts";
 *
 * const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
 * const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
 * const key = { privateKeyPem, keyId: "sk_0123456789abcdef", tenantId: "tenant", projectId: "project" };
 * const { accessToken, expiresAt } = await signBehestJWT(key, { userId: "ada", expiresIn: 300 });
 * console.log(accessToken.length, new Date(expiresAt * 1000));
 * ```
 */
export async function signBehestJWT(config: SigningKeyConfig, options: SignTokenOptions): Promise<SignTokenResult> {
  warnOnce("`signBehestJWT` is deprecated: use `Behest` with a private key, and `auth.mint`");
  const fields = {
    signing_key_pem: config.privateKeyPem,
    key_id: config.keyId,
    tenant_id: config.tenantId,
    project_id: options.projectId ?? config.projectId,
    user_id: options.userId,
    ttl: options.expiresIn,
  };
  const signed = JSON.parse(sync(() => native().signLegacy(JSON.stringify(fields))));
  return {
    accessToken: signed.access_token,
    expiresAt: Math.floor(Date.parse(signed.expires_at) / 1000),
    expiresIn: signed.expires_in,
  };
}

/**
 * Reads a signing key, and fails where it is none. `signBehestJWT` does so by itself.
 *
 * @deprecated Not needed any more.
 * @throws {@link BehestConfigError} `invalid_signing_key`.
 */
export async function importSigningKey(pem: string): Promise<KeyObject> {
  warnOnce("`importSigningKey` is deprecated: it is not needed any more");
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const message = "this is no RSA private key: give a PEM, PKCS#8 or PKCS#1";
    throw new BehestConfigError(message, { code: "invalid_signing_key", cause });
  }
}

/**
 * Does nothing: no key is kept.
 *
 * @deprecated Not needed any more.
 */
export function clearSigningKeyCache(): void {
  warnOnce("`clearSigningKeyCache` is deprecated: no key is kept");
}
