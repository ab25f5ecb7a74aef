"""A tenant's signing key, in every form in which people write a private key."""

import base64
import json
import textwrap
import urllib.request
from dataclasses import dataclass

from gateway import Gateway

# What a PKCS#8 file of an RSA key of 2,048 bits puts before the PKCS#1 key that is in it.
PKCS8_HEADER_BYTES = 26


@dataclass(frozen=True)
class SigningKey:
    """The private half, which the gateway gives once, and its name."""

    pem: str
    kid: str

    @property
    def pkcs1(self) -> str:
        """The same key in the older format."""
        lines = self.pem.strip().splitlines()[1:-1]
        inner = base64.b64decode("".join(lines))[PKCS8_HEADER_BYTES:]
        text = "\n".join(textwrap.wrap(base64.b64encode(inner).decode(), 64))
        return f"-----BEGIN RSA PRIVATE KEY-----\n{text}\n-----END RSA PRIVATE KEY-----\n"

    @property
    def forms(self) -> dict[str, str]:
        forms = {}
        for name, pem in {"PKCS#8": self.pem, "PKCS#1": self.pkcs1}.items():
            encoded = base64.b64encode(pem.encode()).decode()
            forms |= {
                f"behest_pk_ and a PEM, {name}": f"behest_pk_{pem}",
                f"behest_pk_ and base64, {name}": f"behest_pk_{encoded}",
                f"base64, {name}": encoded,
                f"a bare PEM, {name}": pem,
            }
        return forms


def create(gateway: Gateway) -> SigningKey:
    request = urllib.request.Request(
        f"{gateway.origin}/v1/tenants/{gateway.tenant_id}/signing-keys",
        data=json.dumps({"name": "tests"}).encode(),
        headers={"X-Admin-Secret": gateway.admin_secret, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        made = json.load(answer)
    return SigningKey(made["private_key_pem"], made["kid"])
