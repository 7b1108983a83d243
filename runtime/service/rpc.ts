/** JSON-RPC 2.0 over any text transport: a table of methods, one connection's state, and the answers. */

import { randomUUID, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { asScannerError, type ScannerError } from '../../hal/base/errors.js';

export interface MethodContext {
  connection: string;
  /** Sends a notification to this client; returns false when it is gone or too slow. */
  notify(method: string, params: unknown): boolean;
  /** Called when the client goes away. */
  onClose(act: () => void): void;
  signal: AbortSignal;
}

export interface Method<P extends z.ZodType = z.ZodType> {
  summary: string;
  params: P;
  handler(params: z.infer<P>, context: MethodContext): unknown | Promise<unknown>;
}

/** Ties a method's handler to the type of its own params. */
export function method<P extends z.ZodType>(definition: Method<P>): Method {
  return definition as unknown as Method;
}

export type MethodTable = Readonly<Record<string, Method>>;

/** JSON-RPC error codes; the server range -32000.. is ours. */
export const RPC_CODE = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  internal: -32603,
  unauthorised: -32001,
  scanner: -32000,
} as const;

const requestSchema = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().max(100),
  params: z.unknown().optional(),
});

export interface Transport {
  send(text: string): boolean;
}

/** One client. Feed it texts; it answers on its transport. */
export class RpcConnection {
  readonly id = randomUUID();
  readonly #methods: MethodTable;
  readonly #token: string;
  readonly #transport: Transport;
  readonly #abort = new AbortController();
  #trusted: boolean;

  constructor(options: { methods: MethodTable; token: string; transport: Transport; trusted: boolean }) {
    this.#methods = options.methods;
    this.#token = options.token;
    this.#transport = options.transport;
    this.#trusted = options.trusted;
  }

  async receive(text: string): Promise<void> {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return this.#error(null, RPC_CODE.parse, 'not JSON');
    }
    if (!Array.isArray(json)) return this.#one(json);
    for (const request of json.slice(0, 100)) await this.#one(request);
  }

  close(): void {
    this.#abort.abort();
  }

  async #one(json: unknown): Promise<void> {
    const parsed = requestSchema.safeParse(json);
    if (!parsed.success) return this.#error(null, RPC_CODE.request, 'not a JSON-RPC 2.0 request');
    const { id = null, method: name, params = {} } = parsed.data;
    if (name === 'auth.login') return this.#login(id, params);
    if (!this.#trusted) return this.#error(id, RPC_CODE.unauthorised, 'not logged in: call auth.login {token} first');
    const found = Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined;
    if (!found) return this.#error(id, RPC_CODE.method, `no method ${name}; rpc.discover lists them`);
    const args = found.params.safeParse(params);
    if (!args.success) {
      const issue = args.error.issues[0]!;
      return this.#error(id, RPC_CODE.params, `${name}: params.${issue.path.join('.')}: ${issue.message}`);
    }
    try {
      const result = await found.handler(args.data, this.#context());
      if (id !== null) this.#send({ jsonrpc: '2.0', id, result: result ?? null });
    } catch (thrown) {
      const error = asScannerError(thrown);
      this.#error(id, RPC_CODE.scanner, error.message, error);
    }
  }

  #login(id: string | number | null, params: unknown): void {
    const given = z.object({ token: z.string() }).safeParse(params);
    this.#trusted ||= given.success && sameToken(given.data.token, this.#token);
    if (this.#trusted) this.#send({ jsonrpc: '2.0', id, result: true });
    else this.#error(id, RPC_CODE.unauthorised, 'wrong token');
  }

  #context(): MethodContext {
    const { signal } = this.#abort;
    return {
      connection: this.id,
      signal,
      notify: (name, params) => !signal.aborted && this.#send({ jsonrpc: '2.0', method: name, params }),
      onClose: (act) => signal.addEventListener('abort', act, { once: true }),
    };
  }

  #error(id: string | number | null, code: number, message: string, error?: ScannerError): void {
    this.#send({ jsonrpc: '2.0', id, error: { code, message, ...(error && { data: error.toJSON() }) } });
  }

  #send(message: unknown): boolean {
    return this.#transport.send(
      JSON.stringify(message, (_key, value) => (typeof value === 'bigint' ? value.toString() : value)),
    );
  }
}

/** Compares in constant time. */
export function sameToken(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The OpenRPC document of a method table. */
export function openRpc(methods: MethodTable, version: string): object {
  return {
    openrpc: '1.3.2',
    info: { title: 'petrig service socket', version },
    methods: Object.entries(methods).map(([name, { summary, params }]) => ({
      name,
      summary,
      paramStructure: 'by-name',
      params: openRpcParams(params),
      result: { name: 'result', schema: {} },
    })),
  };
}

function openRpcParams(schema: z.ZodType): object[] {
  const json = z.toJSONSchema(schema, { io: 'input' }) as { properties?: Record<string, object>; required?: string[] };
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    required: json.required?.includes(name) ?? false,
    schema: property,
  }));
}
