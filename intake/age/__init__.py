"""The age v1 encrypted file format (https://c2sp.org/age), on top of `cryptography`.

For most cases: make a `HybridIdentity` with `identities.HybridIdentity.generate()`, hand out its `recipient()`,
seal with `encrypt.encrypt` (or `encrypt.Encryptor` for what does not fit in memory) and open with
`decrypt.decrypt` (or `decrypt.decrypt_stream`). Hybrid keys (ML-KEM-768 with X25519) resist an attacker who
records files today and has a quantum computer later. Classic X25519 keys and passphrases are for exchanging
files with tools that know nothing else.

Keys are text: recipients (`age1pq1…`, `age1…`) are public, identities (`AGE-SECRET-KEY-…`) are secret. Only the
`str()` of an identity and `HybridIdentity.seed` give the secret out; no error message and no `repr()` does. Python
cannot wipe memory, so a secret lives until its process ends. Recipients and identities never change once made,
and may be used from several threads at once. An `Encryptor` belongs to one thread.

The modules are split so that a program which must not decrypt can be held to it by an import rule:

- encrypting: `recipients`, `encrypt`
- decrypting: `identities`, `decrypt`
- neither: `armor`, `bech32`, `errors`, `header`, `primitives`, `streams`

The first and the last import nothing from the second. Whatever can go wrong with a key or a file is an
`errors.AgeError`; what goes wrong with the disk beneath is the `OSError` it raised.
"""
