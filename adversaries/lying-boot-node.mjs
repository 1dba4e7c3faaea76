// A boot node that, asked for other nodes, answers with node records of nobody, signed by keys that are nobody's, until it is
// told to stop by SIGUSR2. Half of them lead to 192.0.2.0/24, where nobody is, the others to the boot node itself, which is
// somebody else than they say. Returns `{forged, served}`: the peer ids of the records, and how many were given out.
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { replace } from './replace.mjs';

// A private key as libp2p writes it down: of secp256k1, 32 bytes.
const SECP256K1 = '08021220';
// As many as an answer has at most, at each distance at which there are likely to be nodes.
const AT_ONCE = 16;
const DISTANCES = [256, 255, 254];

export default async function misbehave(load, { dud, seconds }) {
  const { LibP2PService } = await load('p2p/dest/services/libp2p/libp2p_service.js');
  const { createNodeENR } = await load('p2p/dest/enr/index.js');
  const { createLibP2PPeerIdFromPrivateKey } = await load('p2p/dest/util.js');

  /** The node, once it hears something. */
  async function node() {
    const { prototype } = LibP2PService;
    let takeBack;
    try {
      return await new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error(`it heard nothing in ${seconds} s`)), seconds * 1000).unref();
        takeBack = replace(prototype, 'handleNewGossipMessage', hear => function (...args) {
          resolve(this);
          return hear.apply(this, args);
        });
      });
    } finally {
      takeBack?.();
    }
  }

  /** Records by their distance from `own`, the boot node's. */
  async function forge(config, own) {
    const records = new Map(DISTANCES.map(distance => [distance, []]));
    const lacking = () => DISTANCES.some(distance => records.get(distance).length < AT_ONCE);
    for (let n = 0; lacking(); n++) {
      const peer = await createLibP2PPeerIdFromPrivateKey(SECP256K1 + randomBytes(32).toString('hex'));
      const record = createNodeENR(peer, undefined, undefined, config, '0').enr;
      const some = records.get(log2Distance(record.nodeId, own.nodeId));
      if (!some || some.length === AT_ONCE) continue;
      record.ip = n % 2 ? own.ip : `192.0.2.${1 + (n % 254)}`;
      record.tcp = record.udp = own.tcp;
      some.push({ peer: String(peer), record: record.toENR() });
    }
    return records;
  }

  const { config, peerDiscoveryService } = await node();
  const { kbuckets } = peerDiscoveryService.discv5;
  const records = await forge(config, peerDiscoveryService.getEnr());
  const { promise: told, resolve: stop } = Promise.withResolvers();
  process.once('SIGUSR2', stop);
  const timer = setTimeout(stop, seconds * 1000);
  let served = 0;
  const takeBack = replace(kbuckets, 'valuesOfDistance', values => distance => {
    if (dud) return values.call(kbuckets, distance);
    const some = records.get(distance) ?? [];
    served += some.length;
    return some.map(({ record }) => record);
  });
  try {
    await told;
  } finally {
    takeBack();
    clearTimeout(timer);
    process.off('SIGUSR2', stop);
  }
  return { forged: [...records.values()].flat().map(({ peer }) => peer), served };
}

/** As discv5 has it: the number of bits in which two ids differ, without leading ones that they share. */
function log2Distance(a, b) {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).length;
}
