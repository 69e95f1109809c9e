/**
 * System calls as data. A list of them ({@link dev.cay.linux.OpList}) is run by a {@link dev.cay.linux.Kernel}: in this
 * thread, or in a new process up to its {@code execve}. One class per kernel interface makes the single calls:
 * {@link dev.cay.linux.FileOps}, {@link dev.cay.linux.Mount}, {@link dev.cay.linux.Namespaces},
 * {@link dev.cay.linux.Credentials}, {@link dev.cay.linux.Processes}.
 *
 * <p>Nothing outside this package sees a memory address or a descriptor's number.
 */
package dev.cay.linux;
