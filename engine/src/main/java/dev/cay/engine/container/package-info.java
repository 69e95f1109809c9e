/**
 * The container wall. {@link dev.cay.engine.container.Containers} makes containers; one of them runs commands. A
 * specification becomes a root file system ({@code Rootfs}), control groups ({@code Cgroup}) and namespaces, and then one
 * list of system calls that a new process runs ({@code CreationList}, {@code ExecutionList}).
 */
package dev.cay.engine.container;
