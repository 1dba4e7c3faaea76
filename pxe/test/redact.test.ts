import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageOf } from '../src/errors.ts';
import { redactedUrl, redactedUrls } from '../src/redact.ts';

test('a URL is shown without user, path and query', () => {
  assert.equal(redactedUrl('https://user:pw@rpc.example:8443/v2/KEY?apikey=K#x'), 'https://rpc.example:8443');
  assert.equal(redactedUrl('http://boot-node-0.boot-node:8080'), 'http://boot-node-0.boot-node:8080');
  assert.doesNotMatch(redactedUrl('KEY'), /KEY/);
});

test('no API key is in the text of an error, whoever wrote it', () => {
  const error = new Error('Error fetching from host https://rpc.example/v2/KEY: 403', {
    cause: new Error('connect ECONNREFUSED (https://rpc.example/v2/KEY)'),
  });
  assert.doesNotMatch(messageOf(error), /KEY/);
  assert.equal(redactedUrls('host http://a.example:80/KEY: refused.'), 'host http://a.example: refused.');
  assert.equal(redactedUrls('see "http://a.example/KEY", please'), 'see "http://a.example", please');
});
