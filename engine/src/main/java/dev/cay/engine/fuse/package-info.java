/**
 * Files of this machine for the kernel of another: what is asked by the protocol of FUSE (linux/fuse.h, version 7) is answered with lists of
 * system calls. {@link dev.cay.engine.fuse.FuseServer} is the entry. The kernel that asks is hostile.
 */
package dev.cay.engine.fuse;
