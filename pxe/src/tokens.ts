import type { AztecAddress } from '@aztec/aztec.js/addresses';
import { TokenContract } from '@aztec/noir-contracts.js/Token';
import { getContractClassFromArtifact } from '@aztec/stdlib/contract';
import { GasFees } from '@aztec/stdlib/gas';
import type { TestAccounts } from './accounts.ts';
import { RpcError } from './errors.ts';
import type { Fees } from './fees.ts';
import type { AztecNode } from './node.ts';
import { KeyedQueue } from './queue.ts';
import type { Transactions, TxResult, TxWait } from './transactions.ts';
import type { PxeWallet } from './wallet.ts';

/** Where a token amount lives: in encrypted notes or in public state. */
export type Visibility = 'private' | 'public';

/** Constructor arguments of a token; `decimals` is only for display. */
export type TokenSpec = { name: string; symbol: string; decimals: number; admin: AztecAddress };

/** An amount of a token going to somebody, in the token's smallest unit. */
export type Payment = { token: AztecAddress; to: AztecAddress; amount: bigint; visibility: Visibility };

/** A payment that may outbid one: nodes take it in place of a pending transaction that spends the same notes and pays less. */
export type Transfer = Payment & {
  /** Paid per unit of L2 gas beyond the base fee, in the smallest unit of fee juice. */
  priorityFee?: bigint | undefined;
};

/** Balances of one owner in the token's smallest unit; `private` is null without the owner's keys. */
export type Balances = { public: bigint; private: bigint | null };

/** What {@link Tokens} works with. */
export type TokensDeps = {
  readonly node: AztecNode;
  readonly wallet: PxeWallet;
  readonly fees: Fees;
  readonly transactions: Transactions;
  readonly accounts: TestAccounts;
};

/** Aztec's own token contract: deployed here, or found on the network by its address. */
export class Tokens {
  readonly #deps: TokensDeps;
  readonly #known = new Map<string, TokenContract>();
  /** Private transfers of one account in turn: at the same time they would spend the same notes. */
  readonly #spending = new KeyedQueue();

  constructor(deps: TokensDeps) {
    this.#deps = deps;
  }

  /** Deploys a token; sent by nobody where a sponsor pays, so that it needs no deployed account. */
  async deploy(spec: TokenSpec, wait: TxWait): Promise<{ token: AztecAddress } & TxResult> {
    const { wallet, fees, accounts, transactions } = this.#deps;
    const sponsored = fees.sponsor !== undefined;
    if (!sponsored) {
      await accounts.require(spec.admin);
    }
    const from = sponsored ? wallet.nobody : spec.admin;
    const method = TokenContract.deploy(wallet, spec.admin, spec.name, spec.symbol, spec.decimals);
    const options = { from, universalDeploy: true, fee: fees.option };
    const txHash = await transactions.send(`the deployment of token ${spec.symbol}`, method, options);
    const { address: token } = await method.getInstance();
    this.#known.set(token.toString(), TokenContract.at(token, wallet));
    const result = await transactions.wait(`the deployment of token ${token}`, txHash, wait);
    return { token, ...result };
  }

  /** Creates an amount out of nothing, as `minter`. */
  async mint(payment: Payment, minter: AztecAddress, wait: TxWait): Promise<TxResult> {
    const { token, to, amount, visibility } = payment;
    const { methods } = await this.#token(token);
    await this.#deps.accounts.require(minter);
    await requireRecipient(payment);
    if (!(await methods.is_minter(minter).simulate({ from: minter })).result) {
      throw new RpcError('notMinter', `account ${minter} may not mint token ${token}: it is not one of its minters`);
    }
    const call = visibility === 'public' ? methods.mint_to_public(to, amount) : methods.mint_to_private(to, amount);
    const what = `the ${visibility} mint of ${amount} of token ${token}`;
    return await this.#deps.transactions.run(what, call, this.#options(minter), wait);
  }

