"""Fakes of the providers: small servers on loopback that refuse what the real ones would, and answer as they do.

`script` decides what a model says, the same for all. A file for each provider knows its form: `schema` checks requests
against the types that the provider's own package publishes, the file itself checks what types do not tell.
"""

from providers.anthropic import Anthropic
from providers.azure import Azure
from providers.cohere import Cohere
from providers.fake import Fake
from providers.gemini import Gemini
from providers.mistral import Mistral
from providers.openai import OpenAI
from providers.openrouter import OpenRouter
from providers.vertex import Vertex

ALL: tuple[type[Fake], ...] = (OpenAI, Anthropic, Gemini, Cohere, Mistral, OpenRouter, Azure, Vertex)
"""Every fake."""
