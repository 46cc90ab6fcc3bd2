-- The addresses whose logs a service wants, and from which block on.
CREATE TABLE coin.chain_watches (
    chain_id bigint NOT NULL,
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    contract text NOT NULL, -- Master, Dividend, Market, Coin, Staking, Pool
    from_block bigint NOT NULL CHECK (from_block >= 0),
    PRIMARY KEY (chain_id, address)
);

-- How far each chain was mirrored. Its row is the lock under which logs come and go.
CREATE TABLE coin.chain_checkpoints (
    chain_id bigint PRIMARY KEY,
    block bigint NOT NULL CHECK (block >= -1), -- -1: not even the first
    hash text CHECK (hash ~ '^0x[0-9a-f]{64}$'), -- null: rolled back, whoever goes on begins somewhat earlier
    watches integer NOT NULL CHECK (watches > 0) -- rows of chain_watches: what was read for fewer is not all there is
);

-- The logs that are in the chain now, as far as the checkpoint.
CREATE TABLE coin.chain_logs (
    chain_id bigint NOT NULL,
    tx_hash text NOT NULL CHECK (tx_hash ~ '^0x[0-9a-f]{64}$'),
    log_index integer NOT NULL CHECK (log_index >= 0),
    block_number bigint NOT NULL,
    block_hash text NOT NULL CHECK (block_hash ~ '^0x[0-9a-f]{64}$'),
    address text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    contract text NOT NULL,
    name text NOT NULL, -- of the class in clients/chain/contracts/events.py: Minted, ShareTransfer
    arguments jsonb NOT NULL,
    PRIMARY KEY (chain_id, tx_hash, log_index)
);
CREATE INDEX chain_logs_order ON coin.chain_logs (chain_id, block_number, log_index);
