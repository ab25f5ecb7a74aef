"""Which fakes stand behind a gateway. A provider that the gateway does not know yet is added here, and to every test."""

from providers import ALL
from providers.fake import Fake

NAMES: list[str] = ["openai", "anthropic", "gemini", "cohere", "mistral", "openrouter", "azure", "vertex"]


def kinds() -> list[type[Fake]]:
    """The fakes of these names."""
    return [kind for kind in ALL if kind.name in NAMES]
