// A gateway inside this process.
import { type BehestInit, nativeInit } from "./config.js";
import { engine, run } from "./engine.js";
import { type NativeLocal, native } from "./native.js";
import { Session } from "./session.js";

/** How to start a gateway inside this process: where it lives, and the options of its client. */
export interface LocalInit extends Omit<BehestInit, "key" | "apiKey" | "baseUrl"> {
  /** Where its data lives, kept between starts. Else a temporary folder, which is removed when it is closed. */
  dataDir?: string;
  /** Also answer other programs on this port of 127.0.0.1; 0 takes a free one. Else only this client reaches it. */
  port?: number;
}

/** A gateway inside this process: its addresses and credentials. Printing it shows no secret. */
export class LocalGateway {
  /** Where it answers; without a port, only the client of this process. */
  readonly baseUrl: string;
  /** The address that names the project by its host. */
  readonly slugUrl: string;
  /** The project's slug. */
  readonly slug: string;
  /** The tenant. */
  readonly tenantId: string;
  /** The project. */
  readonly projectId: string;
  /** Where its data lives. */
  readonly dataDir: string;
  readonly #apiKey: string;
  readonly #adminSecret: string;

  /** @internal */
  constructor(json: string) {
    const found = JSON.parse(json) as Record<string, string>;
    this.baseUrl = found.base_url ?? "";
    this.slugUrl = found.slug_url ?? "";
    this.slug = found.slug ?? "";
    this.tenantId = found.tenant_id ?? "";
    this.projectId = found.project_id ?? "";
    this.dataDir = found.data_dir ?? "";
    this.#apiKey = found.api_key ?? "";
    this.#adminSecret = found.admin_secret ?? "";
  }

  /** An API key of its project. */
  get apiKey(): string {
    return this.#apiKey;
  }

  /** The operator's secret, for the control plane. */
  get adminSecret(): string {
    return this.#adminSecret;
  }
}

/** Gateways that are not closed. The process closes them when it ends, so that no folder stays behind. */
const open = new Set<NativeLocal>();

function closeAll(): void {
  for (const local of open) local.closeNow();
}

/** A started gateway, and the way to close it. */
export interface Running {
  session: Session;
  gateway: LocalGateway;
  close(): Promise<void>;
}

/** Starts a gateway inside this process. */
export async function start(init: LocalInit): Promise<Running> {
  const options = nativeInit(init, ["dataDir", "port"]);
  const local: NativeLocal = new (native().Local)(engine());
  // One listener for all of them, and from the start: a process that ends meanwhile waits for it, and closes it.
  if (open.size === 0) process.off("exit", closeAll).once("exit", closeAll);
  open.add(local);
  const delivery = await run((number) => local.start(number, options)).catch((error: unknown) => {
    open.delete(local);
    throw error;
  });
  const client = local.client();
  if (client === null) throw new Error("the local gateway started without a client: please report this");
  return {
    session: new Session(client, init.warn),
    gateway: new LocalGateway(delivery[2] ?? "{}"),
    close: async () => {
      await run((number) => local.close(number));
      open.delete(local);
    },
  };
}
