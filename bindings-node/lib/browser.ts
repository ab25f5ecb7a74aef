// What a bundler for browsers finds instead of the package.

throw new Error(
  "@behest/client-ts runs on a server: it holds your key, and its native module cannot load in a browser. " +
    "Mint a token in a route of your server (`behest.auth.mint`), hand that to the page, and call the gateway from " +
    "there with `fetch` or with OpenAI's package: see docs/typescript.md, \"Browsers\".",
);

export {};
