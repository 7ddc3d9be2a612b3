// The server's JSON routes. In: a path and a body. Out: the response's JSON, or an `ApiError` with the server's message.

import { resolveUrl } from "../audio/urls.js";

export class ApiError extends Error {
  constructor(code, message, status) {
    super(message ?? code);
    Object.assign(this, { code, status });
  }
}

export class ApiClient {
  #i18n;

  constructor(i18n) {
    this.#i18n = i18n;
  }

  get = (path) => this.#json("GET", path);
  post = (path, body) => this.#json("POST", path, body);
  put = (path, body) => this.#json("PUT", path, body);
  patch = (path, body) => this.#json("PATCH", path, body);
  delete = (path, body) => this.#json("DELETE", path, body);

  /** The history entry of a request, which may still be running. */
  async historyEntry(requestId) {
    return (await this.get(`api/history?request_id=${requestId}`)).entries[0];
  }

  /** Any request; an error response throws. */
  async fetch(path, options = {}) {
    const headers = { "Accept-Language": this.#i18n.language, ...options.headers };
    let response;
    try {
      response = await fetch(resolveUrl(path), { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("network", this.#i18n.t("error.page.network"), null);
    }
    if (!response.ok) throw await this.#toApiError(response);
    return response;
  }

  async #json(method, path, body) {
    const options = { method };
    if (body !== undefined) {
      Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    }
    const response = await this.fetch(path, options);
    return response.status === 204 ? null : response.json();
  }

  async #toApiError(response) {
    try {
      const { code, message } = (await response.json()).error;
      return new ApiError(code, message, response.status);
    } catch {
      return new ApiError("refused", this.#i18n.t("error.page.refused"), response.status);
    }
  }
}