  /** Moves an amount between two owners, staying private or public. */
  async transfer(payment: Transfer, from: AztecAddress, wait: TxWait): Promise<TxResult> {
    const { token, to, amount, visibility, priorityFee } = payment;
    const options = this.#options(from, priorityFee);
    const { methods } = await this.#token(token);
    await this.#deps.accounts.require(from);
    await requireRecipient(payment);
    const what = `the ${visibility} transfer of ${amount} of token ${token}`;
    if (visibility === 'public') {
      await this.#requireBalance(payment, from);
      const call = methods.transfer_in_public(from, to, amount, 0n);
      return await this.#deps.transactions.run(what, call, options, wait);
    }
    const txHash = await this.#spending.run(`${token}/${from}`, async () => {
      await this.#requireBalance(payment, from);
      const sent = await this.#deps.transactions.send(what, methods.transfer(to, amount), options);
      await this.#deps.transactions.wait(what, sent, atMostCheckpointed(wait));
      return sent;
    });
    return await this.#deps.transactions.wait(what, txHash, wait);
  }

  /** What an owner has, as of the newest block. */
  async balances(token: AztecAddress, owner: AztecAddress): Promise<Balances> {
    await this.#token(token);
    const own = await this.#deps.wallet.hasAccount(owner);
    return {
      public: await this.#balance(token, owner, 'public'),
      private: own ? await this.#balance(token, owner, 'private') : null,
    };
  }

  async #balance(token: AztecAddress, owner: AztecAddress, visibility: Visibility): Promise<bigint> {
    const { methods } = await this.#token(token);
    const call = visibility === 'public' ? methods.balance_of_public(owner) : methods.balance_of_private(owner);
    return BigInt((await call.simulate({ from: owner })).result);
  }

  /** Said before anything is sent: on the network a public transfer that is too large only reverts, unexplained. */
  async #requireBalance({ token, amount, visibility }: Payment, from: AztecAddress): Promise<void> {
    const balance = await this.#balance(token, from, visibility);
    if (balance < amount) {
      const text = `account ${from} has ${balance} of token ${token} in ${visibility}, ${amount} are needed`;
      throw new RpcError('insufficientBalance', text, { balance: balance.toString(), needed: amount.toString() });
    }
  }

  #options(from: AztecAddress, priorityFee = 0n): object {
    // A node compares transactions by what they pay for L2 gas alone.
    const gasSettings = { maxPriorityFeesPerGas: new GasFees(0n, priorityFee) };
    const { option } = this.#deps.fees;
    return { from, fee: priorityFee === 0n ? option : { ...option, gasSettings } };
  }

  /** The token at an address, known here or published on the network. */
  async #token(address: AztecAddress): Promise<TokenContract> {
    const known = this.#known.get(address.toString());
    if (known !== undefined) {
      return known;
    }
    const instance = await this.#deps.node.getContract(address);
    if (instance === undefined) {
      throw new RpcError('unknownToken', `no contract at ${address} on this network: deploy one with token_deploy`);
    }
    const { id } = await getContractClassFromArtifact(TokenContract.artifact);
    if (!instance.currentContractClassId.equals(id)) {
      const text = `the contract at ${address} is of class ${instance.currentContractClassId}, not Aztec's Token ${id}`;
      throw new RpcError('notAToken', text);
    }
    await this.#deps.wallet.registerContract(instance, TokenContract.artifact);
    const token = TokenContract.at(address, this.#deps.wallet);
    this.#known.set(address.toString(), token);
    return token;
  }
}

/** As far as the wallet has to see a transfer before it can make the next one of the same account. */
function atMostCheckpointed(wait: TxWait): TxWait {
  return wait.for === 'none' || wait.for === 'proposed' ? wait : { ...wait, for: 'checkpointed' };
}

/** A private amount is encrypted to the recipient's key, which the address must be able to hold. */
async function requireRecipient({ to, visibility }: Payment): Promise<void> {
  if (visibility === 'private' && !(await to.isValid())) {
    throw new RpcError('invalidRecipient', `${to} is not a valid address: nothing could be encrypted to it`);
  }
}
