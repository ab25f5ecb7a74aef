// Signing keys of a running gateway, in every form that the SDK takes.
import { createPrivateKey } from "node:crypto";

import type { SigningKeyConfig } from "@behest/client-ts";

import type { Gateway } from "../../tests/clients/node/gateway.js";

/** Makes a signing key, as the operator does. */
export async function signingKey(gateway: Gateway): Promise<SigningKeyConfig> {
  const answer = await fetch(`${gateway.origin}/v1/tenants/${gateway.tenantId}/signing-keys`, {
    method: "POST",
    headers: { "X-Admin-Secret": gateway.adminSecret },
  });
  const { kid, private_key_pem } = (await answer.json()) as { kid: string; private_key_pem: string };
  return { privateKeyPem: private_key_pem, keyId: kid, tenantId: gateway.tenantId, projectId: gateway.projectId };
}

/** The key in every form, by its name. */
export function forms(pem: string): Record<string, string> {
  const old = createPrivateKey(pem).export({ type: "pkcs1", format: "pem" }).toString();
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    "behest_pk_ and PEM": `behest_pk_${pem}`,
    "behest_pk_ and base64 of a PEM": `behest_pk_${base64(pem)}`,
    "base64 of a PEM": base64(pem),
    "a bare PEM": pem,
    "a bare PEM of the old form, PKCS#1": old,
    "base64 of the old form": base64(old),
    "a PEM with white space around it": `\n  ${pem}\n`,
  };
}
