/** What of a URL may be shown: scheme, host and port. User, path and query can hold API keys. */
export function redactedUrl(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'a URL that can\'t be read';
}

/** The text with each HTTP URL in it cut to what may be shown. */
export function redactedUrls(text: string): string {
  return text.replaceAll(/https?:\/\/[^\s"'`<>()[\]{},]*[^\s"'`<>()[\]{},.:;]/gi, redactedUrl);
}
