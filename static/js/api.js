/* Requests to our own JSON API: same-origin cookie, CSRF header, problem documents. */

export class Problem extends Error {
  constructor(status, detail, code) {
    super(detail || `HTTP ${status}`);
    this.status = status;
    this.code = code;
  }
}

export async function request(method, url, body, csrf) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, credentials: "same-origin" };
  if (body !== undefined) options.body = JSON.stringify(body);
  const answer = await fetch(url, options);
  const text = await answer.text();
  const value = parse(text);
  if (!answer.ok) throw new Problem(answer.status, value?.detail ?? value?.title, value?.code);
  return value;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // 204, or an error page
  }
}

/** ws(s) address from the page's data: absolute, or a path on this host. */
export function socketAddress(address) {
  if (/^wss?:/.test(address)) return address;
  const url = new URL(address, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
