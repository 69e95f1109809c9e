/**
 * MicroVMs: machines with a kernel of their own, run by an existing VMM which sits in a container of ours. See
 * {@code design/006-microvm.md}.
 */
package dev.cay.engine.microvm;
