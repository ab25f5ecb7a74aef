"""Two demo accounts. Your product has users of its own: replace this file."""

import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A user, as the app knows them."""

    id: str
    # What they may use, as your billing has it: a tier of the gateway.
    tier: str
    salt: bytes
    password_hash: bytes


def hash_password(password: str, salt: bytes) -> bytes:
    """Hashes a password slowly and with much memory, so that stolen hashes are dear to guess."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=5, dklen=32)


def account(user_id: str, tier: str, salt: str, password_hash: str) -> Account:
    return Account(user_id, tier, bytes.fromhex(salt), bytes.fromhex(password_hash))


# The passwords are "wonderland" and "the-builder".
ACCOUNTS = {
    found.id: found
    for found in (
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
    )
}
NOBODY = Account("", "", bytes(16), bytes(32))


def sign_in(user_id: str, password: str) -> Account | None:
    """Returns the account whose name and password these are."""
    # A name that nobody has takes as long as a wrong password, so that times tell nothing.
    found = ACCOUNTS.get(user_id, NOBODY)
    right = hmac.compare_digest(hash_password(password, found.salt), found.password_hash)
    return found if right else None
