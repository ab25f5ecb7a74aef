"""A chat page behind a sign-in. The API key stays here; each browser gets short tokens of its own user."""

import contextlib
import logging
import os
import pathlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.sessions import SessionMiddleware

import behest
from accounts import ACCOUNTS, Account, sign_in

# How a browser names this app, as in https://chat.example.com. Without it, whatever host it was called by.
APP_ORIGIN = os.environ.get("APP_ORIGIN")
# Without a secret that stays, a restart signs everybody out.
SESSION_SECRET = os.environ.get("SESSION_SECRET") or secrets.token_hex(32)
SESSION_SECONDS = 12 * 3600
TOKEN_SECONDS = 900
CHAT_PAGE = pathlib.Path(__file__).parent.parent / "chat-page"

log = logging.getLogger("uvicorn.error")


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keeps one client for the whole process, which closes its connections at the end."""
    async with behest.Behest() as client:
        app.state.behest = client
        yield


app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
# Signed, so that nobody can write their own; HttpOnly, so that no script can read it.
app.add_middleware(
    SessionMiddleware,
    secret_key=SESSION_SECRET,
    session_cookie="fastapi_session",
    max_age=SESSION_SECONDS,
    same_site="lax",
    https_only=(APP_ORIGIN or "").startswith("https://"),
)


@app.middleware("http")
async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuses what a page of another origin sends, and tells the browser what this page may do."""
    # A cookie goes along whoever made the request. SameSite keeps it from other sites' requests, but another port and
    # a sister domain are the same site, so the origin has to be this app's own. Browsers name it with every POST; a
    # request without one comes from a program, which has nobody's cookie but its own.
    own = APP_ORIGIN or f"{request.url.scheme}://{request.headers.get('host')}"
    if request.method == "POST" and request.headers.get("origin", own) != own:
        return problem(403, "this request comes from a page of another origin")
    response = await answer(request)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
        f"base-uri 'none'; frame-ancestors 'none'; connect-src 'self' {request.app.state.behest.config.base_url}/"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    # Answers of the API are one user's; of the page, the browser asks whether it has changed.
    response.headers["Cache-Control"] = "no-store" if request.url.path.startswith("/api/") else "no-cache"
    return response


def problem(status: int, message: str) -> JSONResponse:
    """An error in the form that the gateway's have, so that the page reads both alike."""
    return JSONResponse({"error": {"message": message}}, status)


@app.exception_handler(AnyHTTPException)
async def tell(_: Request, error: AnyHTTPException) -> JSONResponse:
    return problem(error.status_code, error.detail)


def signed_in(request: Request) -> Account:
    """The user of the session. Nothing else in a request says who somebody is."""
    account = ACCOUNTS.get(request.session.get("user", ""))
    if account is None:
        raise HTTPException(401, "nobody is signed in")
    return account


SignedIn = Annotated[Account, Depends(signed_in)]


class Credentials(BaseModel):
    """What the sign-in form sends."""

    user: str = Field(max_length=255)
    password: str = Field(max_length=255)


@app.post("/api/login")
def login(credentials: Credentials, request: Request) -> dict[str, str]:
    account = sign_in(credentials.user, credentials.password)
    if account is None:
        raise HTTPException(401, "the user name or the password is wrong")
    # One session of Behest for each sign-in: a token that is minted anew goes on where the last one ended.
    request.session.update(user=account.id, behest_session=behest.generate_session_id())
    return {"user": account.id}


@app.post("/api/logout", status_code=204)
def logout(request: Request) -> None:
    request.session.clear()


@app.get("/api/me")
def me(account: SignedIn) -> dict[str, str]:
    return {"user": account.id}


@app.post("/api/behest/token")
async def token(account: SignedIn, request: Request) -> Response:
    """Mints a token for the page, with which it calls the gateway itself."""
    client: behest.Behest = request.app.state.behest
    try:
        minted = await client.auth.mint(
            user_id=account.id,
            session_id=request.session["behest_session"],
            tier=account.tier,
            ttl=TOKEN_SECONDS,
        )
    except behest.BehestError as error:
        log.error("no token for %s: %s (%s, trace %s)", account.id, error, error.code, error.trace_id)
        return problem(502, "no token could be made")
    return JSONResponse(
        {
            "token": minted.token,
            "ttl": minted.ttl,
            "sessionId": minted.session_id,
            "expiresAt": minted.expires_at,
            "baseUrl": client.config.base_url,
        }
    )


app.mount("/", StaticFiles(directory=CHAT_PAGE, html=True))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
