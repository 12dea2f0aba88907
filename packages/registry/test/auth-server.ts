import { FakeRegistry, sendError } from './fake-registry.ts';

/** What a registry with a token server remembers. */
export interface TokenAuth {
  /** Tokens that are good, by scope. */
  readonly valid: Set<string>;
  /** How many tokens were given out. */
  issued: number;
}

/** Lets a registry want Basic authentication. */
export function requireBasic(registry: FakeRegistry, username: string, password: string): void {
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  registry.intercepts.push(({ headers }, response) => {
    if (headers.authorization === wanted) return false;
    response.setHeader('www-authenticate', 'Basic realm="Registry Realm"');
    sendError(response, 401, 'UNAUTHORIZED', 'authentication required');
    return true;
  });
}

/** How a token server behaves. */
export interface TokenServerOptions {
  /** `USER:PASSWORD` that gets tokens; without it everybody does. */
  readonly login?: string;
  readonly refreshToken?: string;
  readonly expiresIn?: number;
  /** What POST is answered with instead of a token. */
  readonly postStatus?: number;
}

/** Lets a registry want bearer tokens, and gives them out at `/token` of another server. */
export async function requireToken(
  registry: FakeRegistry,
  options: TokenServerOptions = {},
): Promise<TokenAuth & { server: FakeRegistry }> {
  const auth = { valid: new Set<string>(), issued: 0, server: await FakeRegistry.start() };
  const realm = `http://${auth.server.host}/token`;
  registry.intercepts.unshift(({ headers, url }, response) => {
    const token = /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1];
    if (token !== undefined && auth.valid.has(token)) return false;
    const repository = /^\/v2\/(.+)\/(blobs|manifests)\//.exec(url)?.[1];
    const scope = repository === undefined ? '' : `,scope="repository:${repository}:pull"`;
    response.setHeader('www-authenticate', `Bearer realm="${realm}",service="test service"${scope}`);
    sendError(response, 401, 'UNAUTHORIZED', 'authentication required');
    return true;
  });
  auth.server.intercepts.push(({ method, headers, body }, response) => {
    const basic = options.login && `Basic ${Buffer.from(options.login).toString('base64')}`;
    const form = new URLSearchParams(body);
    if (method === 'POST' && options.postStatus !== undefined) {
      sendError(response, options.postStatus, 'UNSUPPORTED', 'no POST here');
    } else if (
      method === 'POST'
        ? form.get('refresh_token') !== options.refreshToken
        : basic !== undefined && headers.authorization !== basic
    ) {
      sendError(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
    } else {
      const token = `token-${++auth.issued}`;
      auth.valid.add(token);
      const field = method === 'POST' ? 'access_token' : 'token';
      response.end(JSON.stringify({ [field]: token, expires_in: options.expiresIn ?? 300 }));
    }
    return true;
  });
  return auth;
}
