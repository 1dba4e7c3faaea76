// Strangers: libp2p nodes with keys of their own, in the process of a node of the network. Who shuts one out loses nobody
// that the network needs, and what one hears does not depend on who still talks to that node.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { replace } from './replace.mjs';

// A private key as libp2p writes it down: of secp256k1, 32 bytes.
const SECP256K1 = '08021220';
const TO_REACH = 30_000;

export class Strangers {
  static async of(load, records) {
    const { LibP2PService } = await load('p2p/dest/services/libp2p/libp2p_service.js');
    const { createLibP2PPeerIdFromPrivateKey } = await load('p2p/dest/util.js');
    const { ReqRespSubProtocol } = await load('p2p/dest/services/reqresp/index.js');
    const { openTmpStore } = await load('kv-store/dest/lmdb-v2/index.js');
    const host = await serviceHere(LibP2PService);
    const peers = await Promise.all(records.map(record => place(host, record)));
    const make = async (config, key, rest) => LibP2PService.new(config, await createLibP2PPeerIdFromPrivateKey(key), rest);
    return new Strangers({ host, peers, make, ping: ReqRespSubProtocol.PING, peerStore: await openTmpStore('strangers') });
  }

  /** `host`: the service of the node that they live in. `peers`: `{peer, address, ip, tcp, udp}` of those to whom strangers connect. */
  constructor(parts) {
    Object.assign(this, parts, { services: [] });
  }

  /** A new one, which is connected to all of `peers`. It subscribes to nothing, says no goodbye, and drops nobody. */
  async appear() {
    const { host, peerStore } = this;
    const config = { ...host.config, p2pPort: 0, p2pDiscoveryDisabled: true, bootstrapNodes: [] };
    const key = SECP256K1 + randomBytes(32).toString('hex');
    const service = await this.make(config, key, {
      worldStateSynchronizer: host.worldStateSynchronizer,
      epochCache: host.epochCache,
      l2BlockSource: host.archiver,
      mempools: host.mempools,
      proofVerifier: host.proofVerifier,
      telemetry: host.telemetry,
      logger: host.logger,
      packageVersion: '0',
      peerStore,
    });
    const nothing = () => () => {};
    for (const name of ['gossipSubEventHandler', 'subscribeToTopic']) replace(service, name, nothing);
    for (const name of ['goodbyeReceived', 'markPeerForDisconnect']) replace(service.peerManager, name, nothing);
    replace(service.node.services.pubsub.opts, 'floodPublish', () => true);
    this.services.push(service);
    await service.start();
    await Promise.all(this.peers.map(one => reach(service, one)));
    return service;
  }

  /** Waits until all of `peers` have told a stranger that they listen to `topic`. */
  async listened({ node }, topic) {
    const { pubsub } = node.services;
    const hears = ({ peer }) => pubsub.streamsOutbound.has(String(peer)) && pubsub.getSubscribers(topic).map(String).includes(String(peer));
    const missing = () => this.peers.filter(one => !hears(one)).map(({ ip }) => ip);
    await until(() => missing().length === 0, () => `subscription to ${topic} of ${missing().join(', ')}`, TO_REACH);
  }

  /** What is gossiped on `topics` next, by topic; of which `wanted` says that it will do. It listens to them from then on. */
  async hear({ node }, topics, seconds, wanted = () => true) {
    const { pubsub } = node.services;
    const heard = new Map();
    const listen = ({ detail: { msg } }) => {
      if (topics.includes(msg.topic) && !heard.has(msg.topic) && wanted(msg.data)) heard.set(msg.topic, Buffer.from(msg.data));
    };
    pubsub.addEventListener('gossipsub:message', listen);
    try {
      for (const topic of topics) pubsub.subscribe(topic);
      const missing = () => topics.filter(topic => !heard.has(topic));
      await until(() => missing().length === 0, () => `message of ${missing().join(' and ')}`, seconds * 1000);
      return heard;
    } finally {
      pubsub.removeEventListener('gossipsub:message', listen);
    }
  }

  /** Waits until all of `peers` have what a stranger has sent: each answers what it is asked afterwards on the same connection. */
  async arrived({ reqresp }) {
    await Promise.all(this.peers.map(({ peer }) => reqresp.sendRequestToPeer(peer, this.ping, Buffer.from('ping'))));
  }

  /** All of them go, without a goodbye, for which they would wait. */
  async end() {
    const gone = this.services.map(async service => {
      for (const connection of service.node.getConnections()) connection.abort(new Error('gone'));
      await service.stop();
    });
    await Promise.allSettled(gone);
    await this.peerStore.delete();
  }
}

/** The p2p service of the node in this process, once the node is asked for its peers. */
async function serviceHere({ prototype }) {
  let here;
  const takeBack = replace(prototype, 'getPeers', getPeers => function (...rest) {
    here = this;
    return getPeers.apply(this, rest);
  });
  try {
    await until(() => here, () => 'question for its peers', TO_REACH);
    return here;
  } finally {
    takeBack();
  }
}

/** Where the node with this ENR is. */
async function place({ peerDiscoveryService }, record) {
  const enr = peerDiscoveryService.getEnr().constructor.decodeTxt(record);
  const [peer, address] = await Promise.all([enr.peerId(), enr.getFullMultiaddr('tcp')]);
  return { peer, address, ip: enr.ip, tcp: enr.tcp, udp: enr.udp };
}

/** Connects; a node that has much to do may not take a connection at first. */
async function reach({ node }, { address }) {
  for (const end = Date.now() + TO_REACH; ; await sleep(500)) {
    try {
      return await node.dial(address);
    } catch (error) {
      if (Date.now() > end) throw new Error(`${address} can't be reached: ${error.message}`);
    }
  }
}

/** Waits; `what` says what for. */
export async function until(done, what, within) {
  for (const end = Date.now() + within; !done(); await sleep(100)) {
    if (Date.now() > end) throw new Error(`no ${what()} within ${within / 1000} s`);
  }
}
