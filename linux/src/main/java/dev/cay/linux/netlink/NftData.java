package dev.cay.linux.netlink;

/** What a map leads to, and what a register holds. */
public sealed interface NftData permits NftValue, NftVerdict {}
