// Strangers at the p2p ports of those whose records are in `to`: one for each gossip topic, one that makes requests, one that
// finishes nothing. What they send comes of `seed` and of what another one hears. Returns `{strangers: [{what, peer, peers, sent,
// shunned}], asked, answered}`: whom each reached, how much it sent, and to how many it became too bad a peer (null: to
// nobody, whatever it does); and how much the other one asked meanwhile, and got.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { replace } from './replace.mjs';
import { Strangers, until } from './stranger.mjs';

const KIB = 1024;
// Nodes look at the scores of their peers every 30 s, and end a connection 30 s later.
const TO_SHUN = 75_000;
const TO_ANSWER = 5_000;
const MUTANTS = 24;

export default async function misbehave(load, { dud, seconds, seed, to }) {
  const { SnappyTransform } = await load('p2p/dest/services/encoding.js');
  const { GoodByeReason, ReqRespSubProtocol } = await load('p2p/dest/services/reqresp/index.js');
  const { ReqRespStatus } = await load('p2p/dest/services/reqresp/status.js');
  const { CheckpointProposal, P2PMessage } = await load('stdlib/dest/p2p/index.js');
  const { Tx } = await load('stdlib/dest/tx/index.js');

  const below = dice(seed);
  const bytes = count => Buffer.from(Uint8Array.from({ length: count }, () => below(256)));
  const snappy = new SnappyTransform();
  const pack = data => snappy.outboundTransformData(data);

  /** A message of each topic. */
  async function samples({ topicStrings }, listener) {
    const { checkpoint_attestation, checkpoint_proposal, block_proposal, tx } = topicStrings;
    const heard = await strangers.hear(listener, [checkpoint_proposal, checkpoint_attestation], seconds);
    const proposal = heard.get(checkpoint_proposal);
    const message = payload => new P2PMessage(payload).toMessageData();
    const block = CheckpointProposal.fromBuffer(P2PMessage.fromMessageData(proposal).payload).getBlockProposal();
    return new Map([[tx, message(Tx.random().toBuffer())], [block_proposal, block ? message(block.toBuffer()) : proposal], ...heard]);
  }

  /** One who counts who shuts it out: by a goodbye, which comes only if it can be said within a second; or by the end of the
   * connection half a minute later. */
  async function appear(what) {
    const service = await strangers.appear();
    const one = { what, service, sent: 0, shunned: new Set() };
    replace(service.peerManager, 'goodbyeReceived', () => (peer, reason) => {
      if (reason === GoodByeReason.LOW_SCORE || reason === GoodByeReason.BANNED) one.shunned.add(String(peer));
    });
    service.node.addEventListener('peer:disconnect', ({ detail: peer }) => one.shunned.add(String(peer)));
    const { pubsub } = service.node.services;
    const same = (_, data) => data;
    for (const name of ['outboundTransform', 'inboundTransform']) replace(pubsub.dataTransform, name, () => same);
    all.push(one);
    return one;
  }

  /** What nobody should gossip. */
  function* messages(sound) {
    const packed = pack(sound);
    yield Buffer.alloc(0);
    yield bytes(KIB);
    yield packed.subarray(0, packed.length / 2);
    // Preambles: 4 GiB; less than there is.
    yield Buffer.from('ffffffff0f00', 'hex');
    yield Buffer.concat([Buffer.from([4]), packed.subarray(2)]);
    yield pack(bytes(KIB));
    // A length beyond the end.
    yield pack(Buffer.concat([Buffer.alloc(4, 0xff), sound.subarray(4)]));
    for (let n = 0; n < MUTANTS; n++) yield pack(mutant(sound, below));
    // As much as nodes unpack, and more.
    yield pack(Buffer.alloc(10 * KIB * KIB));
    yield pack(Buffer.alloc(11 * KIB * KIB, 1));
  }

  async function gossip(stranger, topic, sound) {
    const { pubsub } = stranger.service.node.services;
    await strangers.listened(stranger.service, topic);
    for (const message of messages(sound)) {
      if (dud) continue;
      const { recipients } = await pubsub.publish(topic, message, { ignoreDuplicatePublishError: true });
      stranger.sent += recipients.length;
    }
  }

  const protocols = Object.values(ReqRespSubProtocol).filter(name => name.startsWith('/'));

  /** Opens a stream for a request; undefined: the peer has no such protocol. */
  async function open({ service }, { peer }, protocol) {
    if (dud) return undefined;
    return service.node.dialProtocol(peer, protocol, { signal: AbortSignal.timeout(TO_ANSWER) }).catch(() => undefined);
  }

  async function request(stranger, peer, protocol, chunk) {
    const stream = await open(stranger, peer, protocol);
    if (!stream) return;
    stranger.sent++;
    const read = async () => {
      for await (const _ of stream.source);
    };
    const done = Promise.all([stream.sink([chunk]), read()]).catch(() => {});
    await Promise.race([done, sleep(TO_ANSWER)]);
    stream.abort(new Error('done'));
  }

  async function requests(stranger, peers) {
    const chunks = [bytes(64), bytes(1), Buffer.alloc(4, 0xff), Buffer.alloc(32, 0xff), bytes(KIB * KIB)];
    for (const chunk of chunks) {
      const each = peers.flatMap(peer => protocols.map(protocol => [peer, protocol]));
      // A goodbye ends the connection, whatever is in it.
      const some = each.filter(([, protocol]) => protocol !== ReqRespSubProtocol.GOODBYE);
      await Promise.all([sleep(1000), ...some.map(([peer, protocol]) => request(stranger, peer, protocol, chunk))]);
    }
  }

  /** Streams and connections that are begun and held, and datagrams that are none of discv5, until this is over. */
  async function unfinished(stranger, peers, over) {
    const end = new Promise(resolve => over.addEventListener('abort', resolve, { once: true }));
    async function* begun(chunk) {
      if (chunk) yield chunk;
      await end;
    }
    const frame = Buffer.concat([Buffer.from('ffff3f', 'hex'), bytes(10)]);
    const [gossipsub] = stranger.service.node.services.pubsub.multicodecs;
    async function hold(peer, protocol, chunk) {
      const stream = await open(stranger, peer, protocol);
      if (!stream) return;
      stranger.sent++;
      stream.sink(begun(chunk)).catch(() => {});
    }
    function connection({ ip, tcp }, data) {
      const socket = connect(tcp, ip).on('error', () => {});
      if (data) socket.write(data);
      over.addEventListener('abort', () => socket.destroy(), { once: true });
      stranger.sent++;
    }
    for (const peer of peers) {
      for (const protocol of protocols) await Promise.all([hold(peer, protocol), hold(peer, protocol, Buffer.from([0]))]);
      await hold(peer, gossipsub, frame);
      if (dud) continue;
      for (const data of [undefined, bytes(KIB), Buffer.from('\x13/multistream/1.0.0\n')]) connection(peer, data);
    }
    const udp = createSocket('udp4').on('error', () => {});
    over.addEventListener('abort', () => udp.close(), { once: true });
    for (const { ip, udp: port } of dud ? [] : peers) {
      for (let n = 0; n < 64; n++, stranger.sent++) udp.send(bytes(below(1280)), port, ip);
    }
  }

  /** Has one who behaves ask each of `peers` for what it answers anybody, until it is told that this is over. */
  async function ask({ reqresp }, peers, over) {
    const count = { asked: 0, answered: 0 };
    while (!over.aborted) {
      const answers = peers.map(({ peer }) => reqresp.sendRequestToPeer(peer, ReqRespSubProtocol.PING, Buffer.from('ping')));
      for (const { status } of await Promise.all([...answers, sleep(2000, { status: undefined })])) {
        if (status === undefined) continue;
        count.asked++;
        if (status === ReqRespStatus.SUCCESS) count.answered++;
      }
    }
    return count;
  }

  const strangers = await Strangers.of(load, to);
  const { host, peers } = strangers;
  const all = [];
  const over = new AbortController();
  try {
    const behaves = await strangers.appear();
    const asking = ask(behaves, peers, over.signal);
    for (const [topic, sound] of await samples(host, behaves)) {
      const [, , name] = topic.split('/');
      await gossip(await appear(`gossip of ${name}`), topic, sound);
    }
    await requests(await appear('requests'), peers);
    const shunnable = [...all];
    await unfinished(await appear('unfinished'), peers, over.signal);
    await until(() => shunnable.every(({ shunned }) => shunned.size === peers.length), () => 'end', TO_SHUN).catch(() => {});
    over.abort();
    const told = ({ what, service, sent, shunned }) => ({
      what,
      peer: String(service.node.peerId),
      peers: peers.length,
      sent,
      shunned: what === 'unfinished' ? null : shunned.size,
    });
    return { strangers: all.map(told), ...(await asking) };
  } finally {
    over.abort();
    await strangers.end();
  }
}

/** Mulberry32: numbers below a bound. */
function dice(seed) {
  let state = seed >>> 0;
  return bound => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

/** A third of them truncated, the others with some bits flipped. */
function mutant(sound, below) {
  if (below(3) === 0) return sound.subarray(0, below(sound.length));
  const data = Buffer.from(sound);
  for (let n = 0; n <= below(8); n++) data[below(data.length)] ^= 1 << below(8);
  return data;
}
